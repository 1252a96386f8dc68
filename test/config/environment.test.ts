import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { check } from '../../src/config/check.js';
import type { EnvironmentValues } from '../../src/config/environment.js';
import { textReader } from '../../src/config/reader.js';
import { modules } from '../../src/modules/index.js';
import { get, startProxy } from '../kit/index.js';

const FILES = new Map([
  ['/sites/a.conf', 'server { listen 127.0.0.1:${PORT}; location / { return 200 "${TEXT} $host ${host}"; } }'],
  ['/sites/late.conf', 'expand_env LATE=1;'],
]);

function checked(main: string, environment: EnvironmentValues, http = 'include /sites/${SITE}.conf;') {
  const text = `${main}\nevents {}\nhttp { ${http} }`;
  return check({ name: '/nginx.conf', text }, modules, { reader: textReader(FILES), environment });
}

/** The first server of the checked configuration. */
function serverOf(...args: Parameters<typeof checked>) {
  const { config, findings } = checked(...args);
  assert.deepEqual(findings, []);
  const server = config?.blocks.find(({ directive }) => directive === 'http')?.blocks[0];
  assert.ok(server);
  return { server, listen: (server.values.listen as { readonly written: string }[])[0]?.written };
}

const messages = (...args: Parameters<typeof checked>) =>
  checked(...args).findings.map(({ message, at }) => `${at?.source.text.slice(at.start, at.end)}: ${message}`);

describe('expand_env', () => {
  test('replaces names in words of all files, also in names of files', () => {
    const { server, listen } = serverOf('expand_env PORT SITE=a TEXT;', { PORT: '8081', TEXT: 'two words; {x}' });
    assert.equal(listen, '127.0.0.1:8081');
    const returned = server.blocks[0]?.steps[0]?.value as { readonly text: readonly unknown[] };
    assert.deepEqual(returned.text[0], 'two words; {x} ');
  });

  test('the value in the environment takes precedence over the default, even if it is empty', () => {
    const environment = { PORT: '2', SITE: 'a', TEXT: '' };
    assert.equal(serverOf('expand_env PORT=1 SITE=none TEXT=x;', environment).listen, '127.0.0.1:2');
  });

  test('other names remain variables of nginx', () => {
    assert.deepEqual(messages('expand_env PORT=1;', {}, 'server { return 200 ${OTHER}; }'), [
      '${OTHER}: unknown "other" variable',
    ]);
  });

  test('a variable that is not set, or not usable, is one error without its value', () => {
    const site = 'server { listen ${PORT}; return 200 ${PORT}; }';
    assert.deepEqual(messages('expand_env PORT;', {}, site), ['PORT: environment variable "PORT" is not set']);
    assert.deepEqual(messages('expand_env PORT;', { PORT: '$secret' }, site), [
      'PORT: the value of environment variable "PORT" contains "$"',
    ]);
  });

  test('invalid names, names of variables, and declarations in included files are errors', () => {
    assert.deepEqual(messages('expand_env 1A;', {}, ''), ['1A: invalid name "1A" of an environment variable']);
    assert.deepEqual(messages('expand_env HOST=a;', {}, ''), ['HOST=a: the duplicate "HOST" variable']);
    assert.deepEqual(messages('include /sites/late.conf;', {}, ''), [
      'expand_env: "expand_env" directive is not allowed here',
    ]);
  });

  test('a value cannot add words, directives or variables', async () => {
    process.env.TSPROXY_TEST_TEXT = 'a; return 201; } # "x"';
    const proxy = await startProxy(`expand_env TSPROXY_TEST_TEXT;
      events {}
      http { server { listen 127.0.0.1:0; return 200 "\${TSPROXY_TEST_TEXT}"; } }`);
    try {
      const { status, body } = await get(proxy.port);
      assert.deepEqual([status, body], [200, process.env.TSPROXY_TEST_TEXT]);
    } finally {
      delete process.env.TSPROXY_TEST_TEXT;
      await proxy.close();
    }
  });
});
