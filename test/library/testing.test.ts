/** Functions and configurations are tested with `tsproxy/testing`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request, ServerSentEvent, WebSocketMessage } from '../../src/index.js';
import { startProxy, testEvent, testMessage, testRequest, testSocket } from '../../src/testing.js';
import { until } from '../kit/index.js';

test('a function is called with a constructed request, which has its response', async () => {
  async function handler(r: Request): Promise<void> {
    const reply = await r.subrequest('/inner', 'a=1');
    r.headersOut['X-User'] = r.headersIn['x-user'];
    r.headersOut['Set-Cookie'] = ['a', 'b'];
    r.warn('asked', reply.status);
    r.return(
      200,
      `${r.method} ${r.uri} ${r.args.q} ${reply.responseText} ${await r.readRequestText()} ${r.variables.tenant}`,
    );
  }
  const request = testRequest({
    method: 'POST',
    url: '/a%20b?q=1&q=2',
    headers: { 'X-User': 'me' },
    body: 'body',
    variables: { tenant: 'first' },
    subrequest: (uri, { args }) => ({ status: 201, body: `${uri}?${args}` }),
  });
  await handler(request);
  assert.deepEqual(request.response, {
    status: 200,
    headers: { 'X-User': 'me', 'Set-Cookie': ['a', 'b'] },
    body: 'POST /a b 1,2 /inner?a=1 body first',
    redirect: null,
    declined: false,
    returned: undefined,
    log: [{ level: 'warn', message: 'asked 201' }],
  });
  assert.equal(testRequest().response.status, 0);
  const redirected = testRequest({ url: 'https://example.com/' });
  redirected.return(302, 'https://www.example.com/');
  assert.equal(redirected.response.headers.Location, 'https://www.example.com/');
  assert.equal(redirected.headersIn.host, 'example.com');
  assert.throws(() => redirected.return(200), /sent before/);
  const form = testRequest({ headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'a=1&a=2' });
  assert.deepEqual((await form.readRequestForm()).getAll('a'), ['1', '2']);
});

test('a function is called with constructed messages, which have its decisions', () => {
  function filter(_r: Request, message: WebSocketMessage): void {
    if (message.text === 'drop') message.drop();
    else if (message.text === 'close') message.close(4000, 'over');
    else if (message.text.startsWith('{')) message.replace({ seen: message.json<{ a: number }>().a });
    else if (message.binary) message.reply(new Uint8Array([1]));
    message.socket.state.count = Number(message.socket.state.count ?? 0) + 1;
  }
  const socket = testSocket();
  const decisionOf = (data: Parameters<typeof testMessage>[0]) => {
    const message = testMessage(data, { socket });
    filter(testRequest(), message);
    return message.decision;
  };
  const none = { code: 0, reason: '' };
  assert.deepEqual(decisionOf('plain'), { action: 'pass', data: 'plain', ...none });
  assert.deepEqual(decisionOf('drop'), { action: 'drop', data: null, ...none });
  assert.deepEqual(decisionOf('close'), { action: 'close', data: null, code: 4000, reason: 'over' });
  assert.deepEqual(decisionOf({ a: 1 }), { action: 'replace', data: '{"seen":1}', ...none });
  assert.deepEqual(decisionOf(Buffer.from([7])), { action: 'pass', data: Buffer.from([7]), ...none });
  assert.deepEqual(socket.sent, [{ to: 'client', data: Buffer.from([1]) }]);
  assert.equal(socket.state.count, 5);
  socket.close(1000);
  assert.deepEqual([socket.open, socket.closing], [false, { code: 1000, reason: '' }]);
});

test('a function is called with constructed events, which have its output', () => {
  function handler(_r: Request, event: ServerSentEvent): void {
    if (event.event === 'secret') event.drop();
    if (event.data === 'last') event.close();
  }
  const outputOf = (fields: Parameters<typeof testEvent>[0]) => {
    const event = testEvent(fields);
    handler(testRequest(), event);
    return [event.output, event.closes];
  };
  assert.deepEqual(outputOf({ data: 'a\nb', id: '1', retry: 5 }), ['id: 1\nretry: 5\ndata: a\ndata: b\n\n', false]);
  assert.deepEqual(outputOf({ data: { a: 1 }, event: 'secret' }), ['', false]);
  assert.deepEqual(outputOf({ data: 'last' }), ['data: last\n\n', true]);
});

test('a proxy is started in one line, and ends with its test', async (t) => {
  let url = '';
  await t.test('inner', async (inner) => {
    const hooks = { hello: (r: Request) => r.return(200, 'hello') };
    const proxy = await startProxy(inner, { config: 'location / { js_content hooks.hello; }', hooks });
    ({ url } = proxy);
    assert.equal(await (await fetch(url)).text(), 'hello');
  });
  await assert.rejects(fetch(url));
  const closing: (() => Promise<void>)[] = [];
  const vitest = { onTestFinished: (close: () => Promise<void>) => closing.push(close) };
  const second = await startProxy(vitest, { config: 'server { listen 127.0.0.1:0; return 204; }' });
  assert.equal((await fetch(second.url)).status, 204);
  for (const close of closing) await close();
  await assert.rejects(fetch(second.url));
});

test('an exception after a subrequest is logged, and the response is 500', async () => {
  const callback = (r: ReturnType<typeof testRequest>): void => {
    r.subrequest('/inner', () => {
      throw new Error('in the callback');
    });
  };
  const failing = [testRequest(), testRequest({ subrequest: () => Promise.reject(new Error('no reply')) })];
  for (const request of failing) callback(request);
  await until('both have failed', () => failing.every(({ response }) => response.status === 500));
  assert.deepEqual(
    failing.map(({ response }) => response.log.map(({ message }) => message)),
    [['js exception: Error: in the callback'], ['js exception: Error: no reply']],
  );
  const awaiting = testRequest({ subrequest: () => Promise.reject(new Error('no reply')) });
  await assert.rejects(awaiting.subrequest('/inner'), /no reply/);
});
