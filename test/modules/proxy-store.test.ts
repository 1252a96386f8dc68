import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  type Backend,
  connect,
  get,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

const DATE = 'Tue, 01 Feb 2022 03:04:05 GMT';
const LARGE = 3_000_000;

describe('stored responses', () => {
  let proxy: TestProxy;
  let backend: Backend;
  before(async () => {
    backend = await scriptedBackend(async (connection) => {
      const received = await connection.request();
      const target = received?.target ?? '';
      const field = target.includes('dated') ? `Last-Modified: ${DATE}\r\n` : '';
      if (target.includes('error')) connection.send('HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx');
      else if (target.includes('short')) connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort').end();
      else if (target.includes('empty')) connection.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      else if (target.includes('large')) {
        connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n${'L'.repeat(LARGE)}`);
      } else if (target.includes('chunked')) {
        connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n');
      } else
        connection
          .send(`HTTP/1.1 200 OK\r\nContent-Length: 7\r\n${field}\r\n`)
          .send(received?.method === 'HEAD' ? '' : 'content');
    });
    proxy = await startProxy(
      `
      proxy_temp_path %%DIR%%/temporary;
      server {
        listen 127.0.0.1:0;
        root %%DIR%%/www;
        location / { try_files $uri @fetch; }
        location @fetch { proxy_store on; proxy_store_access user:rw group:r all:r; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /named { proxy_store %%DIR%%/named/$arg_file; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /unbuffered { proxy_store on; proxy_buffering off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /off { proxy_store off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /blocked/ { proxy_store %%DIR%%/blocker/file; proxy_pass http://127.0.0.1:%%BACKEND%%; }
      }`,
      { BACKEND: backend.port },
      { files: { blocker: 'a file, not a directory' } },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });

  const path = (name: string) => join(proxy.directory, name);
  const content = (name: string) => (existsSync(path(name)) ? readFileSync(path(name), 'latin1') : null);

  it('are files below the root, and are served from there afterwards', async () => {
    assert.equal((await get(proxy.port, '/a/b/dated.txt')).body, 'content');
    assert.equal(content('www/a/b/dated.txt'), 'content');
    const { mtimeMs, mode } = statSync(path('www/a/b/dated.txt'));
    assert.equal(mtimeMs, Date.parse(DATE));
    assert.equal(mode & 0o777, 0o644);
    assert.equal(statSync(path('www/a')).mode & 0o777, 0o755);
    const requests = backend.connections.length;
    assert.equal((await get(proxy.port, '/a/b/dated.txt')).body, 'content');
    assert.equal(backend.connections.length, requests);
  });

  it('are complete: chunked, empty and large ones', async () => {
    for (const name of ['chunked', 'empty', 'large']) {
      const { body } = await get(proxy.port, `/${name}`);
      assert.ok(content(`www/${name}`) === body, name);
    }
  });

  it('have the path that the configuration names', async () => {
    await get(proxy.port, '/named?file=x.html');
    assert.equal(content('named/x.html'), 'content');
    assert.equal(statSync(path('named/x.html')).mode & 0o777, 0o600);
  });

  it('are only those to GET with status 200 that are complete and buffered', async () => {
    await get(proxy.port, '/error');
    await get(proxy.port, '/head', { method: 'HEAD' });
    await get(proxy.port, '/unbuffered');
    await get(proxy.port, '/off');
    const client = await connect(proxy.port);
    assert.match(await client.send(request('/short')).all(), /short$/);
    for (const name of ['error', 'head', 'unbuffered', 'off', 'short'])
      assert.equal(content(`www/${name}`), null, name);
  });

  it('are read to their end if the client leaves', async () => {
    const client = await connect(proxy.port);
    client.socket.pause();
    client.send(request('/large-abandoned'));
    await until('the back end has responded', () =>
      backend.connections.some(({ socket }) => socket.bytesWritten > LARGE / 2),
    );
    client.reset();
    await until('the file is stored', () => existsSync(path('www/large-abandoned')));
    assert.equal(statSync(path('www/large-abandoned')).size, LARGE);
  });

  it('do not fail if they cannot be stored, and leave no temporary file', async () => {
    assert.equal((await get(proxy.port, '/blocked/x')).body, 'content');
    assert.match(proxy.messages('crit').join('\n'), /\(20: Not a directory\)/);
    assert.deepEqual(readdirSync(path('temporary')), []);
  });
});
