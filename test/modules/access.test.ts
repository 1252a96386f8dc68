import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { get, startProxy, type Target, type TestProxy } from '../kit/index.js';

describe('allow and deny', () => {
  let proxy: TestProxy;
  let inet: Target;
  let unix: Target;
  before(async () => {
    proxy = await startProxy(
      `
      deny 127.0.0.9;
      root %%DIR%%/html;
      server {
        listen 127.0.0.1:0;
        listen unix:%%DIR%%/socket;
        location /none { }
        location /allow-all { allow all; }
        location /deny-all { deny all; }
        location /allow-unix { allow unix:; deny all; }
        location /deny-unix { deny unix:; }
        location /first { allow 127.0.0.0/8; deny all; }
        location /second { deny 127.0.0.1; allow all; }
        location /others { allow 10.0.0.0/8; deny all; }
        location /six { deny ::/0; }
        location /deny-all/own { allow 127.0.0.1; }
        location /inherits { deny all; location /inherits/in { add_header X-A b; } }
        location /any { satisfy any; deny all; }
        location /methods { limit_except GET { deny all; } }
      }`,
      {},
      {
        files: Object.fromEntries(
          'none allow-all deny-all allow-unix deny-unix first second others six inherits/in any methods deny-all/own'
            .split(' ')
            .map((name) => [`html/${name === 'deny-all' ? 'deny-all/index' : name}`, 'in']),
        ),
      },
    );
    inet = proxy.port;
    unix = { path: `${proxy.directory}/socket` };
  });
  after(() => proxy.close());
  const status = async (target: Target, path: string, method = 'GET') => (await get(target, path, { method })).status;

  test('lets through whom no rule is about', async () => {
    assert.equal(await status(inet, '/none'), 200);
    assert.equal(await status(inet, '/deny-unix'), 200);
    assert.equal(await status(inet, '/six'), 200);
  });
  test('goes by the first rule that fits', async () => {
    assert.equal(await status(inet, '/allow-all'), 200);
    assert.equal(await status(inet, '/deny-all/x'), 403);
    assert.equal(await status(inet, '/first'), 200);
    assert.equal(await status(inet, '/second'), 403);
    assert.equal(await status(inet, '/others'), 403);
    assert.ok(proxy.messages('error').some((message) => message.includes('access forbidden by rule')));
  });
  test('knows clients of unix domain sockets', async () => {
    assert.equal(await status(unix, '/allow-unix'), 200);
    assert.equal(await status(inet, '/allow-unix'), 403);
    assert.equal(await status(unix, '/deny-unix'), 403);
    assert.equal(await status(unix, '/first'), 403);
    assert.equal(await status(unix, '/second'), 200);
  });
  test('inherits both or neither', async () => {
    assert.equal(await status(inet, '/deny-all/own'), 200);
    assert.equal(await status(inet, '/inherits/in'), 403);
  });
  test('holds for the methods that limit_except leaves', async () => {
    assert.equal(await status(inet, '/methods'), 200);
    assert.equal(await status(inet, '/methods', 'POST'), 403);
  });
  test('with satisfy any the log says so once none of the rules has let in', async () => {
    const before = proxy.messages('error').length;
    assert.equal(await status(inet, '/any'), 403);
    const output = proxy.messages('error').slice(before);
    assert.equal(output.length, 1);
    assert.match(output[0] ?? '', /access forbidden by rule, client: /);
  });
});
