import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answeringBackend,
  answerLength,
  connect,
  exchange,
  get,
  parseAnswer,
  reply,
  scriptedBackend,
  websocket,
  websocketEcho,
} from './kit/index.js';

test('an answer is complete with its declared length, its last chunk, or the end of the connection', () => {
  const head = 'HTTP/1.1 200 OK\r\n';
  assert.equal(answerLength(`${head}Content-Length: 3\r\n\r\nab`, 'GET', false), undefined);
  assert.equal(answerLength(`${head}Content-Length: 3\r\n\r\nabcHTTP`, 'GET', false), head.length + 24);
  assert.equal(answerLength(`${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n`, 'GET', false), undefined);
  const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n`;
  assert.equal(answerLength(chunked, 'GET', false), chunked.length);
  assert.equal(answerLength(`${head}\r\nabc`, 'GET', false), undefined);
  assert.equal(answerLength(`${head}\r\nabc`, 'GET', true), head.length + 5);
  assert.equal(answerLength(`${head}Content-Length: 3\r\n\r\n`, 'HEAD', false), head.length + 21);
});

test('interim answers, chunks and trailers are taken apart', () => {
  const answer = parseAnswer(
    'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nA: 1\r\nA: 2\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\nT: u\r\n\r\n',
  );
  assert.deepEqual(answer.interim, [103]);
  assert.equal(answer.reason, 'Fine');
  assert.equal(answer.body, 'abcd');
  assert.equal(answer.field('a'), '1, 2');
  assert.deepEqual(answer.trailers, [['T', 'u']]);
});

test('a back end answers requests and keeps them', async (t) => {
  const backend = await answeringBackend((request) => reply(`${request.method} ${request.target} ${request.body}`));
  t.after(() => backend.close());
  const answer = await get(backend.port, '/x', { method: 'POST', body: 'hello', fields: ['Connection: keep-alive'] });
  assert.equal(answer.body, 'POST /x hello');
  assert.equal(backend.requests[0]?.field('content-length'), '5');
});

test('a scripted back end sends exactly the given bytes, also on a unix socket', async (t) => {
  const backend = await scriptedBackend(
    async (connection) => {
      await connection.reader.until('?');
      connection.send('no HTTP at all').end();
    },
    { unix: true },
  );
  t.after(() => backend.close());
  assert.equal(await exchange({ path: backend.path }, 'who?'), 'no HTTP at all');
});

test('a connection that ends early fails the read with the received bytes', async (t) => {
  const backend = await scriptedBackend((connection) => connection.send('HTTP/1.1 200 OK\r\nContent-L').end());
  t.after(() => backend.close());
  const connection = await connect(backend.port);
  t.after(() => connection.close());
  await assert.rejects(connection.answer(), /the connection ended before an answer; got "HTTP\/1.1 200 OK/);
});

test('the WebSocket echo greets and echoes', async (t) => {
  const echo = await websocketEcho({ greeting: 'hi' });
  t.after(() => echo.close());
  const client = await websocket(echo.port);
  assert.equal(await client.next(), 'hi');
  assert.equal(await client.ask('x'), 'x');
  assert.equal(await client.close(1000), 1000);
});
