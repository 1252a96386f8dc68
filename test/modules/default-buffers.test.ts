/** Sizes at which nginx's default buffers are full: heads of responses, and bodies of requests. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answeringBackend, type Backend, connect, get, startProxy, type TestProxy, until } from '../kit/index.js';

const FIELD = 'X: ';
const BEFORE = `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${FIELD}`;
const AFTER = '\r\n\r\n';

function headOf(length: number): string {
  return `${BEFORE}${'x'.repeat(length - BEFORE.length - AFTER.length)}${AFTER}`;
}

describe('buffers', () => {
  let backend: Backend;
  let proxy: TestProxy;
  before(async () => {
    backend = await answeringBackend(({ target }) => `${headOf(Number(/\d+$/.exec(target)?.[0] ?? 100))}ok`);
    proxy = await startProxy(
      `
      log_format body "$request_body_file";
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://127.0.0.1:%%PORT%%; }
        location /body {
          access_log logs/body.log body; client_body_buffer_size 2k; proxy_pass http://127.0.0.1:%%PORT%%;
        }
      }`,
      { PORT: backend.port },
    );
  });
  after(() => Promise.all([proxy.close(), backend.close()]));

  test('the head of a response fits into a memory page', async () => {
    assert.equal((await get(proxy.port, '/4096')).status, 200);
    assert.equal((await get(proxy.port, '/4097')).status, 502);
    const sentence = 'upstream sent too big header while reading response header from upstream';
    assert.ok(proxy.entries.some(({ message }) => message.includes(sentence)));
  });

  /** Whether a body is kept in memory: sent after `100 Continue`, or together with the head. */
  async function isInMemory(length: number, together: boolean): Promise<boolean> {
    const logged = () => proxy.file('logs/body.log').split('\n');
    const lines = logged().length;
    const expect = together ? '' : 'Expect: 100-continue\r\n';
    const client = await connect(proxy.port);
    const head = requestHead(length, expect);
    const body = 'b'.repeat(length);
    if (together) client.send(head + body);
    else {
      client.send(head);
      assert.equal(await client.until('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n');
      client.send(body);
    }
    assert.equal((await client.answer()).status, 200);
    client.close();
    await until('the request is logged', () => logged().length > lines);
    return logged().at(-2) === '-';
  }

  const requestHead = (length: number, more: string) =>
    `POST /body HTTP/1.1\r\nHost: a\r\n${more}Content-Length: ${length}\r\n\r\n`;

  test('the buffer of a body is enlarged by less than a quarter', async () => {
    assert.equal(await isInMemory(2048, false), true);
    assert.equal(await isInMemory(2559, false), true);
    assert.equal(await isInMemory(2560, false), false);
  });

  test('bytes of the body that fit behind the head do not count', async () => {
    const behindHead = 1024 - requestHead(1000, '').length;
    assert.equal(await isInMemory(2559 + behindHead, true), true);
    assert.equal(await isInMemory(2560 + behindHead, true), false);
  });
});
