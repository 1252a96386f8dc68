/** Functions of scripts for server-sent events. */
import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { EventClient, listening, startProxy, type TestProxy, until } from '../kit/index.js';

const EVENTS = { 'Content-Type': 'text/event-stream' };

/** A proxy in front of a server that responds by `answer`; `script` is the module `main`. */
async function scene(
  t: TestContext,
  script: string,
  directives: string,
  answer: (res: ServerResponse) => void,
): Promise<{ proxy: TestProxy; client(): EventClient }> {
  const server = createServer((_req, res) => answer(res));
  const port = await listening(t, server);
  const proxy = await startProxy(
    `js_import main from main.js;
     server { listen 127.0.0.1:0; location / { js_sse_event main.event; ${directives} proxy_pass http://127.0.0.1:${port}; } }`,
    {},
    { files: { 'main.js': script } },
  );
  t.after(() => proxy.close());
  const client = (): EventClient => {
    const created = new EventClient(proxy.port, '/');
    t.after(() => created.close());
    return created;
  };
  return { proxy, client };
}

test('a function passes events on, changes, drops, splits and inserts them, and ends the stream', async (t) => {
  const script = `
    export async function event(r, event) {
      if (event.data.startsWith('later')) await new Promise((resolve) => setTimeout(resolve, 2));
      if (event.event === 'secret') event.drop();
      else if (event.data === 'change') event.replace({ data: ['new', r.uri], event: 'changed' });
      else if (event.data === 'split') event.split([{ data: 'one' }, { data: 'two\\nlines', id: '9' }]);
      else if (event.data === 'later insert') event.insert({ event: 'before', data: event.id + ' ' + event.retry });
      else if (event.data.startsWith('{')) event.replace({ data: event.json().value });
      else if (event.data === 'close') { event.replace({ data: 'last' }); event.close(); }
    }`;
  let closed = 0;
  const { client } = await scene(t, script, '', (res) => {
    res.on('close', () => closed++);
    res.writeHead(200, { ...EVENTS, 'Content-Length': 100_000 });
    res.write(': comment\n\ndata: plain\nid: 1\n\nevent: secret\ndata: x\n\ndata: change\nid: 2\n\ndata: split\n\n');
    res.write(
      'id: 3\nretry: 50\ndata: later insert\n\ndata: {"value":\ndata: "json"}\n\ndata: close\n\ndata: after\n\n',
    );
  });
  const received = client();
  await until('the stream has ended', () => received.state === 'complete');
  assert.equal(
    received.text.replace(': comment\n\n', ''),
    [
      'data: plain\nid: 1\n\n',
      'event: changed\nid: 2\ndata: ["new","/"]\n\n',
      'data: one\n\nid: 9\ndata: two\ndata: lines\n\n',
      'event: before\ndata: 3 50\n\nid: 3\nretry: 50\ndata: later insert\n\n',
      'data: json\n\n',
      'data: last\n\n',
    ].join(''),
  );
  assert.match(received.text, /: comment/);
  await until('the upstream request has ended', () => closed === 1);
});

test('a function that fails ends the stream, or lets its events pass', async (t) => {
  const script = `
    export function event(r, event) {
      if (event.data === 'throw') throw new Error('on purpose');
      if (event.data === 'invalid') event.replace({ id: 'a\\nb' });
      if (event.data === 'never') return new Promise(() => {});
    }`;
  for (const bad of ['throw', 'invalid', 'never']) {
    const answer = (res: ServerResponse): void => {
      res.writeHead(200, EVENTS);
      res.end(`data: 1\n\ndata: ${bad}\n\ndata: 2\n\n`);
    };
    const closed = await scene(t, script, 'js_timeout 20ms;', answer);
    const first = closed.client();
    await until('the stream has ended', () => first.ended);
    assert.deepEqual(first.data, ['1'], bad);
    assert.ok(closed.proxy.messages('error').some((line) => /on purpose|invalid field "id"|timed out/.test(line)));
    const open = await scene(t, script, 'js_timeout 20ms fail=open;', answer);
    const second = open.client();
    await until('the stream has ended', () => second.ended);
    assert.deepEqual(second.data, ['1', bad, '2']);
  }
});

test('compressed events are refused, and an event that is too long ends the stream', async (t) => {
  const script = `export function event() {}`;
  const coded = await scene(t, script, '', (res) => {
    res.writeHead(200, { ...EVENTS, 'Content-Encoding': 'gzip' });
    res.end('bytes');
  });
  const refused = coded.client();
  await until('there is a response', () => refused.state !== 'waiting');
  assert.equal(refused.status, 502);
  const long = await scene(t, script, 'js_sse_event_buffer_size 100;', (res) => {
    res.writeHead(200, EVENTS);
    res.write(`data: 1\n\ndata: ${'x'.repeat(200)}`);
  });
  const client = long.client();
  await until('the stream has ended', () => client.ended);
  assert.deepEqual(client.data, ['1']);
  assert.ok(long.proxy.messages('error').some((line) => line.includes('js_sse_event_buffer_size')));
});
