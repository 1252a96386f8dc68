import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { check, checkFile } from '../../src/config/check.js';
import { textReader } from '../../src/config/reader.js';
import { fileLineColumn } from '../../src/diagnostics/place.js';
import { checkTiny, linesOf, tinyHouse } from './tiny-house.js';

const directory = mkdtempSync(join(tmpdir(), 'tsproxy-include-'));
after(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const files = (texts: Record<string, string>) => ({
  reader: textReader(new Map(Object.entries(texts).map(([name, text]) => [`/etc/nginx/${name}`, text]))),
});

test('a name starts from the directory of the configuration, wherever the include stands', () => {
  const { config, sources } = checkTiny(
    'http { include a/one.conf; }',
    files({ 'a/one.conf': 'include two.conf;', 'two.conf': 'root /x;' }),
  );
  assert.equal(config?.blocks[0]?.values.root, '/x');
  assert.deepEqual(
    sources.map(({ name }) => name),
    ['/etc/nginx/nginx.conf', '/etc/nginx/a/one.conf', '/etc/nginx/two.conf'],
  );
});

test('a pattern takes its files in the order of their bytes, and may have none', () => {
  const { config } = checkTiny(
    'http { server { include sites/*.conf; include none/*.conf; } }',
    files({
      'sites/b.conf': 'listen b;',
      'sites/a.conf': 'listen a;',
      'sites/.c.conf': 'listen c;',
      'sites/d': 'listen d;',
    }),
  );
  assert.deepEqual(config?.blocks[0]?.blocks[0]?.values.listen, [['a'], ['b']]);
});

test('patterns are expanded on the disk as glob(3) does', () => {
  write('sites/1/x.conf', 'listen 1x;');
  write('sites/2/y.conf', 'listen 2y;');
  write('sites/2/z.txt', 'listen 2z;');
  write('sites/3/.hidden.conf', 'listen 3;');
  const root = write('root.conf', 'http { server { include sites/[!3]/?.conf; } }');
  const { config } = checkFile(root, [tinyHouse]);
  assert.deepEqual(config?.blocks[0]?.blocks[0]?.values.listen, [['1x'], ['2y']]);
});

test('a missing file is reported in nginx’s words, and the rest is read', () => {
  const { findings } = checkTiny('http {\n include none.conf;\n rot /;\n}', files({}));
  assert.deepEqual(linesOf(findings), [
    '2:10 file-not-found: open() "/etc/nginx/none.conf" failed (2: No such file or directory)',
    '3:2 unknown-directive: unknown directive "rot"',
  ]);
});

test('a root that is missing is a finding without a place', () => {
  const path = join(directory, 'no.conf');
  const { config, findings } = checkFile(path, [tinyHouse]);
  assert.equal(config, null);
  assert.deepEqual(linesOf(findings), [`- file-not-found: open() "${path}" failed (2: No such file or directory)`]);
});

test('a directory cannot be read', () => {
  const { findings } = checkFile(directory, [tinyHouse]);
  assert.deepEqual(linesOf(findings), [`- file-not-found: pread() "${directory}" failed (21: Is a directory)`]);
});

test('a file that includes itself is found', () => {
  const { findings } = checkTiny(
    'http { include a.conf; }',
    files({ 'a.conf': 'include b.conf;', 'b.conf': 'include a.conf;' }),
  );
  assert.deepEqual(linesOf(findings), ['/etc/nginx/b.conf:1:1 include-cycle: "/etc/nginx/a.conf" includes itself']);
});

test('the same file may be included in many places, and its mistake is reported once', () => {
  const { findings } = checkTiny(
    'http { server { include p.conf; } server { include p.conf; } }',
    files({ 'p.conf': 'sendfile maybe;' }),
  );
  assert.equal(linesOf(findings).length, 1);
});

test('a finding knows the includes that led to it, outermost first', () => {
  const { findings } = checkTiny(
    'http {\n include a.conf;\n}',
    files({ 'a.conf': '\ninclude b.conf;', 'b.conf': 'rot 1;' }),
  );
  const finding = findings.find(({ code }) => code === 'unknown-directive');
  assert.deepEqual(finding?.includedFrom?.map(fileLineColumn), ['/etc/nginx/nginx.conf:2:2', '/etc/nginx/a.conf:2:1']);
});

test('entries are included too', () => {
  const { config } = checkTiny('http { table t { a 1; include more; } }', files({ more: 'b 2; c 3;' }));
  assert.deepEqual(config?.blocks[0]?.values.table, [
    {
      argument: 't',
      entries: [
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ],
    },
  ]);
});

test('a mistake in a file of entries stands, whatever the words of their statement look like', () => {
  const { findings } = checkTiny('http {\n table\n root { include more; }\n}', files({ more: 'b 2; c 3' }));
  assert.deepEqual(
    findings.filter(({ severity }) => severity === 'error').map(({ code, at }) => [code, at && fileLineColumn(at)]),
    [['missing-semicolon', '/etc/nginx/more:1:9']],
  );
});

test('an include takes one file and no block', () => {
  const { findings } = checkTiny('http {\n include a b;\n include { }\n}', files({}));
  assert.deepEqual(linesOf(findings), [
    '2:2 argument-count: invalid number of arguments in "include" directive',
    '3:2 unwanted-block: directive "include" is not terminated by ";"',
  ]);
});

test('relative paths start from the directory that is given', () => {
  const reader = textReader(new Map([['/srv/x.conf', 'root /y;']]));
  const { config } = check({ name: '<inline>', text: 'http { include x.conf; }' }, [tinyHouse], {
    reader,
    confDirectory: '/srv',
  });
  assert.equal(config?.blocks[0]?.values.root, '/y');
});
