/** `--allow-unsupported`, and environment variables, in a proxy that serves as a process. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, until } from '../kit/index.js';
import { command, freePort, Prefix, serve } from './running.js';

test('--allow-unsupported has the effect of the directive, for tests and for a start', async (t) => {
  const prefix = new Prefix(t, 'events { }\nhttp { degrade 204; server { listen 127.0.0.1:8080; } }\n');
  assert.equal((await command([...prefix.words, '-t'])).code, 1);
  const { code, stderr } = await command([...prefix.words, '-t', '--allow-unsupported']);
  assert.match(stderr, /^tsproxy: \[warn\] "degrade" is not supported in .*\/nginx\.conf:2\n/);
  assert.equal(code, 0, stderr);
});

test('compat, explain and diff take the option as -t does, wherever it is written', async (t) => {
  const prefix = new Prefix(
    t,
    `events { }
    http { degrade 204; server { listen 127.0.0.1:8080; location /x { mp4; } location /y { return 200 $geoip_org; } } }
`,
  );
  const { words } = prefix;
  const file = words[words.indexOf('-c') + 1] ?? '';
  const runs: readonly [readonly string[], RegExp][] = [
    [['explain', ...words, 'GET /x'], /^ {2}\| HTTP\/1\.1 501 Not Implemented$/m],
    [['explain', ...words, 'GET /y'], /variable "geoip_org" is not supported/],
    [['compat', ...words], /tsproxy accepts this configuration/],
    [['diff', `${prefix.path}/${file}`, `${prefix.path}/${file}`], /^$/],
  ];
  for (const [each, expected] of runs) {
    const refused = await command(each);
    assert.match(refused.stdout + refused.stderr, /refuse|is not supported/, each.join(' '));
    const [name = '', ...rest] = each;
    for (const allowing of [
      [name, '--allow-unsupported', ...rest],
      ['--allow-unsupported', ...each],
    ]) {
      const { stdout, stderr } = await command(allowing);
      assert.equal(stderr, '', allowing.join(' '));
      assert.match(stdout, expected, allowing.join(' '));
    }
  }
  prefix.write(
    'nginx.conf',
    `allow_unsupported on; events { } http { server { listen 127.0.0.1:8080; location /x { mp4; } } }`,
  );
  const directive = await command(['explain', ...words, 'GET /x']);
  assert.match(directive.stdout, /"mp4" is not supported in .*nginx\.conf:1/);
});

test('findings about the same feature are one in the text, with its places, and many in JSON', async (t) => {
  const prefix = new Prefix(
    t,
    'events { }\nhttp {\ndegrade 204;\nserver { degrade 444;\nlocation / { degrade 204; } }\n}\n',
  );
  const { stderr } = await command([...prefix.words, '-t']);
  assert.equal(stderr.match(/\[emerg\] "degrade" is not supported/g)?.length, 1);
  assert.match(stderr, /\n {2}= also: .*\/nginx\.conf:4:10, .*\/nginx\.conf:5:14\n/);
  assert.match(stderr, /\n {2}ngx_http_degradation_module: degrade \(3\)\n/);
  const { stdout } = await command([...prefix.words, '-t', '--json']);
  assert.equal((JSON.parse(stdout) as unknown[]).length, 3);
});

test('a signal reaches a proxy whose configuration has unsupported features', async (t) => {
  const port = await freePort();
  const text = (path: string) => `allow_unsupported on; pid %%DIR%%/nginx.pid; master_process off; events { }
    http { degrade 204; server { listen 127.0.0.1:${port}; location /${path} { mp4; root %%DIR%%; } } }`;
  const { prefix, exited } = await serve(t, text('a'));
  const page = async (path: string) => (await get(port, path)).status;
  assert.deepEqual([await page('/a'), await page('/b')], [501, 404]);
  prefix.write('nginx.conf', text('b').replace('allow_unsupported on;', ''));
  assert.equal((await command([...prefix.words, '-s', 'reload'])).code, 0);
  // Without the directive the reload is refused, and the proxy continues as before.
  await until('the reload is refused', () => /\[emerg\].*"(?:degrade|mp4)" is not supported in /.test(prefix.log));
  assert.equal(await page('/a'), 501);
  prefix.write('nginx.conf', text('b'));
  assert.equal((await command([...prefix.words, '-s', 'reload'])).code, 0);
  while ((await page('/b')) !== 501) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal((await command([...prefix.words, '-s', 'quit'])).code, 0);
  assert.equal(await exited, 0);
});

for (const master of ['on', 'off']) {
  test(`env sets variables, and expand_env reads them, with master_process ${master}`, async (t) => {
    const port = await freePort();
    const running = await serve(
      t,
      `env TZ=Asia/Tokyo; expand_env TSPROXY_TEXT; master_process ${master}; user root; pid %%DIR%%/nginx.pid; events { }
       http { log_format time "$time_local"; access_log %%DIR%%/access.log time;
         server { listen 127.0.0.1:${port}; return 200 "\${TSPROXY_TEXT}"; } }`,
      { env: { TZ: 'UTC', TSPROXY_TEXT: 'from the environment' } },
    );
    assert.equal((await get(port)).body, 'from the environment');
    await until('the request is logged', () => running.prefix.read('access.log') !== '');
    assert.match(running.prefix.read('access.log'), / \+0900\n$/);
  });
}
