/** A connection of the pool whose peer has left is not used for what cannot be repeated. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { answeringBackend, type BackendConnection, connect, reply, request, startProxy } from '../kit/index.js';

const LEAVING: Readonly<Record<string, (connection: BackendConnection) => void>> = {
  reset: (connection) => connection.reset(),
  closed: (connection) => connection.socket.destroy(),
  'not silent': (connection) => void connection.send('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nunasked'),
};

for (const [state, leave] of Object.entries(LEAVING)) {
  test(`a POST is not sent on a pooled connection that is ${state}, though the event loop has not told yet`, async (t) => {
    const backend = await answeringBackend(({ body }) => reply(body));
    t.after(() => backend.close());
    const proxy = await startProxy(
      `
      upstream u { server 127.0.0.1:%%PORT%%; keepalive 4; }
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ''; }
        location /streamed { proxy_request_buffering off; proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ''; }
        location /final { proxy_next_upstream off; proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ''; }
      }`,
      { PORT: backend.port },
    );
    t.after(() => proxy.close());
    const client = await connect(proxy.port);
    t.after(() => client.close());
    for (const path of ['/streamed', '/final', '/']) {
      const method = path === '/' ? 'POST' : 'PUT';
      for (const body of ['first', 'second', 'third']) {
        // The proxy finds both when it polls again: the second time the request first, the third time the departure.
        if (body === 'third') for (const each of backend.connections) if (!each.socket.destroyed) leave(each);
        const bytes = request(path, { method, body, fields: ['Connection: keep-alive'] });
        client.send(bytes.slice(0, -1));
        if (body === 'second') for (const each of backend.connections) if (!each.socket.destroyed) leave(each);
        // The end of the body comes after the event loop has polled.
        for (let turn = 0; turn < 3; turn++) await nextTurn();
        client.send(bytes.slice(-1));
        const answer = await client.answer(method);
        assert.equal(`${method} ${answer.status} ${answer.body}`, `${method} 200 ${body}`);
      }
    }
    assert.deepEqual(proxy.messages('error'), []);
  });
}
