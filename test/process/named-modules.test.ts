import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textReader } from '../../src/config/reader.js';
import { modules as all } from '../../src/modules/index.js';
import { checkSource } from '../../src/process/configuration.js';
import { MODULE_NAMES } from '../../src/process/module-names.js';
import { checkNamed } from '../../src/process/named-modules.js';
import { corpus } from '../config/corpus.js';

const names = (modules: readonly { readonly name: string }[]) => modules.map(({ name }) => name);

test('every text is judged with the modules that it names as it is with all', async () => {
  for (const { path: name } of corpus()) {
    const source = { name, text: null, prefix: '/nonexistent/' };
    const { result, modules } = await checkNamed(source);
    const expected = checkSource(source, all);
    assert.deepEqual(
      result.findings.map(({ code, message, help }) => [code, message, help]),
      expected.findings.map(({ code, message, help }) => [code, message, help]),
      name,
    );
    assert.deepEqual(result.config, expected.config, name);
    assert.ok(modules.length > 0, name);
  }
});

test('the names of modules are in the order of the modules', async () => {
  const loaded = await Promise.all(MODULE_NAMES.map(({ load }) => load()));
  assert.deepEqual(names(loaded.map((file) => file.default)), names(all));
});

test('a small configuration loads what it names, also in the files that it includes and by variables', async () => {
  const reader = textReader(
    new Map([
      ['/etc/nginx.conf', 'events {} http { include "sites/*.conf"; }'],
      ['/etc/sites/a.conf', 'server { add_header X $realip_remote_addr; }'],
    ]),
  );
  const { modules, result } = await checkNamed({ name: '/etc/nginx.conf', text: null, prefix: '/', reader });
  assert.deepEqual(result.findings, []);
  assert.ok(names(modules).includes('headers') && names(modules).includes('realip'));
  assert.ok(!names(modules).includes('ssi') && !names(modules).includes('geo'));
});

test('a word that is unknown gets its suggestion from modules that the text does not name', async () => {
  const text = 'events {} http { server { autoindx on; } }';
  const { result } = await checkNamed({ name: 'nginx.conf', text, prefix: '/' });
  assert.match(result.findings[0]?.help ?? '', /autoindex/);
});

test('an include that only the language’s reader finds is checked with the modules that it needs', async () => {
  const reader = textReader(
    new Map([
      ['/nginx.conf', 'events {} http { include "si\\tes.conf"; include\n# a comment\nsites.conf; }'],
      ['/sites.conf', 'autoindex on;'],
      ['/si\tes.conf', 'geo $x { default 1; }'],
    ]),
  );
  const { result } = await checkNamed({ name: '/nginx.conf', text: null, prefix: '/', reader });
  assert.deepEqual(result.findings, []);
});

test('a file is read once, as a pipe must be', async () => {
  let reads = 0;
  const reader = {
    read: () => {
      reads++;
      return 'events {} bogus;';
    },
    expand: () => [],
  };
  const { result } = await checkNamed({ name: '/dev/stdin', text: null, prefix: '/', reader });
  assert.equal(result.findings[0]?.code, 'unknown-directive');
  assert.equal(reads, 1);
});
