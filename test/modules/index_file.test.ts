import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { get, startProxy, type TestProxy } from '../kit/index.js';

describe('index files', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `root %%DIR%%/www;
      server {
        listen 127.0.0.1:0;
        location / { index none second; }
        location /var/ { index $arg_i.txt second; }
        location /absolute/ { index none /second; }
        location /php/ { index page.php; }
        location ~ \\.php$ { return 200 "$uri $args"; }
        location /default/ { }
      }`,
      {},
      {
        files: {
          'www/second': 'second',
          'www/var/a.txt': 'a',
          'www/var/second': 'var second',
          'www/absolute/x': '',
          'www/php/page.php': '',
          'www/default/index.html': 'default',
          'www/bare/x': '',
        },
      },
    );
  });
  after(() => proxy.close());

  it('takes the first file that exists', async () => {
    assert.equal((await get(proxy.port, '/')).body, 'second');
  });

  it('takes index.html by default', async () => {
    assert.equal((await get(proxy.port, '/default/')).body, 'default');
  });

  it('fills in variables', async () => {
    assert.equal((await get(proxy.port, '/var/?i=a')).body, 'a');
    assert.equal((await get(proxy.port, '/var/')).body, 'var second');
  });

  it('goes to an absolute name without looking', async () => {
    assert.equal((await get(proxy.port, '/absolute/')).body, 'second');
  });

  it('handles the file in the location that matches it, with the arguments', async () => {
    assert.equal((await get(proxy.port, '/php/?q=1')).body, '/php/page.php q=1');
  });

  it('answers 403 for a directory without one, and says which in the log', async () => {
    assert.equal((await get(proxy.port, '/bare/')).status, 403);
    const line = `directory index of "${proxy.directory}/www/bare/" is forbidden`;
    assert.ok(proxy.messages('error').some((message) => message.includes(line)));
  });

  it('answers 404 for a directory that is missing', async () => {
    assert.equal((await get(proxy.port, '/none/')).status, 404);
    const line = `"${proxy.directory}/www/none/none" is not found (2: No such file or directory)`;
    assert.ok(proxy.messages('error').some((message) => message.includes(line)));
  });

  it('answers 404 for a file with a slash behind it, and for what would lie below it', async () => {
    for (const path of ['/second/', '/second/deeper/']) {
      assert.equal((await get(proxy.port, path)).status, 404);
      const line = `"${proxy.directory}/www${path}none" is not found (20: Not a directory)`;
      assert.ok(
        proxy.messages('error').some((message) => message.includes(line)),
        path,
      );
    }
  });
});
