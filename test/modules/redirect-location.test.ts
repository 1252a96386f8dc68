/** `Location`: the proxy's own, rewritten, forwarded, and added by `add_header`; its place in the head and its variable. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answeringBackend, type Backend, exchange, startProxy, type TestProxy, until } from '../kit/index.js';

const MODIFIED = 'Mon, 01 Jan 2024 00:00:00 GMT';
const REDIRECT = `HTTP/1.1 302 Found\r\nLast-Modified: ${MODIFIED}\r\nLocation: /up/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;

/** Locations with the fields of their response from `Connection` on, or the `Location` before it, as nginx sends them. */
const CASES: Readonly<Record<string, readonly [location: string, fields: readonly string[], logged: string]>> = {
  '/own': ['return 302 /own;', ['Location: http://h/own', 'Connection'], 'http://h/own'],
  '/added': ['add_header Location /mine; return 201 x;', ['Connection', 'Location: /mine'], '/mine'],
  '/both': [
    'add_header Location /mine; return 302 /own;',
    ['Location: http://h/own', 'Connection', 'Location: /mine'],
    'http://h/own',
  ],
  '/forwarded': [
    'add_header Location /mine; proxy_pass http://127.0.0.1:%%PORT%%;',
    ['Connection', 'Last-Modified', 'Location: /up/x', 'Location: /mine'],
    '/up/x, /mine',
  ],
  '/rewritten': [
    'proxy_redirect /up/ /down/; proxy_pass http://127.0.0.1:%%PORT%%;',
    ['Location: http://h/down/x', 'Connection', 'Last-Modified'],
    'http://h/down/x',
  ],
  '/relative': [
    'absolute_redirect off; add_header Location /mine; return 302 /own;',
    ['Connection', 'Location: /own', 'Location: /mine'],
    '/own',
  ],
};

describe('Location', () => {
  let backend: Backend;
  let proxy: TestProxy;
  before(async () => {
    backend = await answeringBackend(() => REDIRECT);
    const locations = Object.entries(CASES).map(([path, [text]]) => `location ${path} { ${text} }`);
    proxy = await startProxy(
      `
      log_format location "$uri $sent_http_location";
      server { listen 127.0.0.1:0; port_in_redirect off; access_log logs/location.log location; ${locations.join('\n')} }`,
      { PORT: backend.port },
    );
  });
  after(() => Promise.all([proxy.close(), backend.close()]));

  for (const [path, [, fields, logged]] of Object.entries(CASES)) {
    test(`is sent as by nginx: ${path}`, async () => {
      const [head = ''] = (await exchange(proxy.port, `GET ${path} HTTP/1.0\r\nHost: h\r\n\r\n`)).split('\r\n\r\n');
      const sent = head.split('\r\n').filter((line) => /^(?:Location|Connection|Last-Modified):/.test(line));
      assert.deepEqual(
        sent.map((line) => (line.startsWith('Location') ? line : line.slice(0, line.indexOf(':')))),
        fields,
      );
      const lines = () => proxy.accessLog('logs/location.log').filter((line) => line.startsWith(`${path} `));
      await until('the request is logged', () => lines().length > 0);
      assert.deepEqual(lines(), [`${path} ${logged}`]);
    });
  }
});
