import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';

import { after, before, describe, it, test } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { checkConfig } from '../../src/index.js';
import {
  certificates,
  connect,
  get,
  headerV2,
  INET_ADDRESSES,
  INET6_ADDRESSES,
  parseAnswer,
  request,
  SSL_FIELD,
  startProxy,
  type TestProxy,
  tlv,
  until,
  withoutOpenssl,
} from '../kit/index.js';

const V1 = 'PROXY TCP4 192.0.2.1 198.51.100.2 4321 443\r\n';
const SHOW =
  'return 200 "$proxy_protocol_addr|$proxy_protocol_port|$proxy_protocol_server_addr|$proxy_protocol_server_port|$proxy_protocol_tlv_authority|$proxy_protocol_tlv_ssl_cn|$proxy_protocol_tlv_0xea";';

/** Sends all bytes at once and returns what is received until the connection is closed. */
async function exchange(port: number, bytes: string): Promise<string> {
  const connection = await connect(port);
  try {
    return await connection.send(bytes).all();
  } finally {
    connection.close();
  }
}

const CLOSE = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const body = async (port: number, bytes: string): Promise<string> => parseAnswer(await exchange(port, bytes)).body;

describe('listen … proxy_protocol', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(`
      log_format seen "$remote_addr:$remote_port $realip_remote_addr $proxy_protocol_addr $status";
      access_log logs/access.log seen;
      server { listen 127.0.0.1:0 proxy_protocol; client_header_timeout 200ms; location / { ${SHOW} } }
      server { listen 127.0.0.2:0; location / { ${SHOW} } }
      server {
        listen 127.0.0.3:0 proxy_protocol;
        set_real_ip_from 127.0.0.0/8; real_ip_header proxy_protocol;
        location / { return 200 "$remote_addr $remote_port $realip_remote_addr"; }
        location /denied { deny 192.0.2.1; try_files /none =404; }
      }
      server { listen 127.0.0.4:0 proxy_protocol; set_real_ip_from 10.0.0.0/8; real_ip_header proxy_protocol; return 200 $remote_addr; }`);
  });
  after(() => proxy.close());

  it('reads version 1', async () => {
    assert.equal(await body(proxy.port, V1 + CLOSE), '192.0.2.1|4321|198.51.100.2|443|||');
    assert.equal(await body(proxy.port, `PROXY UNKNOWN\r\n${CLOSE}`), '||||||');
  });
  it('reads version 2 and its TLVs', async () => {
    const tlvs = tlv(2, 'example.com') + SSL_FIELD + tlv(0xea, 'own');
    const header = headerV2({ family: 0x21, body: INET6_ADDRESSES + tlvs });
    assert.equal(
      await body(proxy.port, header + CLOSE),
      '2001:db8::7|4321|::ffff:10.0.0.1|443|example.com|client.example|own',
    );
    assert.equal(await body(proxy.port, headerV2({ command: 0 }) + CLOSE), '||||||');
  });
  it('keeps the addresses for all requests of the connection', async () => {
    const connection = await connect(proxy.port);
    const first = await connection.send(V1 + request('/', { fields: ['Connection: keep-alive'] })).answer();
    const second = await connection.send(request('/')).answer();
    connection.close();
    assert.equal(second.body, first.body);
    assert.match(second.body, /^192\.0\.2\.1\|/);
  });
  it('accepts a header wherever it is split', async () => {
    const header = headerV2({ body: INET_ADDRESSES });
    for (const text of [V1, header]) {
      for (let split = 1; split < text.length; split += 5) {
        const connection = await connect(proxy.port);
        connection.send(text.slice(0, split));
        await new Promise((resolve) => setTimeout(resolve, 1));
        const answer = await connection.send(text.slice(split) + request('/')).answer();
        assert.match(answer.body, /^192\.0\.2\.1\|4321\|/);
        connection.close();
      }
    }
  });
  it('closes connections without a valid header, and logs one message', async () => {
    for (const [bytes, message] of [
      [CLOSE, 'broken header: "GET / HTTP/1.1"'],
      [headerV2({ length: 5000 }), 'header is too large'],
      [headerV2({ version: 3 }), 'unknown PROXY protocol version: 3'],
    ] as const) {
      const before = proxy.entries.length;
      assert.equal(await exchange(proxy.port, bytes), '');
      await until('it is logged', () => proxy.entries.length > before);
      const [entry, ...more] = proxy.entries.slice(before);
      assert.equal(entry?.level, 'error');
      assert.ok(
        entry?.message.includes(`${message} while reading PROXY protocol, client: 127.0.0.1, server: 127.0.0.1:`),
      );
      assert.deepEqual(more, []);
    }
  });
  it('logs a header that ends early', async () => {
    const before = proxy.entries.length;
    const connection = await connect(proxy.port);
    connection.send('PROXY TCP4 192.0').socket.end();
    assert.equal(await connection.reader.all(), '');
    await until('it is logged', () => proxy.entries.length > before);
    assert.ok(proxy.entries.at(-1)?.message.includes('broken header: "PROXY TCP4 192.0" while reading PROXY protocol'));
  });
  it('waits for the header as long as client_header_timeout', async () => {
    const before = proxy.entries.length;
    assert.equal(await exchange(proxy.port, 'PROXY '), '');
    assert.ok(
      proxy.entries
        .slice(before)
        .some(({ message }) =>
          message.includes('client timed out (110: Connection timed out) while reading PROXY protocol'),
        ),
    );
  });
  it('is not expected on other addresses', async () => {
    const answer = await get({ host: '127.0.0.2', port: proxy.portOf('127.0.0.2') });
    assert.equal(answer.body, '||||||');
  });
  it('gives real_ip_header proxy_protocol the address and the port', async () => {
    const port = proxy.portOf('127.0.0.3');
    const at = async (bytes: string) => {
      const connection = await connect({ host: '127.0.0.3', port });
      try {
        return parseAnswer(await connection.send(bytes).all());
      } finally {
        connection.close();
      }
    };
    assert.equal((await at(V1 + CLOSE)).body, '192.0.2.1 4321 127.0.0.1');
    assert.match((await at(`PROXY UNKNOWN\r\n${CLOSE}`)).body, /^127\.0\.0\.1 \d+ 127\.0\.0\.1$/);
    assert.equal((await at(V1 + CLOSE.replace('/', '/denied'))).status, 403);
    await until('it is logged', () =>
      proxy.accessLog().some((line) => line === '192.0.2.1:4321 127.0.0.1 192.0.2.1 200'),
    );
  });
  it('is not believed if the proxy is not trusted', async () => {
    const connection = await connect({ host: '127.0.0.4', port: proxy.portOf('127.0.0.4') });
    assert.equal((await connection.send(V1 + request('/')).answer()).body, '127.0.0.1');
    connection.close();
  });
});

test('addresses that share a socket differ in whether they expect the header', async (t) => {
  const proxy = await startProxy(
    `
    server { listen 127.0.0.1:0; }
    server { listen 0.0.0.0:%%PORT%%; return 200 plain; }
    server { listen 127.0.0.9:%%PORT%% proxy_protocol; return 200 $proxy_protocol_addr; }`,
    { PORT: 18_000 + (process.pid % 10_000) },
  );
  t.after(() => proxy.close());
  const port = 18_000 + (process.pid % 10_000);
  const ask = async (host: string, bytes: string) => {
    const connection = await connect({ host, port });
    try {
      return parseAnswer(await connection.send(bytes).all()).body;
    } finally {
      connection.close();
    }
  };
  assert.equal(await ask('127.0.0.1', CLOSE), 'plain');
  assert.equal(await ask('127.0.0.9', V1 + CLOSE), '192.0.2.1');
});

describe('listen … proxy_protocol ssl', { skip: withoutOpenssl }, () => {
  let proxy: TestProxy;
  before(async () => {
    const { directory } = certificates();
    proxy = await startProxy(`
      server {
        listen 127.0.0.1:0 ssl proxy_protocol;
        ssl_certificate ${directory}/ec.crt; ssl_certificate_key ${directory}/ec.key;
        set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol;
        return 200 "$scheme $proxy_protocol_addr $remote_addr:$remote_port";
      }`);
  });
  after(() => proxy.close());

  for (const pieces of ['one write', 'single bytes']) {
    it(`reads the header before the handshake, sent in ${pieces}`, async () => {
      const raw = await connect(proxy.port);
      if (pieces === 'one write') raw.send(V1);
      else for (const byte of V1) await new Promise((resolve) => raw.socket.write(byte, resolve));
      raw.socket.removeAllListeners('data');
      const socket = tls.connect({ socket: raw.socket, servername: 'localhost', rejectUnauthorized: false });
      socket.write(CLOSE);
      let received = '';
      for await (const chunk of socket) received += chunk;
      assert.equal(parseAnswer(received).body, 'https 192.0.2.1 192.0.2.1:4321');
    });
  }
  it('answers a plain request behind the header as nginx does', async () => {
    assert.equal(parseAnswer(await exchange(proxy.port, V1 + CLOSE)).status, 400);
  });
});

test('curl --haproxy-protocol', async (t) => {
  const run = promisify(execFile);
  const version = await run('curl', ['--version']).catch(() => null);
  if (version === null) return t.skip('needs curl');
  const proxy = await startProxy(
    'server { listen 127.0.0.1:0 proxy_protocol; return 200 "$proxy_protocol_addr $proxy_protocol_server_port"; }',
  );
  t.after(() => proxy.close());
  const { stdout } = await run('curl', ['-s', '--haproxy-protocol', `http://127.0.0.1:${proxy.port}/`]);
  assert.equal(stdout, `127.0.0.1 ${proxy.port}`);
});

test('a warning reports protocol options that differ between the servers of an address, as in nginx', () => {
  const warnings = (...options: string[]) => {
    const servers = options.map((each, i) => `server { listen 127.0.0.1:8080 ${each}; server_name s${i}; }`);
    const { findings } = checkConfig({ config: `events {}\nhttp {\n${servers.join('\n')}\n}` });
    return findings.filter(({ message }) => message === 'protocol options redefined for 127.0.0.1:8080').length;
  };
  assert.equal(warnings('proxy_protocol', 'proxy_protocol'), 0);
  assert.equal(warnings('proxy_protocol', ''), 0);
  assert.equal(warnings('', 'proxy_protocol'), 0);
  assert.equal(warnings('proxy_protocol', '', 'proxy_protocol'), 1);
  assert.equal(warnings('backlog=10', 'proxy_protocol'), 1);
  assert.equal(warnings('proxy_protocol', 'backlog=10'), 1);
  assert.equal(warnings('', 'proxy_protocol', ''), 0);
});

test('real_ip_header proxy_protocol is reported if no address receives the header', () => {
  const reported = (listen: string) => {
    const config = `events {}\nhttp { real_ip_header proxy_protocol; server { listen 8080 ${listen}; } }`;
    return checkConfig({ config }).findings.some(({ message }) =>
      message.startsWith('"real_ip_header proxy_protocol"'),
    );
  };
  assert.equal(reported(''), true);
  assert.equal(reported('proxy_protocol'), false);
});
