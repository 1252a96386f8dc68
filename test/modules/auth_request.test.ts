import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  answeringBackend,
  type Backend,
  connect,
  get,
  type ReceivedRequest,
  reply,
  scriptedBackend,
  startProxy,
  type TestProxy,
} from '../kit/index.js';

function authorize(request: ReceivedRequest): string {
  const token = request.field('authorization');
  if (token === 'Bearer joe') return reply('', { fields: ['X-User: joe'] });
  return reply('denied', { status: '401 Unauthorized', fields: ['WWW-Authenticate: Bearer', 'X-Secret: yes'] });
}

const UPGRADE = ['Upgrade: websocket', 'Connection: Upgrade'];

describe('auth_request', () => {
  let authorization: Backend;
  let application: Backend;
  let proxy: TestProxy;
  before(async () => {
    authorization = await answeringBackend(authorize);
    application = await scriptedBackend(async (connection) => {
      const request = await connection.request();
      if (request === null) return;
      const user = request.field('x-user') ?? '-';
      if (request.field('upgrade') === undefined) connection.send(reply(`${user} ${request.body}`));
      else {
        connection.send(
          `HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Seen: ${user}\r\n\r\n`,
        );
        connection.send(await connection.reader.bytes(4));
      }
    });
    proxy = await startProxy(
      `upstream authorization { server 127.0.0.1:%%AUTHORIZATION%%; }
      log_format test '$uri $status $user';
      server {
        listen 127.0.0.1:0;
        access_log logs/test.log test;
        auth_request_set $user $upstream_http_x_user;
        location / {
          auth_request /auth;
          proxy_http_version 1.1;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection $http_connection;
          proxy_set_header X-User $user;
          proxy_pass http://127.0.0.1:%%APPLICATION%%;
        }
        location = /auth {
          internal;
          proxy_pass_request_body off;
          proxy_set_header Content-Length "";
          proxy_pass http://authorization;
        }
        location /redirect { auth_request /auth; try_files /none /shown; }
        location /shown { return 200 "user $user"; }
        location /closing { auth_request /close; empty_gif; }
        location = /close { return 444; }
        location /silent { auth_request /never; empty_gif; }
        location = /never { proxy_pass http://127.0.0.1:%%SILENT%%; proxy_read_timeout 100ms; }
        location /strange { auth_request /found; empty_gif; }
        location = /found { return 302 /x; }
      }`,
      {
        APPLICATION: application.port,
        AUTHORIZATION: authorization.port,
        SILENT: (silent = await scriptedBackend(() => {})).port,
      },
    );
  });
  let silent: Backend;
  after(() => Promise.all([proxy.close(), authorization.close(), application.close(), silent.close()]));

  const JOE = 'Authorization: Bearer joe';

  test('passes an authorized request on, with its body and the variables that were set', async () => {
    const answer = await get(proxy.port, '/x', { method: 'POST', fields: [JOE], body: 'a body' });
    assert.equal(answer.body, 'joe a body');
    const asked = authorization.requests.at(-1);
    assert.equal(asked?.method, 'GET');
    assert.equal(asked?.target, '/auth');
    assert.equal(asked?.body, '');
  });

  test('authorizes an upgrade before the tunnel is opened', async () => {
    const fields = ['Host: x', JOE, ...UPGRADE].join('\r\n');
    const connection = await connect(proxy.port);
    connection.send(`GET /ws HTTP/1.1\r\n${fields}\r\n\r\n`);
    const head = await connection.reader.until('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.match(head, /\r\nX-Seen: joe\r\n/);
    connection.send('ping');
    assert.equal(await connection.reader.bytes(4), 'ping');
    connection.close();
    const seen = application.connections.length;
    const refused = await get(proxy.port, '/ws', { fields: UPGRADE });
    assert.equal(refused.status, 401);
    assert.equal(application.connections.length, seen);
  });

  test('returns 401 with the challenge, and nothing else of the response', async () => {
    const answer = await get(proxy.port, '/x');
    assert.equal(answer.status, 401);
    assert.equal(answer.field('www-authenticate'), 'Bearer');
    assert.equal(answer.field('x-secret'), undefined);
    assert.doesNotMatch(answer.body, /denied/);
  });

  test('variables survive an internal redirect and reach the log', async () => {
    assert.equal((await get(proxy.port, '/redirect', { fields: [JOE] })).body, 'user joe');
    assert.equal(proxy.accessLog('logs/test.log').at(-1), '/shown 200 joe');
  });

  test('any other status is an error', async () => {
    assert.equal((await get(proxy.port, '/strange')).status, 500);
    assert.match(proxy.messages('error').at(-1) ?? '', /^\*\d+ auth request unexpected status: 302, client: /);
    assert.equal((await get(proxy.port, '/silent')).status, 500);
    assert.match(proxy.messages('error').at(-1) ?? '', /^\*\d+ auth request unexpected status: 504, client: /);
  });

  test('444 of the subrequest closes the connection', async () => {
    const connection = await connect(proxy.port);
    connection.send('GET /closing HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.equal(await connection.reader.all(), '');
  });

  test('connections to the authorization server are reused', async () => {
    const before = authorization.connections.length;
    for (let i = 0; i < 5; i++) {
      await get(proxy.port, '/x', { fields: [JOE] });
      await get(proxy.port, '/x');
    }
    assert.ok(authorization.connections.length <= before + 1, `${authorization.connections.length - before} new`);
  });
});
