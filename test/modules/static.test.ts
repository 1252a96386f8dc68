import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { connect, get, request, startProxy, type TestProxy, until } from '../kit/index.js';

const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
const LARGE = 24 << 20;
const NO_PROC = process.platform === 'linux' ? false : 'only Linux tells what a process reads and has open';

/** Bytes that this process has read, from files and sockets. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'latin1'))?.[1]);
}

describe('static files', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `types { text/html html; text/css css; }
      root %%DIR%%/www;
      server {
        listen 127.0.0.1:0;
        location /alias/ { alias %%DIR%%/www/dir/; }
        location ~ ^/re/(.*)$ { alias %%DIR%%/www/dir/$1; }
        location /relative/ { root www/dir; }
        location /quiet/ { log_not_found off; }
        location /rewritten/ { alias %%DIR%%/www/dir/; rewrite ^ /dir/file.css break; }
      }`,
      {},
      {
        files: {
          'www/a.html': '<p>page</p>',
          'www/dir/file.css': 'p {}',
          'www/dir/relative/x': 'relative',
          'www/empty': '',
          'www/large': 'L'.repeat(LARGE),
          [utf8('www/ascii')]: 'ascii',
        },
      },
    );
  });
  after(() => proxy.close());

  it('sends a file with its type, length, date and tag', async () => {
    const answer = await get(proxy.port, '/a.html');
    assert.equal(answer.status, 200);
    assert.equal(answer.body, '<p>page</p>');
    assert.equal(answer.field('content-type'), 'text/html');
    assert.equal(answer.field('content-length'), '11');
    assert.equal(answer.field('accept-ranges'), 'bytes');
    const modified = Date.parse(answer.field('last-modified') ?? '') / 1000;
    assert.equal(answer.field('etag'), `"${modified.toString(16)}-b"`);
  });

  it('sends the head alone to HEAD', async () => {
    const answer = await get(proxy.port, '/a.html', { method: 'HEAD' });
    assert.equal(answer.status, 200);
    assert.equal(answer.field('content-length'), '11');
    assert.equal(answer.body, '');
  });

  it('sends an empty file', async () => {
    const answer = await get(proxy.port, '/empty');
    assert.equal(answer.status, 200);
    assert.equal(answer.field('content-length'), '0');
  });

  it('redirects from a directory to the same with a slash', async () => {
    const answer = await get(proxy.port, '/dir?a=b');
    assert.equal(answer.status, 301);
    assert.equal(answer.field('location'), `http://localhost:${proxy.port}/dir/?a=b`);
  });

  it('answers a missing file with 404 and a line in the log', async () => {
    assert.equal((await get(proxy.port, '/none')).status, 404);
    const line = `open() "${proxy.directory}/www/none" failed (2: No such file or directory)`;
    assert.ok(proxy.messages('error').some((message) => message.includes(line)));
  });

  it('keeps quiet about a missing file with log_not_found off', async () => {
    assert.equal((await get(proxy.port, '/quiet/none')).status, 404);
    assert.ok(!proxy.messages().some((message) => message.includes('/quiet/none" failed')));
  });

  it('answers POST to a file with 405 and to nothing with 404', async () => {
    assert.equal((await get(proxy.port, '/a.html', { method: 'POST', body: 'x' })).status, 405);
    assert.equal((await get(proxy.port, '/none', { method: 'POST', body: 'x' })).status, 404);
    assert.equal((await get(proxy.port, '/none', { method: 'PUT', body: 'x' })).status, 405);
  });

  it('finds files by alias, alias in a regex location, and a root relative to the prefix', async () => {
    assert.equal((await get(proxy.port, '/alias/file.css')).body, 'p {}');
    assert.equal((await get(proxy.port, '/re/file.css')).body, 'p {}');
    assert.equal((await get(proxy.port, '/relative/x')).body, 'relative');
  });

  it('refuses an alias whose location a rewrite took away', async () => {
    assert.equal((await get(proxy.port, '/rewritten/x')).status, 500);
    assert.ok(
      proxy.messages('alert').some((message) => message.includes('"alias" cannot be used in location "/rewritten/"')),
    );
  });

  it('does not leave the root', async () => {
    for (const path of ['/../secret', '/dir/../../secret', '/%2e%2e/secret']) {
      assert.equal((await get(proxy.port, path)).status, 400);
    }
  });

  it('sends a large file whole', async () => {
    const connection = await connect(proxy.port);
    await connection.send(request('/large')).until('\r\n\r\n');
    assert.ok(/^L+$/.test(await connection.bytes(LARGE)));
    assert.equal(await connection.all(), '');
    connection.close();
  });

  it('reads a file no faster than its client does', { skip: NO_PROC }, async () => {
    const connection = await connect(proxy.port);
    connection.socket.pause();
    const before = bytesRead();
    connection.send(request('/large'));
    let last = before;
    await until('no more is read', () => {
      const now = bytesRead();
      // Asking is reading, too.
      const stands = last - before > 4096 && now - last < 4096;
      last = now;
      return stands;
    });
    // The system's socket buffers are filled; the rest of the file stays on disk.
    assert.ok(last - before < LARGE / 2);
    connection.socket.resume();
    await connection.until('\r\n\r\n');
    assert.ok(/^L+$/.test(await connection.bytes(LARGE)));
    connection.close();
  });

  it('closes the file when the client goes away in the middle', { skip: NO_PROC }, async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let i = 0; i < 10; i++) {
      const connection = await connect(proxy.port);
      connection.send(request('/large'));
      await connection.some();
      connection.reset();
    }
    await until('no descriptor is left', () => open() <= before);
  });
});
