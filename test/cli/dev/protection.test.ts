/** Attacks on `tsproxy dev` through the browser of its user: DNS rebinding, and requests of pages of other sites. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Answer, answeringBackend, type Backend, closedPort, connect, reply } from '../../kit/index.js';
import { type DevProcess, directory, startDev, writeFiles } from './dev-process.js';

const HANDSHAKE = [
  ...['Upgrade: websocket', 'Connection: upgrade', 'Sec-WebSocket-Version: 13'],
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
];

const ends: (() => void)[] = [];
let dev: DevProcess;
let backend: Backend;
let sitePort = 0;
let consolePort = 0;

before(async () => {
  const scope = { after: (fn: () => void) => void ends.push(fn) };
  backend = await answeringBackend(reply('the application'));
  const missing = await closedPort();
  const cwd = directory(scope);
  writeFiles(cwd, {
    'nginx.conf': `events {}
http {
    server {
        listen 80 default_server;
        server_name shop.com *.wild.com ~^app\\d+\\.com$;
        listen 443 ssl;
        http2 on;
        location / { proxy_pass http://127.0.0.1:${backend.port}; proxy_websocket on; }
        location /missing/ {
            add_header Access-Control-Allow-Origin * always;
            proxy_pass http://127.0.0.1:${missing};
        }
    }
}
`,
  });
  dev = await startDev(scope, cwd, ['nginx.conf', '--allow-host', 'Mine.com']);
  sitePort = Number((await dev.shows(/ http:\/\/shop\.com\.localhost:(\d+)\//))[1]);
  consolePort = Number((await dev.shows(/console {2}http:\/\/localhost:(\d+)\//))[1]);
});

after(async () => {
  for (const end of ends.reverse()) await end();
  await backend.close();
});

async function ask(port: number, line: string, fields: readonly string[], body = ''): Promise<Answer> {
  const connection = await connect(port);
  try {
    const length = body === '' ? [] : [`Content-Length: ${body.length}`];
    connection.send(`${[`${line} HTTP/1.1`, ...fields, ...length].join('\r\n')}\r\n\r\n${body}`);
    return await connection.answer();
  } finally {
    connection.close();
  }
}

const FOREIGN = [
  'evil.com',
  'localhost.evil.com',
  '127.0.0.1.evil.com',
  'shop.com.evil.com',
  'xwild.com',
  'appx.com',
  '127.1',
  'evil',
  'test.evil.com',
  'xtest',
];

for (const host of FOREIGN) {
  test(`a request for the foreign host ${host} does not reach the application`, async () => {
    const before = backend.requests.length;
    for (const [line, fields, body] of [
      ['GET /secret', [], ''],
      ['GET /missing/', [], ''],
      ['GET /socket', HANDSHAKE, ''],
      ['POST /form', ['Content-Type: text/plain'], 'a=1'],
    ] as const) {
      const answer = await ask(sitePort, line, [`Host: ${host}:${sitePort}`, ...fields], body);
      assert.equal(answer.status, 421, line);
      assert.doesNotMatch(answer.body, /nginx\.conf|application/);
    }
    assert.equal(backend.requests.length, before);
  });
}

test('an absolute target with a foreign host is refused, whatever the Host field', async () => {
  const answer = await ask(sitePort, 'GET http://evil.com/secret', ['Host: localhost']);
  assert.equal(answer.status, 421);
});

test('a foreign host is refused over HTTP/2, too, also on a connection to a known one', async (t) => {
  const [, port] = await dev.shows(/ https:\/\/shop\.com\.localhost:(\d+)\//);
  const session = connectHttp2(`https://shop.com.localhost:${port}`, {
    ca: readFileSync(join(dev.cwd, '.data/tsproxy/ca/root.pem')),
    lookup: (_host, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]),
  });
  t.after(() => session.destroy());
  const status = async (authority: string): Promise<unknown> => {
    const stream = session.request({ ':path': '/', ':authority': authority });
    const [headers] = await once(stream, 'response');
    stream.resume();
    return headers[':status'];
  };
  assert.equal(await status(`shop.com.localhost:${port}`), 200);
  assert.equal(await status('evil.com'), 421);
  assert.equal(await status(`shop.com.evil.com:${port}`), 421);
});

test('hosts of the configuration, of this machine, and given ones reach the application', async () => {
  for (const host of [
    'shop.com',
    'SHOP.com',
    'a.wild.com',
    'app12.com',
    'shop.com.localhost',
    'anything.localhost',
    'localhost',
    '127.0.0.1',
    '[::1]',
    '192.168.1.5',
    'mine.com',
    'unknown.test',
    'unknown.example',
    'host.docker.internal',
  ]) {
    const answer = await ask(sitePort, 'GET /', [`Host: ${host}:${sitePort}`]);
    assert.equal(answer.status, 200, host);
  }
  const connection = await connect(sitePort);
  connection.send('GET / HTTP/1.0\r\n\r\n');
  assert.equal((await connection.answer()).status, 200);
  connection.close();
});

test('the refusal names the option, as a page for browsers', async () => {
  const fields = [`Host: team.com:${sitePort}`];
  assert.match((await ask(sitePort, 'GET /', fields)).body, /--allow-host team\.com\n/);
  // A name of another site may be copied into a shell.
  const hostile = await ask(sitePort, 'GET /', ["Host: a.$(id)';id.com"]);
  assert.ok(hostile.body.includes(`--allow-host 'a.$(id)'\\'';id.com'\n`), hostile.body);
  const page = await ask(sitePort, 'GET /', [...fields, 'Accept: text/html,*/*;q=0.8']);
  assert.match(page.body, /^<!doctype html>[\s\S]*--allow-host team\.com</);
  assert.match(page.field('content-security-policy') ?? '', /^default-src 'none'; style-src 'sha256-/);
  assert.equal(page.field('cache-control'), 'no-store');
});

test('the page about a missing upstream has no details for pages of other sites', async () => {
  const own = `Host: shop.com.localhost:${sitePort}`;
  const details = async (...fields: readonly string[]): Promise<boolean> => {
    const { status, body } = await ask(sitePort, 'GET /missing/', [own, ...fields]);
    assert.equal(status, 502);
    return /nginx\.conf:9|--upstream/.test(body);
  };
  assert.equal(await details(), true);
  assert.equal(await details('Sec-Fetch-Site: same-origin', 'Sec-Fetch-Mode: cors'), true);
  assert.equal(await details(`Origin: http://shop.com.localhost:${sitePort}`), true);
  assert.equal(await details('Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Accept: text/html'), true);
  assert.equal(await details('Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: cors'), false);
  assert.equal(await details('Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors', 'Accept: text/html'), false);
  assert.equal(await details('Origin: https://evil.com'), false);
  assert.equal(await details('Origin: null'), false);
});

const FEED = [...HANDSHAKE, 'Sec-WebSocket-Protocol: tsproxy.console.1'];
const JSON_TYPE = 'Content-Type: application/json';

/** Requests to the console, each of which a page of another site could make. */
const CONSOLE_REQUESTS: readonly (readonly [line: string, fields: readonly string[], body: string])[] = [
  ['GET /', [], ''],
  ['GET /feed', FEED, ''],
  ['GET /feed', ['Accept: text/event-stream'], ''],
  ['GET /state', [], ''],
  ['GET /config', [], ''],
  ['POST /reload', [JSON_TYPE], '{}'],
  ['POST /explain', [JSON_TYPE], '{}'],
];

for (const [name, status, fields] of [
  ['a page of another site', 403, () => ['Origin: https://evil.com']],
  ['a page of the site itself', 403, () => [`Origin: http://localhost:${sitePort}`]],
  ['a page of the site, as the browser describes it', 403, () => ['Sec-Fetch-Site: same-site']],
  ['a sandboxed page', 403, () => ['Origin: null']],
] as const) {
  test(`the console refuses ${name}`, async () => {
    for (const [line, own, body] of CONSOLE_REQUESTS) {
      const answer = await ask(consolePort, line, [`Host: localhost:${consolePort}`, ...own, ...fields()], body);
      assert.equal(answer.status, status, line);
      assert.doesNotMatch(answer.body, /token|server_name|<script/);
    }
  });
}

for (const host of ['evil.com', 'localhost.evil.com', 'shop.com.localhost', 'mine.com', 'shop.com']) {
  test(`the console refuses the host ${host}`, async () => {
    for (const [line, own, body] of CONSOLE_REQUESTS) {
      const answer = await ask(consolePort, line, [`Host: ${host}:${consolePort}`, ...own], body);
      assert.equal(answer.status, 421, line);
      assert.doesNotMatch(answer.body, /token|server_name shop|<script/);
    }
  });
}

test('the console refuses bodies that a form can send, and changes without its token', async () => {
  const host = `Host: localhost:${consolePort}`;
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    for (const path of ['reload', 'explain'])
      assert.equal((await ask(consolePort, `POST /${path}`, [host, `Content-Type: ${type}`], '{}')).status, 415);
  }
  const reload = await ask(consolePort, 'POST /reload', [host, JSON_TYPE], '{}');
  assert.match(`${reload.status} ${reload.body}`, /^403 [\s\S]*token/);
  assert.equal((await ask(consolePort, 'GET /', [host])).status, 200);
  assert.equal((await ask(consolePort, 'GET /feed', [host, ...FEED])).status, 101);
  assert.doesNotMatch(dev.text, /reloaded/);
});
