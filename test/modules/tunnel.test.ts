/** Tunnels for CONNECT: `tunnel_pass` and its directives. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import {
  type Answer,
  type Backend,
  type BackendConnection,
  type Connection,
  closedPort,
  connect,
  get,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  type TestProxyOptions,
  until,
} from '../kit/index.js';
import { deafPort } from '../stress/deaf.js';
import { DnsServer } from '../upstream/dns-server.js';

/** Sends back what it receives, behind its greeting. */
async function greeting(t: TestContext, name = 'hello'): Promise<Backend> {
  const backend = await scriptedBackend((connection) => {
    connection.send(`${name};`);
    connection.socket.on('data', (bytes: Buffer) => connection.send(bytes));
    connection.socket.on('end', () => connection.end());
  });
  t.after(() => backend.close());
  return backend;
}

async function proxyOf(
  t: TestContext,
  text: string,
  replacements: Readonly<Record<string, string | number>> = {},
  options: TestProxyOptions = {},
): Promise<TestProxy> {
  const proxy = await startProxy(
    `log_format tunnel '$request $status $upstream_addr $upstream_status $upstream_bytes_sent $upstream_bytes_received';
    access_log logs/access.log tunnel; ${text}`,
    replacements,
    options,
  );
  t.after(() => proxy.close());
  return proxy;
}

/** Messages of the error log without the numbers of the connections. */
function messages(proxy: TestProxy): string {
  return proxy
    .messages()
    .map((line) => line.replace(/^\*\d+ /, ''))
    .join('\n');
}

function server(text: string): string {
  return `server { listen 127.0.0.1:0; ${text} }`;
}

function head(target: string, fields: readonly string[] = []): string {
  return `CONNECT ${target} HTTP/1.1\r\n${['Host: x', ...fields].join('\r\n')}\r\n\r\n`;
}

interface Opened {
  readonly client: Connection;
  /** The head of the response. */
  readonly head: string;
}

/** Opens a tunnel; fails unless the response is 200. */
async function open(t: TestContext, proxy: TestProxy, target: string, fields: readonly string[] = []): Promise<Opened> {
  const client = await connect(proxy.port);
  t.after(() => client.close());
  const response = await client.send(head(target, fields)).until('\r\n\r\n');
  assert.match(response, /^HTTP\/1\.1 200 OK\r\n/);
  return { client, head: response };
}

/** The response to a CONNECT that opens no tunnel. */
async function refusal(proxy: TestProxy, target: string, fields: readonly string[] = []): Promise<Answer> {
  const client = await connect(proxy.port);
  try {
    return await client.send(head(target, fields)).answer();
  } finally {
    client.close();
  }
}

/** The status of the response, and what the back end greets with; `null` without a tunnel. */
async function greeted(t: TestContext, proxy: TestProxy, target = 'x:1'): Promise<string> {
  const { client } = await open(t, proxy, target);
  return client.until(';');
}

describe('CONNECT', () => {
  test('connects to the requested host and port, and forwards the bytes of both sides', async (t) => {
    const backend = await greeting(t);
    const proxy = await proxyOf(t, server('add_header X-Added yes; tunnel_pass;'));
    const client = await connect(proxy.port);
    t.after(() => client.close());
    // In one segment with the bytes that follow it.
    client.send(`${head(`127.0.0.1:${backend.port}`)}early`);
    const response = await client.until('\r\n\r\n');
    assert.match(response, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(response, /\r\nX-Added: yes\r\n/);
    assert.match(response, /\r\nConnection: close\r\n/);
    assert.doesNotMatch(response, /content-length|transfer-encoding|content-type/i);
    assert.equal(await client.bytes(11), 'hello;early');
    assert.equal(await client.send('more').bytes(4), 'more');
    client.end();
    assert.equal(await client.all(), '');
    await until('it is logged', () => proxy.accessLog().length === 1);
    const address = `127.0.0.1:${backend.port}`;
    assert.deepEqual(proxy.accessLog(), [`CONNECT ${address} HTTP/1.1 200 ${address} - 9 15`]);
    assert.deepEqual(proxy.messages('error'), []);
  });

  test('ends with the connection of either side', async (t) => {
    const backend = await greeting(t);
    const proxy = await proxyOf(t, server('tunnel_pass;'));
    const first = await open(t, proxy, `127.0.0.1:${backend.port}`);
    backend.connections[0]?.end();
    assert.equal(await first.client.all(), 'hello;');
    const second = await open(t, proxy, `127.0.0.1:${backend.port}`);
    await second.client.until(';');
    second.client.reset();
    await until('the back end is left', () => backend.open === 0);
    await until('nothing is left', () => proxy.proxy.status.active === 0);
  });

  test('takes a tunnel for dead if no bytes are transmitted for tunnel_read_timeout', async (t) => {
    const backend = await greeting(t);
    const proxy = await proxyOf(t, server('tunnel_read_timeout 100ms; tunnel_pass;'));
    const { client } = await open(t, proxy, `127.0.0.1:${backend.port}`);
    assert.equal(await client.all(), 'hello;');
    assert.match(messages(proxy), /upstream timed out \(110: Connection timed out\) while proxying/);
  });

  test('is refused with 405 by servers without tunnel_pass, with HTTP/1.0, and 400 with a body', async (t) => {
    const port = await closedPort();
    const proxy = await proxyOf(
      t,
      `${server('return 204;')} server { listen 127.0.0.2:0; location /inner { if ($http_x) { tunnel_pass; } } return 204; }`,
    );
    const inner = { host: '127.0.0.2', port: proxy.portOf('127.0.0.2') };
    const statusOf = async (target: number | typeof inner, bytes: string) => {
      const client = await connect(target);
      const { status } = await client.send(bytes).answer();
      client.close();
      return status;
    };
    assert.equal(await statusOf(proxy.port, head(`127.0.0.1:${port}`)), 405);
    assert.equal(await statusOf(inner, head(`127.0.0.1:${port}`)), 204);
    assert.equal(await statusOf(inner, `CONNECT 127.0.0.1:${port} HTTP/1.0\r\nHost: x\r\n\r\n`), 405);
    assert.equal(await statusOf(inner, `CONNECT 127.0.0.1:${port} HTTP/1.2\r\nHost: x\r\n\r\n`), 405);
    assert.equal(await statusOf(inner, `${head(`127.0.0.1:${port}`, ['Content-Length: 1'])}x`), 400);
    assert.equal(await statusOf(inner, head(`127.0.0.1:${port}`, ['Transfer-Encoding: chunked'])), 400);
    const refusals = messages(proxy).match(
      /^client sent CONNECT (?:method|request with body)(?=.* request headers,)/gm,
    );
    const [method, body] = ['client sent CONNECT method', 'client sent CONNECT request with body'];
    assert.deepEqual(refusals, [method, method, method, body, body]);
  });

  test('is the only method of tunnel_pass, which in server applies outside of locations', async (t) => {
    const backend = await greeting(t);
    const proxy = await proxyOf(t, server('tunnel_pass; location /page { return 200 page; }'));
    assert.equal((await get(proxy.port, '/')).status, 405);
    assert.equal((await get(proxy.port, '/page')).body, 'page');
    assert.equal(await greeted(t, proxy, `127.0.0.1:${backend.port}`), 'hello;');
  });

  test('closes the connection after an error, which may have a page of its own', async (t) => {
    const port = await closedPort();
    const proxy = await proxyOf(
      t,
      server('tunnel_pass; error_page 502 /failed; location /failed { return 200 "$request_method failed"; }'),
    );
    const client = await connect(proxy.port);
    t.after(() => client.close());
    const all = await client.send(head(`127.0.0.1:${port}`, ['Connection: keep-alive'])).all();
    assert.match(all, /^HTTP\/1\.1 502 Bad Gateway\r\n[\s\S]*\r\nConnection: close\r\n\r\nGET failed$/);
    assert.match(
      messages(proxy),
      new RegExp(`^connect\\(\\) failed \\(111: .*upstream: "127\\.0\\.0\\.1:${port}"`, 'm'),
    );
  });
});

describe('the target of tunnel_pass', () => {
  test('may be an upstream, a unix domain socket, or an address with variables', async (t) => {
    const backend = await greeting(t);
    const unix = await scriptedBackend((connection) => void connection.send('unix;'), { unix: true });
    t.after(() => unix.close());
    const proxy = await proxyOf(
      t,
      `upstream app { server 127.0.0.1:%%PORT%%; }
      ${server('if ($http_to = up) { rewrite ^ /up; } if ($http_to = unix) { rewrite ^ /unix; } if ($http_to = name) { rewrite ^ /name; } location /up { tunnel_pass app; } location /unix { tunnel_pass unix:%%UNIX%%; } location /name { tunnel_pass $http_name; }')}`,
      { PORT: backend.port, UNIX: unix.path },
    );
    const answers = [];
    for (const fields of [
      ['To: up'],
      ['To: unix'],
      ['To: name', 'Name: APP'],
      ['To: name', `Name: 127.0.0.1:${backend.port}`],
    ]) {
      const { client } = await open(t, proxy, 'x:1', fields);
      answers.push(await client.until(';'));
    }
    assert.deepEqual(answers, ['hello;', 'unix;', 'hello;', 'hello;']);
    assert.equal((await refusal(proxy, 'x:1', ['To: name', 'Name: 127.0.0.1'])).status, 500);
    assert.equal((await refusal(proxy, 'x:1', ['To: name', 'Name: a:b'])).status, 500);
    assert.equal((await refusal(proxy, 'x:1', ['To: name', 'Name: a.example:1'])).status, 502);
    assert.deepEqual(messages(proxy).match(/^(?:no port|invalid port|no resolver)[^,]*/gm), [
      'no port in upstream "127.0.0.1"',
      'invalid port in upstream "a:b"',
      'no resolver defined to resolve a.example',
    ]);
  });

  test('is resolved, each address is tried, and a name without one is 502', async (t) => {
    const backend = await greeting(t);
    const dns = await DnsServer.start({ 'a.example': { a: ['127.0.0.3', '127.0.0.1'] } });
    t.after(() => dns.close());
    const proxy = await proxyOf(t, `resolver 127.0.0.1:%%DNS%% ipv6=off; ${server('tunnel_pass;')}`, { DNS: dns.port });
    // The order of the addresses changes, as in nginx.
    for (let i = 0; i < 4; i++) assert.equal(await greeted(t, proxy, `a.example:${backend.port}`), 'hello;');
    assert.equal((await refusal(proxy, 'b.example:1')).status, 502);
    assert.match(messages(proxy), /^b\.example could not be resolved \(3: Host not found\)/m);
  });

  test('is not connected to for a client that has left', async (t) => {
    const backend = await greeting(t);
    const dns = await DnsServer.start({ 'a.example': { a: ['127.0.0.1'] } });
    t.after(() => dns.close());
    dns.silent = true;
    const deaf = await deafPort();
    t.after(() => deaf.close());
    const proxy = await proxyOf(t, `resolver 127.0.0.1:%%DNS%% ipv6=off; ${server('tunnel_pass;')}`, { DNS: dns.port });
    const resolving = await connect(proxy.port);
    resolving.send(head(`a.example:${backend.port}`));
    await until('the name is looked up', () => dns.asked.length === 1);
    resolving.close();
    const connecting = await connect(proxy.port);
    connecting.send(head(`127.0.0.1:${deaf.port}`));
    await until('both are active', () => proxy.proxy.status.active >= 1);
    connecting.close();
    await until('nothing is left', () => proxy.proxy.status.active === 0);
    assert.equal(backend.connections.length, 0);
    await until('both are logged', () => proxy.accessLog().length === 2);
    for (const line of proxy.accessLog()) assert.match(line, / 499 /);
  });
});

describe('tunnel_next_upstream', () => {
  const upstream = (servers: string, more: string) =>
    `upstream app { ${servers} } ${server(`tunnel_pass app; ${more}`)}`;

  test('tries the next server after an error, for at most tunnel_next_upstream_tries', async (t) => {
    const backend = await greeting(t);
    const ports = { BAD: await closedPort(), PORT: backend.port };
    const servers = 'server 127.0.0.2:%%BAD%%; server 127.0.0.3:%%BAD%%; server 127.0.0.1:%%PORT%%;';
    const all = await proxyOf(t, upstream(servers, ''), ports);
    assert.equal(await greeted(t, all), 'hello;');
    const none = await proxyOf(t, upstream(servers, 'tunnel_next_upstream off;'), ports);
    assert.equal((await refusal(none, 'x:1')).status, 502);
    const timeouts = await proxyOf(t, upstream(servers, 'tunnel_next_upstream timeout;'), ports);
    assert.equal((await refusal(timeouts, 'x:1')).status, 502);
    const two = await proxyOf(t, upstream(servers, 'tunnel_next_upstream_tries 2;'), ports);
    assert.equal((await refusal(two, 'x:1')).status, 502);
    await until('it is logged', () => two.accessLog().length === 1);
    assert.match(two.accessLog()[0] ?? '', /127\.0\.0\.2:\d+, 127\.0\.0\.3:\d+ 502, 502 /);
    // Both have failed, and are not tried again at once.
    assert.equal(await greeted(t, two), 'hello;');
  });

  test('tries the next server if a connection takes longer than tunnel_connect_timeout', async (t) => {
    const backend = await greeting(t);
    const deaf = await deafPort();
    t.after(() => deaf.close());
    const ports = { DEAF: deaf.port, PORT: backend.port };
    const servers = 'server 127.0.0.1:%%DEAF%%; server 127.0.0.1:%%PORT%%;';
    const next = await proxyOf(t, upstream(servers, 'tunnel_connect_timeout 100ms;'), ports);
    assert.equal(await greeted(t, next), 'hello;');
    assert.match(messages(next), /^upstream timed out \(110: Connection timed out\) while connecting/m);
    const only = await proxyOf(
      t,
      upstream(servers, 'tunnel_connect_timeout 100ms; tunnel_next_upstream error;'),
      ports,
    );
    assert.equal((await refusal(only, 'x:1')).status, 504);
    const late = 'tunnel_connect_timeout 100ms; tunnel_next_upstream_timeout 10ms;';
    const limited = await proxyOf(t, upstream(servers, late), ports);
    assert.equal((await refusal(limited, 'x:1')).status, 504);
  });

  test('tries another server instead of one that tunnel_allow_upstream denies, if it says so', async (t) => {
    const backend = await greeting(t);
    const ports = { PORT: backend.port };
    const geo = 'geo $upstream_last_addr $allow { volatile; default 0; 127.0.0.1/32 1; }';
    const servers = 'server 127.0.0.2:%%PORT%%; server 127.0.0.1:%%PORT%%;';
    const allow = 'tunnel_allow_upstream $allow always;';
    const next = await proxyOf(t, geo + upstream(servers, `${allow} tunnel_next_upstream denied;`), ports);
    assert.equal(await greeted(t, next), 'hello;');
    const none = await proxyOf(t, geo + upstream(servers, allow), ports);
    assert.equal((await refusal(none, 'x:1')).status, 502);
    assert.match(messages(none), /^access to upstream is not allowed while connecting to upstream/m);
    const empty = await proxyOf(
      t,
      geo + upstream(servers, 'tunnel_allow_upstream $http_x; tunnel_next_upstream denied;'),
      ports,
    );
    assert.equal((await refusal(empty, 'x:1')).status, 502);
    assert.equal(backend.connections.length, 1);
  });

  test('never reaches an inner address by a name that resolves to it', async (t) => {
    const backend = await greeting(t);
    const dns = await DnsServer.start({ 'a.example': { a: ['127.0.0.1', '127.0.0.2'], aaaa: ['0:0:0:0:0:0:0:1'] } });
    t.after(() => dns.close());
    const proxy = await proxyOf(
      t,
      `resolver 127.0.0.1:%%DNS%%;
      geo $upstream_last_addr $outside { volatile; default 1; 127.0.0.0/8 0; ::1 0; }
      ${server('tunnel_allow_upstream $outside; tunnel_next_upstream error denied; tunnel_pass;')}`,
      { DNS: dns.port },
    );
    assert.equal((await refusal(proxy, `a.example:${backend.port}`)).status, 502);
    assert.equal((await refusal(proxy, `127.0.0.1:${backend.port}`)).status, 502);
    assert.equal((await refusal(proxy, `[::ffff:127.0.0.1]:${backend.port}`)).status, 502);
    assert.equal(backend.connections.length, 0);
  });
});

describe('access to tunnels', () => {
  const files = { users: 'me:{PLAIN}secret\n' };
  const credentials = `Basic ${Buffer.from('me:secret').toString('base64')}`;

  test('needs credentials for the proxy: 407 without them', async (t) => {
    const backend = await greeting(t);
    const proxy = await proxyOf(
      t,
      `log_format user '$remote_user'; ${server('access_log logs/user.log user; auth_basic "closed proxy"; auth_basic_user_file %%DIR%%/users; tunnel_pass;')}`,
      {},
      { files },
    );
    const target = `127.0.0.1:${backend.port}`;
    const without = await refusal(proxy, target);
    assert.equal(without.status, 407);
    assert.equal(without.field('proxy-authenticate'), 'Basic realm="closed proxy"');
    assert.equal(without.field('www-authenticate'), undefined);
    // Those for a server behind the proxy are none for the proxy.
    assert.equal((await refusal(proxy, target, [`Authorization: ${credentials}`])).status, 407);
    assert.equal((await refusal(proxy, target, ['Proxy-Authorization: Basic bWU6d3Jvbmc='])).status, 407);
    const { client } = await open(t, proxy, target, [`Proxy-Authorization: ${credentials}`]);
    client.close();
    await until('all are logged', () => proxy.accessLog('logs/user.log').length === 4);
    assert.deepEqual(proxy.accessLog('logs/user.log'), ['-', '-', 'me', 'me']);
    const page = await get(proxy.port, '/', { fields: [`Proxy-Authorization: ${credentials}`] });
    assert.equal(page.status, 401);
    assert.equal(page.field('www-authenticate'), 'Basic realm="closed proxy"');
  });

  test('needs an address or credentials with satisfy any', async (t) => {
    const backend = await greeting(t);
    const text = (rule: string) =>
      server(`satisfy any; ${rule}; auth_basic x; auth_basic_user_file %%DIR%%/users; tunnel_pass;`);
    const target = `127.0.0.1:${backend.port}`;
    const allowed = await proxyOf(t, text('allow 127.0.0.1; deny all'), {}, { files });
    const { head: response } = await open(t, allowed, target);
    assert.doesNotMatch(response, /authenticate/i);
    const denied = await proxyOf(t, text('deny all'), {}, { files });
    assert.equal((await refusal(denied, target)).status, 407);
    await open(t, denied, target, [`Proxy-Authorization: ${credentials}`]);
    const closed = await proxyOf(t, server('deny all; tunnel_pass;'));
    assert.equal((await refusal(closed, target)).status, 403);
  });
});

describe('connections of tunnels', () => {
  test('come from tunnel_bind, which tunnel_bind_dynamic evaluates for each server', async (t) => {
    const sources: string[] = [];
    const backend = await scriptedBackend((connection) => {
      sources.push(connection.socket.remoteAddress ?? '');
      connection.send(';');
    });
    t.after(() => backend.close());
    const ports = { PORT: backend.port, BAD: await closedPort() };
    const map = `map $upstream_last_addr $own { volatile; 127.0.0.1 127.0.0.5; default 127.0.0.6; }
      upstream app { server 127.0.0.2:%%BAD%%; server 127.0.0.1:%%PORT%%; }`;
    for (const text of [
      'tunnel_bind 127.0.0.4;',
      'tunnel_bind $own; tunnel_bind_dynamic on;',
      'tunnel_bind $own;',
      'tunnel_bind $http_nothing;',
      'tunnel_bind $http_host;',
    ]) {
      await greeted(t, await proxyOf(t, `${map} ${server(`tunnel_pass app; ${text}`)}`, ports));
    }
    assert.deepEqual(sources, ['127.0.0.4', '127.0.0.5', '127.0.0.6', '127.0.0.1', '127.0.0.1']);
  });

  test('count for least_conn and max_conns until they end', async (t) => {
    const [one, two] = [await greeting(t, 'one'), await greeting(t, 'two')];
    const proxy = await proxyOf(
      t,
      `upstream app { least_conn; server 127.0.0.1:%%ONE%% max_conns=2; server 127.0.0.1:%%TWO%% max_conns=1; }
      ${server('tunnel_pass app;')}`,
      { ONE: one.port, TWO: two.port },
    );
    const first = await open(t, proxy, 'x:1');
    const names = [await first.client.until(';'), await greeted(t, proxy), await greeted(t, proxy)];
    assert.deepEqual(names.sort(), ['one;', 'one;', 'two;']);
    assert.equal((await refusal(proxy, 'x:1')).status, 502);
    first.client.close();
    await until('a tunnel has ended', () => proxy.proxy.status.active === 2);
    await greeted(t, proxy);
  });

  test('are counted as connections: with all used there is 500 instead of a tunnel', async (t) => {
    const backend = await greeting(t);
    const proxy = await startProxy(`events { worker_connections 3; } http { ${server('tunnel_pass;')} }`);
    t.after(() => proxy.close());
    const target = `127.0.0.1:${backend.port}`;
    await open(t, proxy, target);
    const client = await connect(proxy.port);
    t.after(() => client.close());
    assert.equal((await client.send(head(target)).answer()).status, 500);
    assert.match(messages(proxy), /^3 worker_connections are not enough while connecting to upstream/m);
  });
});

describe('a reload', () => {
  const http = (pass: string, more = '', servers = 'server 127.0.0.1:%%PORT%%;') =>
    `upstream app { ${servers} } ${server(`${more} tunnel_pass ${pass};`)}`;

  test('leaves tunnels open; those whose server is removed end with tunnel_drain', async (t) => {
    const backend = await greeting(t);
    const ports = { PORT: backend.port };
    const drain = 'tunnel_drain on spread=0s timeout=200ms;';
    const proxy = await startProxy(http('app', drain), ports);
    t.after(() => proxy.close());
    const { client } = await open(t, proxy, 'x:1');
    await client.until(';');
    const steps = [
      http('app', `${drain} tunnel_connect_timeout 3s; tunnel_next_upstream off;`),
      http('app', drain, 'server 127.0.0.1:%%PORT%%; server 127.0.0.2:%%PORT%%;'),
      http('127.0.0.1:%%PORT%%', drain),
    ];
    for (const [i, text] of steps.entries()) {
      const { predecessorEnded } = await proxy.reload(text, ports);
      await predecessorEnded;
      assert.equal(await client.send(String(i)).bytes(1), String(i));
    }
    await proxy.reload(http('127.0.0.2:%%PORT%%', drain), ports);
    assert.equal(await client.all(), '');
  });
});

test('bytes of a large transfer arrive in order through a tunnel whose ends are slow', async (t) => {
  const block = Buffer.alloc(1 << 20, 'abcdefgh');
  let received = 0;
  let opened: BackendConnection | undefined;
  const backend = await scriptedBackend((connection) => {
    opened = connection;
    connection.socket.pause();
    for (let i = 0; i < 8; i++) connection.send(block);
  });
  t.after(() => backend.close());
  const proxy = await proxyOf(t, server('tunnel_pass;'));
  const { client } = await open(t, proxy, `127.0.0.1:${backend.port}`);
  for (let i = 0; i < 8; i++) client.send(block);
  assert.equal(await client.bytes(8 << 20), 'abcdefgh'.repeat(1 << 20));
  opened?.socket.on('data', (bytes: Buffer) => {
    assert.equal(bytes[0], block[received % 8]);
    received += bytes.length;
  });
  opened?.socket.resume();
  await until('all bytes have arrived', () => received === 8 << 20);
});

test('pipelined requests behind a refused CONNECT are not handled', async (t) => {
  const port = await closedPort();
  const proxy = await proxyOf(t, server('tunnel_pass; location /other { return 200 other; }'));
  const client = await connect(proxy.port);
  t.after(() => client.close());
  const all = await client.send(head(`127.0.0.1:${port}`) + request('/other')).all();
  assert.match(all, /^HTTP\/1\.1 502 /);
  assert.doesNotMatch(all, /other/);
});
