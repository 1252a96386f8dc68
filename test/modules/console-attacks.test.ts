/** Attacks on the console through the browser of an operator, at each of its resources. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Answer, connect, startProxy, type TestProxy } from '../kit/index.js';

const HANDSHAKE = [
  ...['Upgrade: websocket', 'Connection: upgrade', 'Sec-WebSocket-Version: 13'],
  ...['Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Protocol: tsproxy.console.1'],
];
const JSON_TYPE = 'Content-Type: application/json';

interface Resource {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly fields: readonly string[];
}

const get = (path: string, fields: readonly string[] = []): Resource => ({ method: 'GET', path, fields });
const post = (path: string): Resource => ({ method: 'POST', path, fields: [JSON_TYPE] });

const RESOURCES: readonly Resource[] = [
  ...[get(''), get('feed', HANDSHAKE), get('state'), get('config'), get('generations'), get('diff?from=1&to=1')],
  ...[post('explain'), post('reload'), post('tunnels/1-1/close')],
];

let proxy: TestProxy;

before(async () => {
  proxy = await startProxy(`server { listen 127.0.0.1:0; server_name console.example;
    location /console/ { console control=on; console_payload on; } }`);
});

after(() => proxy.close());

async function request({ method, path, fields }: Resource, more: readonly string[]): Promise<Answer> {
  const connection = await connect(proxy.port);
  try {
    const body = method === 'POST' ? '{}' : '';
    const host = more.some((field) => /^host:/i.test(field)) ? [] : [`Host: 127.0.0.1:${proxy.port}`];
    const length = body === '' ? [] : [`Content-Length: ${body.length}`];
    const lines = [`${method} /console/${path} HTTP/1.1`, ...host, ...fields, ...length, ...more];
    connection.send(`${lines.join('\r\n')}\r\n\r\n${body}`);
    return await connection.answer();
  } finally {
    connection.close();
  }
}

const ATTACKS: readonly (readonly [name: string, status: number, fields: (port: number) => readonly string[]])[] = [
  ['a page of another site', 403, () => ['Origin: https://evil.example']],
  ['a page of another site, as the browser describes it', 403, () => ['Sec-Fetch-Site: cross-site']],
  ['a page of a related site', 403, () => ['Sec-Fetch-Site: same-site']],
  ['a sandboxed page', 403, () => ['Origin: null']],
  ['a page of another port', 403, (port) => [`Origin: http://127.0.0.1:${port + 1}`]],
  ['a page with another scheme', 403, (port) => [`Origin: https://127.0.0.1:${port}`]],
  ['a name that begins with the own host', 403, (port) => [`Origin: http://127.0.0.1:${port}.evil.example`]],
  ['two origins', 403, (port) => [`Origin: http://127.0.0.1:${port}`, 'Origin: http://evil.example']],
  ['DNS rebinding', 421, (port) => [`Host: evil.example:${port}`, `Origin: http://evil.example:${port}`]],
  ['DNS rebinding without an origin', 421, (port) => [`Host: evil.example:${port}`]],
  ['DNS rebinding with a name like localhost', 421, (port) => [`Host: localhost.evil.example:${port}`]],
];

for (const [name, status, fields] of ATTACKS) {
  test(`every resource refuses ${name}`, async () => {
    for (const resource of RESOURCES) {
      const answer = await request(resource, fields(proxy.port));
      assert.equal(answer.status, status, `${resource.method} ${resource.path}`);
      assert.doesNotMatch(answer.body, /token|server_name console|<script/);
    }
  });
}

test('the same requests without an attack are not refused for their origin', async () => {
  const own = [[], [`Origin: http://127.0.0.1:${proxy.port}`, 'Sec-Fetch-Site: same-origin'], ['Sec-Fetch-Site: none']];
  for (const fields of [...own, ['Host: localhost'], ['Host: console.example', 'Origin: http://console.example']]) {
    for (const resource of RESOURCES) {
      // Control needs the token as well.
      const isControl = resource.path === 'reload' || resource.path.startsWith('tunnels');
      const { status, body } = await request(resource, fields);
      if (isControl) assert.match(`${status} ${body}`, /^403 .*token/s);
      else assert.ok(![403, 421].includes(status), `${resource.method} ${resource.path}: ${status}`);
    }
  }
});

test('bodies that a form can send are refused, and do not change anything', async () => {
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain; application/json',
  ]) {
    for (const { path } of RESOURCES.filter(({ method }) => method === 'POST')) {
      const answer = await request({ method: 'POST', path, fields: [`Content-Type: ${type}`] }, []);
      assert.equal(answer.status, 415, `${path}: ${type}`);
    }
  }
});

test('responses allow no other site to read or embed them', async () => {
  for (const resource of RESOURCES.filter(({ path }) => path !== 'feed')) {
    const answer = await request(resource, []);
    assert.equal(answer.field('access-control-allow-origin'), undefined);
    assert.equal(answer.field('x-content-type-options'), 'nosniff', resource.path);
  }
  const page = await request(get(''), []);
  assert.match(page.field('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
});
