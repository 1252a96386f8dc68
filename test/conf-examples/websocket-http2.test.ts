import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeSession, http2Session, streamWebSocket } from '../http2/stream-websocket.js';
import { certificates, websocketEcho, withoutOpenssl } from '../kit/index.js';
import { startExample } from './kit.js';

const NAME = 'websocket-http2.conf';

test(`conf/examples/${NAME}: a WebSocket and a request share an HTTP/2 connection`, {
  skip: withoutOpenssl,
}, async (t) => {
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const authority = certificates();
  const proxy = await startExample(t, NAME, {
    '127.0.0.1:3001': `127.0.0.1:${echo.port}`,
    'cert.pem': authority.crt('ec'),
    'key.pem': authority.key('ec'),
  });
  const session = await http2Session(proxy.port, { ca: authority.read('ca.crt'), servername: 'localhost' });
  t.after(() => closeSession(session));
  const socket = await streamWebSocket(session, '/chat', { ':scheme': 'https' });
  assert.equal(await socket.ask('hello'), 'hello');
  const request = session.request({ ':path': '/events' });
  let body = '';
  for await (const chunk of request) body += chunk;
  assert.equal(body, 'plain echo /events');
  assert.equal(await socket.close(), 1000);
  assert.deepEqual(proxy.messages('error'), []);
});
