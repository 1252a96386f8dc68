import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createProxy } from '../../src/index.js';
import {
  certificates,
  closedPort,
  connect,
  connectTls,
  get,
  httpsBackend,
  listening,
  request,
  until,
  websocket,
  websocketEcho,
} from '../kit/index.js';
import { forwarding, served } from './forward-process.js';
import { command } from './running.js';

let directory = '';

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsproxy-forward-'));
  mkdirSync(join(directory, 'dist/assets'), { recursive: true });
  mkdirSync(join(directory, 'dist/empty'));
  writeFileSync(join(directory, 'dist/index.html'), 'the page');
  writeFileSync(join(directory, 'dist/assets/app.js'), 'the script');
  writeFileSync(join(directory, 'dist/.env'), 'a secret');
});
after(() => rmSync(directory, { recursive: true, force: true }));

/** A back end whose responses are the URL and the fields of the requests. */
function mirror(t: Parameters<typeof listening>[0]): Promise<number> {
  return listening(
    t,
    createServer(({ url, headers }, response) => {
      if (url?.endsWith('/redirect')) response.writeHead(302, { Location: `http://${headers.host}/target` });
      response.end(JSON.stringify({ url, headers }));
    }),
  );
}

test('paths of routes are passed on unless the target has a path', async (t) => {
  const port = await mirror(t);
  const proxy = await forwarding(t, [
    '0',
    `/api=${port}`,
    `/stripped=http://localhost:${port}/`,
    `/v=http://127.0.0.1:${port}/v2`,
  ]);
  const urlAt = async (path: string) => JSON.parse((await get(proxy.port, path)).body).url;
  assert.equal(await urlAt('/api/users?a=%2F'), '/api/users?a=%2F');
  assert.equal(await urlAt('/api'), '/api');
  assert.equal(await urlAt('/stripped/users?a=b'), '/users?a=b');
  assert.equal(await urlAt('/v/users'), '/v2/users');
  const bare = await get(proxy.port, '/stripped');
  assert.equal(bare.status, 301);
  assert.match(bare.field('location') ?? '', /\/stripped\/$/);
  assert.equal((await get(proxy.port, '/elsewhere')).status, 404);
  await until('requests are shown', () => /GET +localhost\/v\/users +200 +-> 127\.0\.0\.1:/.test(proxy.text()));
  proxy.end();
  assert.equal(await proxy.exited, 0);
});

test('the Host field is that of the request, or that of the target', async (t) => {
  const port = await mirror(t);
  const [kept, changed] = await Promise.all([
    served(t, ['0', `http://localhost:${port}`]),
    served(t, ['0', `http://localhost:${port}`], { changeOrigin: true }),
  ]);
  const fields = ['Host: app.localhost:8080'];
  const { headers } = JSON.parse((await get(kept.port, '/', { fields })).body);
  assert.equal(headers.host, 'app.localhost:8080');
  assert.equal(headers['x-forwarded-host'], 'app.localhost:8080');
  assert.equal(headers['x-forwarded-proto'], 'http');
  assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(JSON.parse((await get(changed.port, '/', { fields })).body).headers.host, `localhost:${port}`);
  const redirect = await get(changed.port, '/redirect', { fields });
  assert.equal(redirect.field('location'), `http://app.localhost:${changed.port}/target`);
});

test('hosts that may be names of other sites are refused unless --allow-host names them', async (t) => {
  const port = await mirror(t);
  const route = `http://localhost:${port}`;
  const [proxy, given, any] = await Promise.all([
    served(t, ['0', route, `shop.com=${join(directory, 'dist')}`], { changeOrigin: true }),
    served(t, ['0', route], { allowHost: ['.Tunnel.io'] }),
    served(t, ['0', route], { allowHost: ['*'] }),
  ]);
  const status = async ({ port }: { readonly port: number }, host: string) =>
    (await get(port, '/', { fields: [`Host: ${host}`] })).status;
  const known = [
    'localhost',
    'a.localhost:80',
    'a.test',
    '127.0.0.1',
    '10.1.2.3:80',
    '[::1]:80',
    'proxy',
    'SHOP.com:80',
    'host.docker.internal:80',
    'box.home.arpa',
  ];
  for (const host of known) assert.equal(await status(proxy, host), 200, host);
  const client = await connect(proxy.port);
  t.after(() => client.close());
  assert.equal((await client.send('GET / HTTP/1.0\r\n\r\n').answer()).status, 200);
  for (const host of [
    'evil.com',
    'evil.com.',
    'localhost.evil.com',
    '127.0.0.1.evil.com',
    'evil.internal.com',
    'evil.local',
    'tunnel.io',
  ])
    assert.equal(await status(proxy, host), 421, host);
  for (const host of ['tunnel.io', 'a.b.tunnel.io:443']) assert.equal(await status(given, host), 200, host);
  assert.equal(await status(given, 'eviltunnel.io'), 421);
  assert.equal(await status(any, 'evil.com'), 200);
  const refusal = await get(proxy.port, '/', { fields: ['Host: evil.com'] });
  assert.equal(refusal.field('content-type'), 'text/plain');
  assert.match(refusal.body, /--allow-host NAME/);
});

test('with a certificate of its own, requests for any host are answered', async (t) => {
  const port = await mirror(t);
  const authority = certificates();
  const proxy = await served(t, ['0', String(port)], { cert: authority.crt('ec'), key: authority.key('ec') });
  const client = await connectTls(proxy.port);
  t.after(() => client.close());
  client.send(request('/', { fields: ['Host: shop.com'] }));
  assert.equal((await client.answer()).status, 200);
});

test('WebSockets pass, and hosts select their routes', async (t) => {
  const echo = await websocketEcho({ name: 'sockets' });
  t.after(() => echo.close());
  const port = await mirror(t);
  const proxy = await served(t, [
    '0',
    `/ws=ws://localhost:${echo.port}`,
    `api.localhost=${port}`,
    `api.localhost/ws=${echo.port}`,
  ]);
  assert.equal(await (await websocket(proxy.port, '/ws')).ask('hello'), 'hello');
  const fields = ['Host: api.localhost'];
  assert.equal(JSON.parse((await get(proxy.port, '/x', { fields })).body).url, '/x');
  assert.equal((await get(proxy.port, '/ws', { fields })).body, 'plain sockets /ws');
  assert.equal((await get(proxy.port, '/x')).status, 404);
});

test('a target that does not answer is named, and used as soon as it does', async (t) => {
  const port = await closedPort();
  const proxy = await served(t, ['0', `localhost:${port}`]);
  for (let i = 0; i < 3; i++) {
    const down = await get(proxy.port, '/page');
    assert.equal(down.status, 502);
    assert.match(down.body, new RegExp(`:${port}.* does not answer`));
    assert.equal(down.field('refresh'), '2');
  }
  const server = createServer((_request, response) => response.end('started'));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.after(() => server.close());
  assert.equal((await get(proxy.port, '/page')).body, 'started');
});

test('a server for localhost is found at either loopback address', async (t) => {
  const server = createServer((_request, response) => response.end('over IPv6'));
  const error = await new Promise<Error | null>((resolve) => {
    server.once('error', resolve);
    server.listen(0, '::1', () => resolve(null));
  });
  if (error !== null) return t.skip('there is no IPv6');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const proxy = await forwarding(t, ['0', String(port)]);
  for (let i = 0; i < 3; i++)
    assert.equal((await get(proxy.port, '/', { method: 'POST', body: 'x' })).body, 'over IPv6');
  await until('requests are shown', () => /POST .* 200 .*\[::1\]/.test(proxy.text()));
  assert.doesNotMatch(proxy.text(), /\[error\]/);
});

test('directories are served without hidden files', async (t) => {
  const proxy = await served(t, ['0', join(directory, 'dist'), `/files=${directory}/dist`]);
  for (const prefix of ['', '/files']) {
    assert.equal((await get(proxy.port, `${prefix}/`)).body, 'the page');
    const script = await get(proxy.port, `${prefix}/assets/app.js`);
    assert.equal(script.body, 'the script');
    assert.equal(script.field('content-type'), 'text/javascript');
    assert.equal(script.field('cache-control'), 'no-cache');
    assert.match((await get(proxy.port, `${prefix}/assets/`)).body, /app\.js/);
    for (const path of ['/.env', '/%2eenv', '/assets/../.env', '/assets/%2e%2e/.env', '/missing']) {
      assert.equal((await get(proxy.port, prefix + path)).status, 404, prefix + path);
    }
  }
});

test('--spa answers unknown paths with the page', async (t) => {
  const proxy = await served(t, ['0', join(directory, 'dist'), `/files=${directory}/dist`], { spa: true });
  for (const path of ['/', '/users/7', '/files/users/7'])
    assert.equal((await get(proxy.port, path)).body, 'the page', path);
  assert.equal((await get(proxy.port, '/assets/app.js')).body, 'the script');
  assert.equal((await get(proxy.port, '/.env')).status, 404);
});

test('--cors lets pages of this machine read responses, and no others', async (t) => {
  const port = await mirror(t);
  const proxy = await served(t, ['0', String(port)], { cors: true });
  const allowed = async (origin: string) =>
    (await get(proxy.port, '/', { fields: [`Origin: ${origin}`] })).field('access-control-allow-origin');
  for (const origin of ['http://localhost:5173', 'https://app.localhost', 'http://127.0.0.1:3000', 'http://[::1]:80']) {
    assert.equal(await allowed(origin), origin);
  }
  for (const origin of ['https://example.com', 'http://localhost.example.com', 'http://127.0.0.1.example.com']) {
    assert.equal(await allowed(origin), undefined);
  }
});

test('--tls presents a certificate of the local CA, and sends requests without TLS to the same URL with it', async (t) => {
  const port = await mirror(t);
  const ca = join(directory, 'ca');
  const echo = await websocketEcho();
  t.after(() => echo.close());
  const proxy = await forwarding(t, ['0', '--tls', String(port), `/ws=${echo.port}`, `app.localhost=${port}`], {
    env: { TSPROXY_CA_DIRECTORY: ca },
  });
  assert.match(proxy.text(), new RegExp(`https://app\\.localhost:${proxy.port}/`));
  for (const servername of ['localhost', 'app.localhost']) {
    const client = await connectTls(proxy.port, { servername, ca: readFileSync(join(ca, 'root.pem'), 'latin1') });
    client.send(request('/', { fields: [`Host: ${servername}:${proxy.port}`] }));
    const { headers } = JSON.parse((await client.answer()).body);
    assert.equal(headers['x-forwarded-proto'], 'https');
    client.close();
  }
  const secure = { ca: readFileSync(join(ca, 'root.pem'), 'latin1'), servername: 'localhost' };
  assert.equal(await (await websocket(proxy.port, '/ws', {}, secure)).ask('hello'), 'hello');
  const plain = await get(proxy.port, '/a?b', { fields: [`Host: localhost:${proxy.port}`] });
  assert.equal(plain.status, 308);
  assert.equal(plain.field('location'), `https://localhost:${proxy.port}/a?b`);
});

test('certificates of https:// targets are verified unless any is accepted', async (t) => {
  const backend = await httpsBackend({ certificate: 'ec' });
  t.after(() => backend.close());
  const target = `https://localhost:${backend.port}`;
  const trusting = (authorities: string) => served(t, ['0', target], {}, { authorities });
  const [trusted, stranger, insecure] = await Promise.all([
    trusting(certificates().crt('ca')),
    trusting(certificates().crt('ec')),
    served(t, ['0', target], { insecure: true }),
  ]);
  const answer = await get(trusted.port);
  assert.equal(answer.status, 200);
  const { host, servername } = JSON.parse(answer.body);
  assert.deepEqual([host, servername], [`localhost:${backend.port}`, 'localhost']);
  assert.equal((await get(insecure.port)).status, 200);
  const refused = await get(stranger.port);
  assert.equal(refused.status, 502);
  assert.match(refused.body, /--insecure/);
});

test('it listens on a unix socket, and forwards to one', async (t) => {
  const [front, back] = [join(directory, 'front.sock'), join(directory, 'back.sock')];
  const server = createServer((_request, response) => response.end('over sockets'));
  await new Promise<void>((resolve) => server.listen(back, resolve));
  t.after(() => server.close());
  const tcp = await served(t, ['0', `unix:${back}`]);
  assert.equal((await get(tcp.port)).body, 'over sockets');
  const proxy = createProxy({ config: (await command([`unix:${front}`, `unix:${back}`, '--print-config'])).stdout });
  await proxy.start();
  t.after(() => proxy.close());
  assert.equal((await get({ path: front })).body, 'over sockets');
});

test('the printed configuration serves as the command does', async (t) => {
  const port = await mirror(t);
  const closed = await closedPort();
  const words = [
    ...['0', `/api=${port}`, `/old/=http://localhost:${port}/v1`, `/down=${closed}`, '/=./dist', '--cors'],
    ...['/docs=./dist', `api.localhost=${port}`, '--change-origin'],
  ];
  const [running, printed] = await Promise.all([
    forwarding(t, words, { cwd: directory }),
    command([...words, '--print-config'], { cwd: directory }),
  ]);
  assert.equal(printed.code, 0);
  const proxy = createProxy({ config: printed.stdout });
  await proxy.start();
  t.after(() => proxy.close());
  const other = Number(proxy.addresses[0]?.split(':').pop());
  const paths = [
    '/',
    '/api/a%2Fb?c=d',
    '/api',
    '/old',
    '/old/x',
    '/old/redirect',
    '/down',
    '/assets',
    '/assets/app.js',
  ];
  for (const path of [...paths, '/.env', '/docs', '/docs/', '/docs/none', '/empty/', '//api/../x']) {
    for (const host of ['localhost', 'api.localhost', 'elsewhere']) {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const fields = [`Host: ${host}`, 'Origin: http://localhost:5173', 'Access-Control-Request-Method: GET'];
        const answers = await Promise.all([running.port, other].map((each) => get(each, path, { method, fields })));
        // Chunks of a body may be divided differently.
        const [first, second] = answers.map(({ raw, body }) =>
          `${raw.slice(0, raw.indexOf('\r\n\r\n'))}\n${body}`
            .replace(/^(?:Date|Expires):.*\r\n/gm, '')
            .replace(/(?<=^502 Bad Gateway: ).*(?= does not answer)/m, '')
            .replaceAll(`:${running.port}`, ':PORT')
            .replaceAll(`:${other}`, ':PORT'),
        );
        assert.equal(first, second);
      }
    }
  }
});

test('a port in use is one message, which names the process', { skip: process.platform !== 'linux' }, async (t) => {
  const port = await mirror(t);
  const { code, stderr, stdout } = await command([String(port), '3000']);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(
    stderr,
    /^tsproxy: \[emerg\] bind\(\) to 127\.0\.0\.1:\d+ failed \(98: Address already in use\); ".*\n$/,
  );
  assert.ok(stderr.includes(`(pid ${process.pid}) listens on port ${port}`), stderr);
});

test('a console shows the requests, and is not part of the printed configuration', async (t) => {
  const port = await mirror(t);
  const proxy = await forwarding(t, ['0', String(port)]);
  const [, consolePort = ''] = /console +http:\/\/localhost:(\d+)\//.exec(proxy.text()) ?? [];
  assert.equal((await get(Number(consolePort))).status, 200);
  assert.notEqual((await get(Number(consolePort), '/', { fields: ['Host: attacker.example'] })).status, 200);
  assert.doesNotMatch((await command(['8080', String(port), '--print-config'])).stdout, /console/);
});

test('usage errors exit with 2 and name the help of the command', async () => {
  for (const words of [['8080'], ['8080', './missing'], ['forward'], ['8080', '3000', '--nonsense']]) {
    const { code, stderr } = await command(words, { cwd: directory });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /Run "tsproxy forward --help"/);
  }
});

test('a start leaves no files in the directory', async (t) => {
  const empty = join(directory, 'empty-directory');
  mkdirSync(empty);
  const proxy = await forwarding(t, ['0', '3000'], { cwd: empty });
  proxy.end();
  await proxy.exited;
  assert.deepEqual(readdirSync(empty), []);
});
