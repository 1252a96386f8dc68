/** `proxy_websocket`, `upgrade_protocols`, and targets `ws://` and `wss://`. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import {
  type BackendConnection,
  certificates,
  connect,
  get,
  httpsBackend,
  reply,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
  type WebSocketEcho,
  websocket,
  websocketEcho,
  withoutOpenssl,
} from '../kit/index.js';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const HANDSHAKE = [
  'Upgrade: websocket',
  'Connection: keep-alive, Upgrade',
  `Sec-WebSocket-Key: ${KEY}`,
  'Sec-WebSocket-Version: 13',
];
const CLASSIC = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;';

function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** A valid response to HANDSHAKE, with lines added or, by name, replaced; an empty value removes a line. */
function switching(...lines: string[]): string {
  const own = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${acceptOf(KEY)}`];
  const nameOf = (line: string) => line.split(':', 1)[0];
  const kept = own.filter((line) => !lines.some((other) => nameOf(other) === nameOf(line)));
  const sent = [...kept, ...lines].filter((line) => !/^[^:]*:$/.test(line));
  return ['HTTP/1.1 101 Switching Protocols', ...sent, '', ''].join('\r\n');
}

/** A proxy before a back end that sends `response` to each request, and the heads it received. */
async function before(t: TestContext, settings: string, response: string | ((head: string) => string)) {
  const heads: string[] = [];
  const backend = await scriptedBackend(async (connection: BackendConnection) => {
    for (;;) {
      const received = await connection.head();
      if (received === null) return;
      heads.push(received.head);
      connection.send(typeof response === 'string' ? response : response(received.head));
    }
  });
  const proxy = await startProxy(
    `server { listen 127.0.0.1:0; location / { ${settings} proxy_pass http://127.0.0.1:%%PORT%%; } }`,
    { PORT: backend.port },
  );
  closeAfter(t, proxy, backend);
  return { proxy, heads };
}

function closeAfter(t: TestContext, proxy: TestProxy, backend: { close(): Promise<void> }): void {
  t.after(async () => {
    await proxy.close();
    await backend.close();
  });
}

async function withEcho(t: TestContext, text: string): Promise<[TestProxy, WebSocketEcho]> {
  const echo = await websocketEcho();
  const proxy = await startProxy(text, { PORT: echo.port });
  closeAfter(t, proxy, echo);
  return [proxy, echo];
}

async function ask(proxy: TestProxy, fields: readonly string[], options: { method?: string; version?: string } = {}) {
  const { method = 'GET', version = '1.1' } = options;
  const client = await connect(proxy.port);
  const text = request('/chat', { fields, method }).replace('HTTP/1.1', `HTTP/${version}`);
  const answer = await client.send(text).answer();
  client.close();
  return answer;
}

describe('proxy_websocket on', () => {
  test('passes WebSockets and plain requests of one location', async (t) => {
    const [proxy, echo] = await withEcho(
      t,
      `server { listen 127.0.0.1:0; location / { proxy_websocket on; proxy_pass http://127.0.0.1:%%PORT%%; } }`,
    );
    const client = await websocket(proxy.port, '/chat');
    assert.equal(await client.ask('hello'), 'hello');
    assert.equal((await get(proxy.port, '/page')).body, 'plain echo /page');
    assert.deepEqual([echo.upgrades[0]?.upgrade, echo.upgrades[0]?.connection], ['websocket', 'upgrade']);
    assert.equal(await client.close(), 1000);
    assert.deepEqual(proxy.messages('error'), []);
    assert.deepEqual(proxy.messages('warn'), []);
  });
  test('precedes proxy_set_header and proxy_http_version for WebSockets, and plain requests keep both', async (t) => {
    const { proxy, heads } = await before(
      t,
      `proxy_websocket on; proxy_http_version 1.0; proxy_set_header X-Own 1; ${CLASSIC}`,
      (head) => (/^Upgrade:/im.test(head) ? switching() : reply('plain')),
    );
    assert.equal((await ask(proxy, HANDSHAKE)).status, 101);
    assert.equal((await ask(proxy, ['Upgrade: h2c', 'Connection: Upgrade, X'])).body, 'plain');
    assert.match(heads[0] ?? '', /^GET \/chat HTTP\/1\.1\r\n/);
    assert.deepEqual(heads[0]?.match(/^(?:upgrade|connection|x-own):.*/gim), [
      'X-Own: 1',
      'Upgrade: websocket',
      'Connection: upgrade',
    ]);
    assert.match(heads[1] ?? '', /^GET \/chat HTTP\/1\.0\r\n/);
    assert.deepEqual(heads[1]?.match(/^(?:upgrade|connection|x-own):.*/gim), ['X-Own: 1']);
  });
  test('reads Connection as a list, in any case and over several lines', async (t) => {
    const { proxy, heads } = await before(t, 'proxy_websocket on;', (head) =>
      /^Upgrade:/im.test(head) ? switching() : reply('plain'),
    );
    const rest = HANDSHAKE.slice(2);
    const spellings = [
      ['Connection: UPGRADE', 'Upgrade: WebSocket'],
      ['Connection: keep-alive', 'Connection: ,Upgrade', 'Upgrade: other, websocket'],
    ];
    for (const lines of spellings) assert.equal((await ask(proxy, [...lines, ...rest])).status, 101);
    assert.match(heads[0] ?? '', /^Upgrade: WebSocket\r$/m);
    assert.match(heads[1] ?? '', /^Upgrade: websocket\r$/m);
    for (const lines of [['Connection: not-upgrade', 'Upgrade: websocket'], ['Upgrade: websocket']]) {
      assert.equal((await ask(proxy, [...lines, ...rest])).body, 'plain');
    }
    assert.equal((await ask(proxy, [...(spellings[0] as string[]), ...rest], { version: '1.0' })).body, 'plain');
    const [message = ''] = proxy.messages('error');
    assert.match(message, /a WebSocket in location "\/", but its request has no "Connection: upgrade"; another proxy/);
    assert.equal(proxy.messages('error').length, 1);
  });

  const invalidRequests: [what: string, fields: readonly string[], method: string, status: number, reason: string][] = [
    ['another method', HANDSHAKE, 'POST', 400, 'the method is POST, not GET'],
    ['no version', HANDSHAKE.slice(0, 3), 'GET', 426, 'no "Sec-WebSocket-Version"'],
    ['version 8', [...HANDSHAKE.slice(0, 3), 'Sec-WebSocket-Version: 8'], 'GET', 426, '"Sec-WebSocket-Version" is "8"'],
    ['no key', [...HANDSHAKE.slice(0, 2), HANDSHAKE[3] as string], 'GET', 400, 'no "Sec-WebSocket-Key"'],
    ['two keys', [...HANDSHAKE, `Sec-WebSocket-Key: ${KEY}`], 'GET', 400, 'more than one "Sec-WebSocket-Key"'],
    ...['', 'dGhlIHNhbXBsZQ==', `${KEY}AAAA`, 'dGhlIHNhbXBsZSBub25jZQ', 'dGhlIHNhbXBsZSBub25jZR=='].map(
      (key): [string, string[], string, number, string] => [
        `the key "${key}"`,
        [...HANDSHAKE.slice(0, 2), `Sec-WebSocket-Key: ${key}`, HANDSHAKE[3] as string],
        'GET',
        400,
        '"Sec-WebSocket-Key" is not 16 bytes in base64',
      ],
    ),
  ];
  for (const [what, fields, method, status, reason] of invalidRequests) {
    test(`refuses a handshake with ${what} with ${status}, and the upstream receives nothing`, async (t) => {
      const { proxy, heads } = await before(t, 'proxy_websocket on;', switching());
      const answer = await ask(proxy, fields, { method });
      assert.equal(answer.status, status);
      assert.equal(answer.field('sec-websocket-version'), status === 426 ? '13' : undefined);
      assert.equal(answer.field('upgrade'), status === 426 ? 'websocket' : undefined);
      assert.deepEqual(heads, []);
      assert.ok(proxy.messages('info').some((line) => line.includes(`invalid WebSocket handshake: ${reason}`)));
    });
  }

  const OFFER = ['Sec-WebSocket-Protocol: chat, v2', 'Sec-WebSocket-Extensions: permessage-deflate; a="x,y", bbf'];
  const invalidResponses: [what: string, lines: string[], reason: string][] = [
    ['no accept hash', ['Sec-WebSocket-Accept:'], 'no "Sec-WebSocket-Accept"'],
    ['the accept hash of another key', [`Sec-WebSocket-Accept: ${acceptOf('x')}`], 'does not match the key'],
    ['another protocol', ['Upgrade: h2c'], '"Upgrade: h2c" is not "websocket"'],
    ['no protocol', ['Upgrade:'], 'no "Upgrade"'],
    ['no Connection: upgrade', ['Connection: keep-alive'], '"Connection: keep-alive" does not contain "upgrade"'],
    ['a subprotocol in another case', ['Sec-WebSocket-Protocol: Chat'], 'was not offered by the client'],
    ['two subprotocols', ['Sec-WebSocket-Protocol: chat, v2'], 'names more than one subprotocol'],
    [
      'an extension that was not offered',
      ['Sec-WebSocket-Extensions: permessage-deflate, x-webkit'],
      'names "x-webkit", which the client has not offered',
    ],
  ];
  for (const [what, lines, reason] of invalidResponses) {
    test(`answers 502 to a response with ${what}, and the log has the reason`, async (t) => {
      const { proxy } = await before(t, 'proxy_websocket on;', switching(...lines));
      assert.equal((await ask(proxy, [...HANDSHAKE, ...OFFER])).status, 502);
      const [message = ''] = proxy.messages('error');
      assert.match(message, /upstream sent invalid WebSocket handshake: /);
      assert.ok(message.includes(reason), message);
    });
    test(`only logs a response with ${what} if proxy_set_header forwards the fields`, async (t) => {
      const { proxy } = await before(t, CLASSIC, switching(...lines));
      assert.equal((await ask(proxy, [...HANDSHAKE, ...OFFER])).status, 101);
      const messages = proxy.messages('warn').filter((line) => line.includes('invalid WebSocket handshake'));
      assert.equal(messages.length, 1);
      assert.ok(messages[0]?.includes(reason), messages[0]);
    });
  }
  for (const settings of ['proxy_websocket on;', CLASSIC]) {
    test(`${settings.slice(0, 20)}: accepts what was offered, with parameters`, async (t) => {
      const extensions = 'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover';
      const { proxy } = await before(t, settings, switching('Sec-WebSocket-Protocol: v2', extensions));
      const answer = await ask(proxy, [...HANDSHAKE, ...OFFER]);
      assert.deepEqual([answer.status, answer.field('sec-websocket-protocol')], [101, 'v2']);
      assert.deepEqual(proxy.messages('warn'), []);
    });
  }
  test('does not check a subprotocol that the client does not receive', async (t) => {
    const hide = 'proxy_hide_header Sec-WebSocket-Protocol;';
    const { proxy } = await before(t, `proxy_websocket on; ${hide}`, switching('Sec-WebSocket-Protocol: own'));
    const answer = await ask(proxy, HANDSHAKE);
    assert.deepEqual([answer.status, answer.field('sec-websocket-protocol')], [101, undefined]);
  });
  test('passes the response of a server that refuses the handshake', async (t) => {
    const { proxy } = await before(t, 'proxy_websocket on;', reply('no', { status: '403 Forbidden' }));
    assert.equal((await ask(proxy, HANDSHAKE)).body, 'no');
    assert.deepEqual(proxy.messages('error'), []);
  });
  test('tries the next server after an invalid response if proxy_next_upstream lists invalid_header', async (t) => {
    const invalid = await scriptedBackend(async (connection) => {
      await connection.head();
      connection.send(switching('Sec-WebSocket-Accept:'));
    });
    const echo = await websocketEcho();
    const proxy = await startProxy(
      `upstream both { server 127.0.0.1:%%BAD%%; server 127.0.0.1:%%GOOD%% backup; }
      server { listen 127.0.0.1:0; location / {
        proxy_websocket on; proxy_next_upstream error invalid_header; proxy_pass http://both; } }`,
      { BAD: invalid.port, GOOD: echo.port },
    );
    t.after(async () => {
      await proxy.close();
      await Promise.all([invalid.close(), echo.close()]);
    });
    const client = await websocket(proxy.port);
    assert.equal(await client.ask('x'), 'x');
    await client.close();
  });
  test('does not upgrade subrequests', async (t) => {
    const [proxy, echo] = await withEcho(
      t,
      `server { listen 127.0.0.1:0; proxy_websocket on;
        location / { auth_request /allowed; proxy_pass http://127.0.0.1:%%PORT%%; }
        location /allowed { proxy_pass http://127.0.0.1:%%PORT%%; } }`,
    );
    const client = await websocket(proxy.port);
    assert.equal(await client.ask('x'), 'x');
    assert.equal(echo.upgrades.length, 1);
    await client.close();
    assert.deepEqual(proxy.messages('error'), []);
  });
  test('an error page of a refused handshake may be proxied', async (t) => {
    const { proxy, heads } = await before(t, 'proxy_websocket on; error_page 400 /error;', reply('explained'));
    const answer = await ask(proxy, HANDSHAKE.slice(0, 2).concat('Sec-WebSocket-Version: 13'));
    assert.deepEqual([answer.status, answer.body], [400, 'explained']);
    assert.doesNotMatch(heads[0] ?? '', /upgrade:/i);
  });
  for (const [settings, silent] of [
    ['proxy_websocket on;', false],
    ['proxy_websocket on; proxy_read_timeout 200ms;', true],
    ['proxy_websocket on read_timeout=200ms; proxy_read_timeout 1m;', true],
    ['proxy_websocket on read_timeout=1m; proxy_read_timeout 200ms;', false],
  ] as const) {
    test(`${settings} ${silent ? 'closes' : 'keeps'} a silent WebSocket after 200 ms`, async (t) => {
      const [proxy] = await withEcho(
        t,
        `server { listen 127.0.0.1:0; location / { ${settings} proxy_pass http://127.0.0.1:%%PORT%%; } }`,
      );
      const client = await websocket(proxy.port);
      if (silent) await client.closed;
      else {
        await new Promise((resolve) => setTimeout(resolve, 300));
        assert.equal(await client.ask('x'), 'x');
        await client.close();
      }
    });
  }
});

describe('a target with ws:// or wss://', () => {
  const targets: [what: string, text: string][] = [
    ['an address', 'location / { proxy_pass ws://127.0.0.1:%%PORT%%; }'],
    ['an address with a URI', 'location /chat/ { proxy_pass WS://127.0.0.1:%%PORT%%/; }'],
    ['an upstream', 'location / { proxy_pass ws://group; }'],
    ['variables after the scheme', 'set $port %%PORT%%; location / { proxy_pass ws://127.0.0.1:$port; }'],
    ['a variable scheme', 'set $scheme_of ws; location / { proxy_pass $scheme_of://group; }'],
    ['a whole URL in a variable', 'set $target ws://group; location / { proxy_pass $target; }'],
  ];
  for (const [what, text] of targets) {
    test(`may be ${what}, and opens WebSockets without other directives`, async (t) => {
      const [proxy, echo] = await withEcho(
        t,
        `upstream group { server 127.0.0.1:%%PORT%%; } server { listen 127.0.0.1:0; ${text} }`,
      );
      const client = await websocket(proxy.port, '/chat/');
      assert.equal(await client.ask('hello'), 'hello');
      await client.close();
      assert.equal(echo.upgrades.length, 1);
      assert.match((await get(proxy.port, '/chat/')).body, /^plain echo/);
    });
  }
  test('means TLS if it is wss://', { skip: withoutOpenssl }, async (t) => {
    const backend = await httpsBackend();
    const proxy = await startProxy(
      `server { listen 127.0.0.1:0; location / { proxy_pass wss://localhost:%%PORT%%; proxy_ssl_verify on;
        proxy_ssl_trusted_certificate %%C%%/ca.crt; proxy_ssl_server_name on; } }`,
      { PORT: backend.port, C: certificates().directory },
    );
    closeAfter(t, proxy, backend);
    const client = await websocket(proxy.port);
    assert.equal(await client.ask('hello'), 'hello');
    await client.close();
  });
  test('upgrades nothing if proxy_websocket is off', async (t) => {
    const [proxy] = await withEcho(
      t,
      `server { listen 127.0.0.1:0; proxy_websocket off; location / { proxy_pass ws://127.0.0.1:%%PORT%%; } }`,
    );
    await assert.rejects(websocket(proxy.port), /Unexpected server response: 200/);
  });
  test('rewrites redirects of the server as with http://', async (t) => {
    const backend = await scriptedBackend(async (connection) => {
      await connection.head();
      const field = `Location: http://127.0.0.1:${connection.socket.localPort}/next`;
      connection.send(reply('', { status: '302 Found', fields: [field] }));
    });
    const proxy = await startProxy(
      'server { listen 127.0.0.1:0; location /a/ { proxy_pass ws://127.0.0.1:%%PORT%%/; } }',
      { PORT: backend.port },
    );
    closeAfter(t, proxy, backend);
    assert.equal((await get(proxy.port, '/a/')).field('location'), `http://localhost:${proxy.port}/a/next`);
  });
});

describe('upgrade_protocols', () => {
  const cases: [settings: string, requested: string, sent: string | null][] = [
    [`upgrade_protocols websocket; ${CLASSIC}`, 'websocket', 'websocket'],
    [`upgrade_protocols websocket; ${CLASSIC}`, 'h2c', null],
    [`upgrade_protocols websocket; ${CLASSIC}`, 'h2c, WebSocket', 'WebSocket'],
    [`upgrade_protocols any; ${CLASSIC}`, 'h2c, own/2', 'own/2'],
    [`upgrade_protocols any; ${CLASSIC}`, 'H2C', null],
    [`upgrade_protocols any h2c; ${CLASSIC}`, 'h2c, own', 'h2c, own'],
    [`upgrade_protocols own/2; ${CLASSIC}`, 'own/1, own/2, own', 'own/2'],
    [`upgrade_protocols own; ${CLASSIC}`, 'own/1, own/2, own', 'own/1, own/2, own'],
    ['upgrade_protocols any; proxy_websocket on;', 'own', 'own'],
    ['upgrade_protocols own; proxy_websocket on;', 'own, h2c', 'own'],
    ['proxy_websocket on;', 'own', null],
    [CLASSIC, 'h2c, own', 'h2c, own'],
  ];
  for (const [settings, requested, sent] of cases) {
    test(`${settings.replace(CLASSIC, '…')} of "${requested}" the upstream receives ${sent ?? 'nothing'}`, async (t) => {
      const { proxy, heads } = await before(t, settings, reply('plain'));
      await ask(proxy, [`Upgrade: ${requested}`, 'Connection: Upgrade']);
      const [head = ''] = heads;
      assert.equal(/^Upgrade: (.*)\r$/m.exec(head)?.[1] ?? null, sent);
      assert.equal(/^Connection: upgrade/im.test(head), sent !== null);
    });
  }
  test('keeps other options of Connection', async (t) => {
    const { proxy, heads } = await before(
      t,
      'upgrade_protocols websocket; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "close, Upgrade";',
      reply('plain'),
    );
    await ask(proxy, ['Upgrade: h2c', 'Connection: Upgrade']);
    assert.match(heads[0] ?? '', /^Connection: close\r$/m);
  });
  test('h2c gets the settings of HTTP/2 as well', async (t) => {
    const { proxy, heads } = await before(t, 'upgrade_protocols h2c; proxy_websocket on;', reply('plain'));
    await ask(proxy, ['Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAA']);
    assert.match(heads[0] ?? '', /^Connection: upgrade, HTTP2-Settings\r$/m);
    assert.match(heads[0] ?? '', /^HTTP2-Settings: AAA\r$/m);
  });
  for (const settings of ['proxy_websocket on;', `${CLASSIC} upgrade_protocols any;`]) {
    test(`${settings.slice(0, 15)}… a switch to a protocol that was not requested is 502`, async (t) => {
      const { proxy } = await before(t, settings, 'HTTP/1.1 101 S\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n');
      assert.equal((await ask(proxy, ['Upgrade: own', 'Connection: Upgrade'])).status, 502);
      assert.match(proxy.messages('error').join('\n'), /switched to the protocol "h2c", which was not requested/);
    });
  }
});

describe('a request for a WebSocket that is not upgraded', () => {
  async function logged(t: TestContext, location: string, level: 'error' | 'warn'): Promise<string[]> {
    const [proxy] = await withEcho(t, `server { listen 127.0.0.1:0; ${location} }`);
    const pattern = /client requested a WebSocket/;
    for (let i = 0; i < 2; i++) {
      assert.notEqual((await ask(proxy, HANDSHAKE)).status, 101);
      await until('it is logged', () => proxy.messages(level).some((line) => pattern.test(line)));
    }
    return proxy.messages(level).filter((line) => pattern.test(line));
  }
  const cases: [what: string, location: string, level: 'error' | 'warn', message: RegExp][] = [
    [
      'proxy_pass alone',
      'location / { proxy_pass http://127.0.0.1:%%PORT%%; }',
      'error',
      /in location "\/", but the upstream receives no "Upgrade" and no "Connection: upgrade"; add "proxy_websocket on;"/,
    ],
    [
      'a missing Connection',
      'location /chat { proxy_set_header Upgrade $http_upgrade; proxy_pass http://127.0.0.1:%%PORT%%; }',
      'error',
      /in location "\/chat", but the upstream receives no "Connection: upgrade"; add "proxy_websocket on;"/,
    ],
    [
      'upgrade_protocols',
      'location / { proxy_websocket on; upgrade_protocols own; proxy_pass http://127.0.0.1:%%PORT%%; }',
      'error',
      /but "upgrade_protocols" does not list it/,
    ],
    [
      'no upstream',
      'location / { return 301 /x; }',
      'warn',
      /which passes no requests to an upstream; add "proxy_pass" and "proxy_websocket on;"/,
    ],
  ];
  for (const [what, location, level, message] of cases) {
    test(`is logged once, with the fix: ${what}`, async (t) => {
      const messages = await logged(t, location, level);
      assert.equal(messages.length, 1);
      assert.match(messages[0] ?? '', message);
    });
  }
  test('is not logged if access is refused', async (t) => {
    const [proxy] = await withEcho(t, 'server { listen 127.0.0.1:0; location / { deny all; } }');
    assert.equal((await ask(proxy, HANDSHAKE)).status, 403);
    assert.doesNotMatch(proxy.messages().join('\n'), /WebSocket/);
  });
});
