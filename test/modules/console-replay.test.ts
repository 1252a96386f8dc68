/** Repeated requests (`console_replay`). */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FeedClient } from '../console/feed-client.js';
import {
  answeringBackend,
  type Backend,
  certificates,
  get,
  httpsBackend,
  reply,
  startProxy,
  type TestProxy,
  withoutOpenssl,
} from '../kit/index.js';
import { ask, tokenField } from './console-client.js';

interface Scene {
  readonly proxy: TestProxy;
  readonly token: string;
  readonly first: Backend;
  readonly second: Backend;
  /** Sends a request, and returns the id of its rows. */
  send(path: string, options?: Parameters<typeof get>[2]): Promise<string>;
}

async function scene(t: TestContext): Promise<Scene> {
  const [first, second] = await Promise.all(
    ['first', 'second'].map((name) =>
      answeringBackend(() => reply(`body of ${name} 4111`, { fields: ['Set-Cookie: id=s3cret', `X-Server: ${name}`] })),
    ),
  );
  assert.ok(first !== undefined && second !== undefined);
  const proxy = await startProxy(
    `upstream one { server 127.0.0.1:%%FIRST%%; } upstream two { server 127.0.0.1:%%SECOND%%; }
    server { listen 127.0.0.1:0;
      location /console/ { console control=on; console_replay on; console_payload on; console_redact_pattern 4111; }
      location /hidden/ { console control=on; console_replay on; }
      location /off/ { console control=on; }
      location /local { return 200 local; }
      location /api/ { proxy_set_header X-Api-Key k3y; proxy_pass http://one/v1/; } }`,
    { FIRST: first.port, SECOND: second.port },
  );
  const feed = await FeedClient.watch(proxy.port);
  t.after(async () => {
    await feed.close();
    await Promise.all([proxy.close(), first.close(), second.close()]);
  });
  const send: Scene['send'] = async (path, options) => {
    await get(proxy.port, path, options);
    return (await feed.exchange(path)).request.id;
  };
  return { proxy, token: await tokenField(proxy.port), first, second, send };
}

test('a request is repeated as it was sent, by its server or another upstream', async (t) => {
  const { proxy, token, first, second, send } = await scene(t);
  const id = await send('/api/users?x=1', { fields: ['Accept: text/plain', 'Cookie: a=b'] });
  const same = await ask(proxy.port, 'replay', { id }, [token]);
  assert.equal(same.status, 200, JSON.stringify(same.body));
  assert.deepEqual([same.body.status, same.body.address, same.body.length], [200, `127.0.0.1:${first.port}`, 18]);
  assert.equal(same.body.body, 'body of first [redacted]');
  assert.ok(same.body.duration > 0);
  assert.deepEqual(
    same.body.fields.filter(([name]: string[]) => /^(set-cookie|x-server)$/i.test(name ?? '')),
    [
      ['Set-Cookie', '[redacted]'],
      ['X-Server', 'first'],
    ],
  );
  const [original, repeated] = first.requests;
  const comparable = (head = ''): string => head.replace(/^Connection:.*\r\n/im, '');
  assert.equal(comparable(repeated?.head), comparable(original?.head));
  assert.match(repeated?.head ?? '', /^GET \/v1\/users\?x=1 HTTP\/1\.1\r\n/);
  assert.match(repeated?.head ?? '', /^X-Api-Key: k3y\r$/m);

  const other = await ask(proxy.port, 'replay', { id, upstream: 'two' }, [token]);
  assert.deepEqual([other.body.body, second.requests.length], ['body of second [redacted]', 1]);
  const byAddress = await ask(proxy.port, 'replay', { id, upstream: `127.0.0.1:${second.port}` }, [token]);
  assert.deepEqual([byAddress.status, second.requests.length], [200, 2]);
});

test('only servers of the configuration, requests without bodies, and locations that allow it', async (t) => {
  const { proxy, token, first, send } = await scene(t);
  const id = await send('/api/a');
  const refusal = async (body: unknown): Promise<string> => {
    const answer = await ask(proxy.port, 'replay', body, [token]);
    assert.ok(answer.status >= 400, JSON.stringify(answer.body));
    return answer.body.error.text;
  };
  assert.match(
    await refusal({ id, upstream: '192.0.2.1:80' }),
    /"192\.0\.2\.1:80" is neither an upstream nor a server/,
  );
  assert.match(await refusal({ id: '1-999' }), /is not kept/);
  assert.match(await refusal({ id: 7 }), /"id" must be the id of a request/);
  assert.match(await refusal({ id: await send('/local') }), /not passed to an upstream/);
  const posted = await send('/api/post', { method: 'POST', body: 'x', fields: ['Content-Type: text/plain'] });
  assert.match(await refusal({ id: posted }), /has a body/);
  assert.equal(first.requests.length, 2);

  const at = (prefix: string, fields: readonly string[]) =>
    get(proxy.port, `/${prefix}/replay`, { method: 'POST', fields, body: JSON.stringify({ id }) });
  const json = 'Content-Type: application/json';
  assert.equal((await at('off', [json, token])).status, 403);
  assert.equal((await at('console', [json])).status, 403);
  assert.equal((await at('console', [token])).status, 415);
  assert.equal((await at('console', [json, token, 'Origin: http://evil.example'])).status, 403);
  assert.equal(first.requests.length, 2);
  const hidden = await at('hidden', [json, token]);
  assert.deepEqual([hidden.status, JSON.parse(hidden.body).body], [200, null]);
});

test('a server that closes, or does not speak HTTP, is reported', async (t) => {
  const { proxy, token, first, send } = await scene(t);
  const id = await send('/api/a');
  await first.close();
  const answer = await ask(proxy.port, 'replay', { id }, [token]);
  assert.deepEqual([answer.status, answer.body.error.code], [502, 'ReplayFailed']);
  assert.match(answer.body.error.text, /ECONNREFUSED/);
});

test('credentials that a response repeats are redacted, and a response with status 101 is reported', async (t) => {
  let count = 0;
  const server = await answeringBackend(({ head }) => {
    const credentials = /^Authorization: (.*)\r$/m.exec(head)?.[1] ?? '';
    return count++ < 2
      ? reply('', { fields: [`X-Seen: ${credentials}`] })
      : 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n';
  });
  const proxy = await startProxy(
    `server { listen 127.0.0.1:0; location /console/ { console control=on; console_replay on; }
      location / { proxy_pass http://127.0.0.1:%%PORT%%; } }`,
    { PORT: server.port },
  );
  const feed = await FeedClient.watch(proxy.port);
  t.after(async () => {
    await feed.close();
    await Promise.all([proxy.close(), server.close()]);
  });
  await get(proxy.port, '/seen', { fields: ['Authorization: Bearer s3cretvalue'] });
  const { request } = await feed.exchange('/seen');
  const token = await tokenField(proxy.port);
  const answer = await ask(proxy.port, 'replay', { id: request.id }, [token]);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.match(JSON.stringify(answer.body.fields), /X-Seen/);
  assert.doesNotMatch(JSON.stringify(answer.body), /s3cretvalue/);
  const switched = await ask(proxy.port, 'replay', { id: request.id }, [token]);
  assert.deepEqual([switched.status, switched.body.error?.code], [502, 'ReplayFailed']);
});

test('a request is repeated over TLS, with the verification of its location', { skip: withoutOpenssl }, async (t) => {
  const [server, stranger] = await Promise.all([httpsBackend(), httpsBackend({ certificate: 'other' })]);
  const { directory } = certificates();
  const proxy = await startProxy(
    `upstream stranger { server 127.0.0.1:%%STRANGER%%; }
    server { listen 127.0.0.1:0; location /console/ { console control=on; console_replay on; }
      location /tls { proxy_pass https://127.0.0.1:%%PORT%%; proxy_ssl_verify on; proxy_ssl_name localhost;
        proxy_ssl_trusted_certificate ${directory}/ca.crt; } }`,
    { PORT: server.port, STRANGER: stranger.port },
  );
  const feed = await FeedClient.watch(proxy.port);
  t.after(async () => {
    await feed.close();
    await Promise.all([proxy.close(), server.close(), stranger.close()]);
  });
  assert.equal((await get(proxy.port, '/tls')).status, 200);
  const { request } = await feed.exchange('/tls');
  const token = await tokenField(proxy.port);
  const answer = await ask(proxy.port, 'replay', { id: request.id }, [token]);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.equal(server.requests.length, 2);
  const refused = await ask(proxy.port, 'replay', { id: request.id, upstream: 'stranger' }, [token]);
  assert.equal(refused.status, 502);
  assert.match(refused.body.error.text, /certificate/);
  assert.equal(stranger.requests.length, 0);
});
