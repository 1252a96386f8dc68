/** Variables about proxied responses in log lines: byte counts, names of upstreams, fields, statuses. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Answer,
  answeringBackend,
  type Backend,
  connect,
  get,
  reply,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n';

let backend: Backend;
let breaking: Backend;
let proxy: TestProxy;
before(async () => {
  backend = await answeringBackend(({ target }) => {
    if (target.endsWith('chunked')) return CHUNKED;
    if (target.endsWith('missing')) return reply('none', { status: '404 Not Found' });
    return reply('ok', {
      fields: ['Set-Cookie: a=b; path=/app', 'Location: http://app/x', 'ETag: "1"', 'ETag: "2"'],
    });
  });
  breaking = await scriptedBackend(async (connection) => {
    await connection.head();
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf').end();
  });
  proxy = await startProxy(
    `
    log_format v '$uri $status $body_bytes_sent $bytes_sent $upstream_response_length $proxy_host $proxy_port '
                 '$upstream_http_set_cookie $upstream_http_location $upstream_http_etag';
    access_log logs/v.log v;
    upstream app { server 127.0.0.1:%%PORT%%; }
    server {
      listen 127.0.0.1:0;
      location / { proxy_pass http://app; proxy_cookie_path /app /; proxy_redirect http://app/ /app/; }
      location /named/ { proxy_pass http://app; proxy_intercept_errors on; error_page 404 = @own; }
      location /broken { proxy_pass http://127.0.0.1:%%BREAKING%%; }
      location /own { return 204; }
      location @own { return 402 "status $status"; }
      location /kept { error_page 403 @own; return 403; }
      location /moved { return 301 /to/$status; }
    }`,
    { PORT: backend.port, BREAKING: breaking.port },
  );
});
after(async () => {
  await proxy.close();
  await Promise.all([backend.close(), breaking.close()]);
});

/** The answer, and the words of its log line behind the path. */
async function logged(path: string): Promise<[Answer, string[]]> {
  const answer = await get(proxy.port, path);
  const own = () => proxy.accessLog('logs/v.log').find((line) => line.startsWith(`${path} `));
  await until(`a line about ${path}`, () => own() !== undefined);
  return [answer, (own() ?? '').split(' ').slice(1)];
}

test('the sizes of chunks count in $body_bytes_sent and $upstream_response_length', async () => {
  const [answer, [status, body, all, upstream]] = await logged('/chunked');
  assert.equal(answer.body, 'abcde');
  assert.deepEqual([status, body, all, upstream], ['200', '15', String(answer.raw.length), '15']);
});

test('what was sent of an answer that was cut counts', async () => {
  const connection = await connect(proxy.port);
  const raw = await connection.send(request('/broken')).all();
  connection.close();
  await until('a line', () => proxy.accessLog('logs/v.log').some((line) => line.startsWith('/broken ')));
  const line = proxy.accessLog('logs/v.log').find((each) => each.startsWith('/broken ')) ?? '';
  assert.deepEqual(line.split(' ').slice(1, 5), ['200', '4', String(raw.length), '4']);
});

test('fields that are rewritten for the client are known as the upstream sent them, repeated ones are not', async () => {
  const [answer, words] = await logged('/fields');
  assert.equal(answer.field('set-cookie'), 'a=b; path=/');
  assert.match(answer.field('location') ?? '', /^http:\/\/localhost:\d+\/app\/x$/);
  assert.deepEqual(words.slice(4), ['app', '80', 'a=b;', 'path=/app', 'http://app/x', '\\x221\\x22']);
});

test('$proxy_host and $proxy_port are not found where nothing was passed on', async () => {
  assert.deepEqual((await logged('/own'))[1].slice(3), ['-', '-', '-', '-', '-', '-']);
  const [answer, words] = await logged('/named/missing');
  assert.deepEqual([answer.status, answer.body], [402, 'status 402']);
  assert.deepEqual(words.slice(4, 6), ['-', '-']);
});

test('$status in the text of return is the status of the answer', async () => {
  assert.equal((await get(proxy.port, '/kept')).body, 'status 403');
  assert.match((await get(proxy.port, '/moved')).field('location') ?? '', /\/to\/301$/);
});
