import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { closedPort, startProxy } from '../kit/index.js';

const BINARY = fileURLToPath(new URL('../../../bin/tsproxy', import.meta.url));

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(words: readonly string[], env: Record<string, string>): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [BINARY, 'ctl', ...words], { env: { ...process.env, ...env } }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

test('ctl changes a running proxy through its API, over TCP and unix domain sockets', async (t) => {
  const proxy = await startProxy(`
    keyval_zone zone=names:64k;
    upstream app { zone app 64k; server 127.0.0.1:1; }
    server { listen 127.0.0.1:0; listen unix:%%DIR%%/api.sock; location /api/ { api write=on; } }`);
  t.after(() => proxy.close());
  const tcp = { TSPROXY_API: `http://127.0.0.1:${proxy.port}/api` };
  const unix = { TSPROXY_API_SOCKET: `${proxy.directory}/api.sock` };
  const ok = async (env: Record<string, string>, ...words: readonly string[]): Promise<string> => {
    const { code, out, err } = await run(words, env);
    assert.deepEqual([code, err], [0, ''], words.join(' '));
    return out;
  };
  const [added] = await Promise.all([
    ok(tcp, 'add', 'app', '127.0.0.1:2', 'weight=3', 'backup'),
    ok(unix, 'put', 'names', 'a', 'b'),
  ]);
  assert.equal(added, 'added with id 1\n');
  await ok(unix, 'drain', 'app', '127.0.0.1:1');
  assert.equal(
    await ok(unix, 'servers', 'app'),
    `ID  SERVER       WEIGHT  MAX_CONNS  MAX_FAILS  FAIL_TIMEOUT  FLAGS
0   127.0.0.1:1  1       0          1          10s           drain
1   127.0.0.1:2  3       0          1          10s           backup
`,
  );
  assert.deepEqual(JSON.parse(await ok(tcp, 'keys', 'names', '--json')), { a: 'b' });
  await ok(tcp, 'remove', 'app', '1');
  assert.match(await ok(tcp, 'upstreams'), /^UPSTREAM .*\napp +0 +127\.0\.0\.1:1 +draining .*\n$/);
});

test('ctl reports what the API refuses, and proxies that it cannot reach', async (t) => {
  const proxy = await startProxy('server { listen 127.0.0.1:0; location /api/ { api; } }');
  t.after(() => proxy.close());
  const env = { TSPROXY_API: `http://127.0.0.1:${proxy.port}/api/` };
  const nowhere = `http://127.0.0.1:${await closedPort()}/api/`;
  const outcomes = await Promise.all([
    run(['servers', 'app'], env),
    run(['clear', 'names'], env),
    run(['upstream'], env),
    run(['keys', 'names', '--api', nowhere], {}),
    run(['servers'], env),
  ]);
  assert.deepEqual(
    outcomes.map(({ code, out }) => [code, out]),
    [1, 1, 2, 1, 2].map((code) => [code, '']),
  );
  const [unknown, disabled, misspelt, unreachable, incomplete] = outcomes.map(({ err }) => err);
  assert.equal(unknown, 'tsproxy ctl: no upstream "app" with a zone\n');
  assert.match(disabled ?? '', /read-only/);
  assert.match(misspelt ?? '', /Did you mean "upstreams"\?/);
  assert.match(unreachable ?? '', /ECONNREFUSED/);
  assert.match(incomplete ?? '', /an upstream is required/);
});
