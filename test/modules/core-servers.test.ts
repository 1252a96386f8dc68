import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { ConfigError } from '../../src/index.js';
import { exchange, get, startProxy, type TestProxy } from '../kit/index.js';

describe('server names', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(`
      server { listen 127.0.0.1:0; server_name first.example; return 200 "first $server_name"; }
      server { listen 127.0.0.1:0; server_name exact.example ""; return 200 exact; }
      server { listen 127.0.0.1:0; server_name *.wild.example; return 200 leading; }
      server { listen 127.0.0.1:0; server_name www.wild.*; return 200 trailing; }
      server { listen 127.0.0.1:0; server_name .dot.example; return 200 "dot $server_name"; }
      server { listen 127.0.0.1:0; server_name ~^(?<user>\\w+)\\.(re)\\.example$; return 200 "$user $2"; }
      server { listen 127.0.0.1:0; server_name ~^CAPITAL; return 200 capital; }
      server { listen 127.0.0.1:0; server_name $hostname; return 200 machine; }
    `);
  });
  after(() => proxy.close());
  const body = async (host: string) => (await get(proxy.port, '/', { fields: [`Host: ${host}`] })).body;

  test('choose the exact name, then wildcards, then regular expressions', async () => {
    assert.equal(await body('exact.example'), 'exact');
    assert.equal(await body('EXACT.example:8080'), 'exact');
    assert.equal(await body('a.b.wild.example'), 'leading');
    assert.equal(await body('www.wild.net'), 'trailing');
    assert.equal(await body('www.wild.example'), 'leading');
    assert.equal(await body('dot.example'), 'dot dot.example');
    assert.equal(await body('x.dot.example.'), 'dot dot.example');
    assert.equal(await body('capitals.example'), 'capital');
  });
  test('make variables of named groups', async () => {
    assert.equal(await body('bob.re.example'), 'bob re');
  });
  test('fall back to the first server of the address', async () => {
    assert.equal(await body('other.example'), 'first first.example');
  });
  test('choose the empty name for a request without a host', async () => {
    assert.match(await exchange(proxy.port, 'GET / HTTP/1.0\r\n\r\n'), /\r\n\r\nexact$/);
  });
});

describe('listen', () => {
  test('takes the server that says default_server for hosts that none has', async () => {
    const proxy = await startProxy(`
      server { listen 127.0.0.1:0; server_name a; return 200 a; }
      server { listen 127.0.0.1:0 default_server; server_name b; return 200 b; }
    `);
    try {
      assert.equal((await get(proxy.port, '/', { fields: ['Host: c'] })).body, 'b');
    } finally {
      await proxy.close();
    }
  });
  test('takes IPv6 addresses', async () => {
    const proxy = await startProxy('server { listen [::1]:0; return 200 "$server_addr $remote_addr"; }');
    try {
      assert.equal((await get({ host: '::1', port: proxy.portOf('[::1]') })).body, '::1 ::1');
    } finally {
      await proxy.close();
    }
  });
  test('takes unix sockets', async () => {
    const proxy = await startProxy(
      'server { listen unix:%%DIR%%/s.sock; return 200 "$server_addr $remote_addr [$server_port$remote_port]"; }',
    );
    try {
      const path = `${proxy.directory}/s.sock`;
      assert.equal((await get({ path })).body, `unix:${path} unix: []`);
    } finally {
      await proxy.close();
    }
  });
  test('takes host names', async () => {
    const proxy = await startProxy('server { listen localhost:0; return 200 "$server_addr"; }');
    try {
      const [address = ''] = proxy.proxy.addresses;
      const host = address.startsWith('[') ? '::1' : '127.0.0.1';
      assert.equal((await get({ host, port: proxy.port })).body, host);
    } finally {
      await proxy.close();
    }
  });
  test('takes ranges of ports, and shares the socket of a wildcard address', async () => {
    const first = await freePorts(3);
    const proxy = await startProxy(
      `server { listen *:${first}; return 200 "any $server_port"; }
       server { listen 127.0.0.1:${first}-${first + 2}; return 200 "loopback $server_port"; }`,
    );
    try {
      assert.equal((await get(first)).body, `loopback ${first}`);
      assert.equal((await get({ host: '127.0.0.2', port: first })).body, `any ${first}`);
      assert.equal((await get(first + 2)).body, `loopback ${first + 2}`);
      assert.equal(proxy.proxy.addresses.length, 3);
    } finally {
      await proxy.close();
    }
  });
  test('says which host name is unknown', async () => {
    await assert.rejects(
      startProxy('server { listen nowhere.invalid:0; return 200 x; }'),
      (error: unknown) =>
        error instanceof ConfigError &&
        /host not found in "nowhere\.invalid:0" of the "listen" directive/.test(error.message),
    );
  });
  test('says which address is in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      await assert.rejects(
        startProxy(`server { listen 127.0.0.1:${port}; }`),
        /bind\(\) to 127\.0\.0\.1:\d+ failed \(98/,
      );
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  });
});

/** The first of so many ports in a row that are free. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const [first, ...servers] = await listening(0);
    const all = [first, ...servers];
    for (let i = 1; i < count && first !== undefined; i++) all.push(...(await listening(first.port + i)));
    await Promise.all(all.map((server) => server?.close()));
    if (first !== undefined && all.length === count) return first.port;
  }
}

async function listening(port: number): Promise<{ readonly port: number; close(): Promise<void> }[]> {
  const server = createServer();
  const bound = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '0.0.0.0', () => resolve(true));
  });
  if (!bound) return [];
  const address = server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  return [{ port: actual, close: () => new Promise((resolve) => server.close(() => resolve())) }];
}
