import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { COMMAND, MORE, Parser } from '../../src/modules/ssi/parser.js';
import { strftime } from '../../src/modules/ssi/strftime.js';
import { twoPieces } from '../http1/splits.js';
import {
  answeringBackend,
  type Backend,
  connect,
  get,
  reply,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';

const ERROR = '[an error occurred while processing the directive]';

/** Pages of one command or condition each: what stands in the file, and what the client gets. */
const PAGES: Readonly<Record<string, readonly [page: string, answer: string]>> = {
  'an unknown variable': ['a<!--#echo var="none" -->b', 'a(none)b'],
  'a default': ['<!--#echo var="none" default="x" -->', 'x'],
  'a field, as entities': ['<!--#echo var="http_x_a" -->', '&lt;b c=&quot;d&quot;&gt;'],
  'a field as it is': ['<!--#echo var="http_x_a" encoding="none" -->', '<b c="d">'],
  'a field for a URI': ['<!--#echo var="http_x_a" encoding="url" -->', '%3Cb%20c=%22d%22%3E'],
  'a variable of its own': ['<!--#set var="V" value="1$arg_n\\$2" --><!--#echo var="v" -->', '15$2'],
  'a variable in brackets': ['<!--#set var="v" value="${arg_n}x" --><!--#echo var="v" -->', '5x'],
  'a bracket that is not closed': ['<!--#set var="v" value="${arg_n" -->', ERROR],
  'a condition': ['<!--#if expr="$arg_n" -->Y<!--#else -->N<!--#endif -->', 'Y'],
  'a condition that does not hold': ['<!--#if expr="$arg_none" -->Y<!--#else -->N<!--#endif -->', 'N'],
  'a comparison': ['<!--#if expr="$arg_n = 4" -->4<!--#elif expr="$arg_n=5" -->5<!--#else -->N<!--#endif -->', '5'],
  'a difference': ['<!--#if expr="$arg_n != 5" -->Y<!--#else -->N<!--#endif -->', 'N'],
  'an expression': [
    '<!--#if expr="$arg_n = /^(?<Digit>[0-9])(.*)/" --><!--#echo var="1" -->|<!--#echo var="digit" -->|<!--#echo var="2" --><!--#endif -->',
    '5|5|',
  ],
  'an expression that is none': ['<!--#if expr="$arg_n = /(/" -->Y<!--#endif -->', `${ERROR}Y${ERROR}`],
  'a condition in a condition': [
    '<!--#if expr="$arg_n" -->a<!--#if expr="$arg_n" -->b<!--#endif -->c<!--#endif -->',
    `a${ERROR}bc${ERROR}`,
  ],
  'a message of its own': ['<!--#config errmsg="oops" --><!--#nonsense -->', 'oops'],
  'a time': ['<!--#config timefmt="%Y%%" --><!--#echo var="date_gmt" -->', `${new Date().getUTCFullYear()}%`],
  'an unknown command': ['a<!--#nonsense -->b', `a${ERROR}b`],
  'an unknown parameter': ['<!--#echo vra="x" -->', ERROR],
  'a parameter twice': ['<!--#echo var="x" var="y" -->', ERROR],
  'a parameter without quotes': ['a<!--#echo var=x -->b', `a${ERROR}b`],
  'a comment': ['a<!-- #echo var="x" -->b<!---->c<<!--d', 'a<!-- #echo var="x" -->b<!---->c<<!--d'],
  'a command that does not end': ['a<!--#echo var="x"', 'a'],
  'a file': ['a<!--#include file="part.txt" -->b', 'a-part-b'],
  'a path below': ['<!--#include virtual="sub/page.html" -->', '[sub:-part-]'],
  'a path from the root, with arguments': ['<!--#include virtual="/args?a=1&b=2" -->', 'a=1&b=2'],
  'a path out of the root': ['<!--#include virtual="/a/../../etc" -->', ERROR],
  'an escaped path out of the root': ['<!--#include virtual="/a/%2e%2e/etc" -->', ERROR],
  'several, in order': ['1<!--#include virtual="/slow" -->2<!--#include virtual="/quick" -->3', '1slow2quick3'],
  'one that is waited for': [
    '<!--#include virtual="/slow" wait="yes" -->|<!--#include virtual="/quick" -->',
    'slow|quick',
  ],
  'an answer in a variable': ['<!--#include virtual="/slow" set="x" -->[<!--#echo var="x" -->]', '[slow]'],
  'an internal location': ['<!--#include virtual="/internal" -->', 'inner'],
  'a location that clients may not have': ['<!--#include virtual="/denied" -->', 'denied'],
  'a stub for an error': [
    '<!--#block name="one" -->no <!--#echo var="http_x_a" encoding="none" --><!--#endblock -->(<!--#include virtual="/refused" stub="one" -->)',
    '(no <b c="d">)',
  ],
  'a stub for nothing': [
    '<!--#block name="one" -->stub<!--#endblock -->(<!--#include virtual="/empty.txt" stub="one" -->)',
    '(stub)',
  ],
  'a stub that is not needed': [
    '<!--#block name="one" -->stub<!--#endblock -->(<!--#include virtual="/quick" stub="one" -->)',
    '(quick)',
  ],
  'a stub that is not there': ['<!--#include virtual="/quick" stub="two" -->', ERROR],
};

describe('a page', () => {
  let proxy: TestProxy;
  let backend: Backend;
  const names = Object.keys(PAGES);
  before(async () => {
    backend = await answeringBackend(async ({ target }) => {
      if (target === '/slow') await new Promise((resolve) => setTimeout(resolve, 30));
      if (target === '/large') return reply('x'.repeat(3_000_000));
      return reply(target.slice(1));
    });
    const files: Record<string, string> = {
      'part.txt': '-part-',
      'empty.txt': '',
      'sub/page.html': '[sub:<!--#include virtual="/part.txt" -->]',
      'self.html': '<!--#include virtual="/self.html" -->',
      'large.html': '(<!--#include virtual="/large" -->|<!--#include virtual="/large" -->)',
      'plain.txt': '<!--#echo var="arg_n" -->',
      'long.html': `${'y'.repeat(400_000)}<!--#include virtual="/slow" -->${'z'.repeat(400_000)}`,
    };
    for (const [i, name] of names.entries()) files[`${i}.html`] = (PAGES[name] as readonly [string, string])[0];
    proxy = await startProxy(
      `
      log_format short "$request_method $uri $status";
      access_log %%DIR%%/access.log short;
      types { text/html html; text/plain txt; }
      root %%DIR%%;
      server {
        listen 127.0.0.1:0;
        ssi on;
        subrequest_output_buffer_size 1k;
        location /args { return 200 $args; }
        location = /internal { internal; return 200 inner; }
        location = /denied { deny all; try_files /denied.txt =404; }
        location = /refused { return 502; }
        location ~ ^/(slow|quick|large|hangs)$ { proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /silent/ { ssi_silent_errors on; alias %%DIR%%/; }
        location /modified/ { ssi_last_modified on; alias %%DIR%%/; }
        location /all/ { ssi_types *; alias %%DIR%%/; }
        location /off/ { ssi off; alias %%DIR%%/; }
        location /too-large { default_type text/html; return 200 '<!--#include virtual="/large" set="x" -->'; }
      }`,
      { BACKEND: backend.port },
      { files: { ...files, 'denied.txt': 'denied' } },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });

  for (const [i, name] of names.entries()) {
    it(`with ${name}`, async () => {
      const answer = await get(proxy.port, `/${i}.html?n=5`, { fields: ['X-A: <b c="d">'] });
      assert.equal(answer.status, 200);
      assert.equal(answer.body, PAGES[name]?.[1]);
    });
  }

  it('has no length, date or tag', async () => {
    const answer = await get(proxy.port, '/0.html');
    for (const name of ['content-length', 'last-modified', 'etag', 'accept-ranges']) {
      assert.equal(answer.field(name), undefined, name);
    }
    const modified = await get(proxy.port, '/modified/0.html');
    assert.match(modified.field('etag') ?? '', /^W\//);
    assert.notEqual(modified.field('last-modified'), undefined);
  });

  it('of another type, or where it is off, is left as it is', async () => {
    const source = '<!--#echo var="arg_n" -->';
    assert.equal((await get(proxy.port, '/plain.txt?n=1')).body, source);
    assert.equal((await get(proxy.port, '/all/plain.txt?n=1')).body, '1');
    assert.equal((await get(proxy.port, '/off/0.html')).body, 'a<!--#echo var="none" -->b');
  });

  it('is silent about errors where that is wanted', async () => {
    assert.equal((await get(proxy.port, `/silent/${names.indexOf('an unknown command')}.html`)).body, 'ab');
  });

  it('that includes itself ends, and the log says why', async () => {
    assert.equal((await get(proxy.port, '/self.html')).body, ERROR);
    assert.ok(proxy.messages('error').some((m) => m.includes('subrequests cycle while processing "/self.html"')));
  });

  it('includes answers of any size', async () => {
    const { body } = await get(proxy.port, '/large.html');
    assert.equal(body.length, 6_000_003);
    const long = await get(proxy.port, '/long.html');
    assert.equal(long.body, `${'y'.repeat(400_000)}slow${'z'.repeat(400_000)}`);
  });

  it('is cut off where an answer does not fit into its variable', async () => {
    const connection = await connect(proxy.port);
    const raw = await connection.send(request('/too-large')).all();
    assert.doesNotMatch(raw, /0\r\n\r\n$/);
    assert.ok(proxy.messages('error').some((m) => m.includes('too big subrequest response')));
  });

  it('counts as one request in the log', async () => {
    const before = proxy.accessLog('access.log').length;
    await get(proxy.port, `/${names.indexOf('several, in order')}.html`);
    await until('it is logged', () => proxy.accessLog('access.log').length > before);
    assert.equal(proxy.accessLog('access.log').length, before + 1);
  });

  it('is answered without a body to HEAD', async () => {
    const answer = await get(proxy.port, `/${names.indexOf('several, in order')}.html`, { method: 'HEAD' });
    assert.equal(answer.status, 200);
    assert.equal(answer.body, '');
  });
});

it('a client that goes away ends what was included', async (t) => {
  const backend = await scriptedBackend(async (connection) => {
    await connection.request();
    await connection.reader.all();
    connection.end();
  });
  t.after(() => backend.close());
  const proxy = await startProxy(
    `server {
      listen 127.0.0.1:0;
      default_type text/html;
      location / { ssi on; return 200 'a<!--#include virtual="/b" -->'; }
      location /b { proxy_pass http://127.0.0.1:%%BACKEND%%; }
    }`,
    { BACKEND: backend.port },
  );
  t.after(() => proxy.close());
  const client = await connect(proxy.port);
  client.send(request('/'));
  await until('the back end was asked', () => backend.open === 1);
  client.reset();
  await until('the back end was let go of', () => backend.open === 0);
});

it('a slow client holds back what is included', async (t) => {
  let sent = 0;
  const backend = await scriptedBackend(async (connection) => {
    await connection.request();
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n');
    const piece = Buffer.alloc(1 << 20, 'x');
    const more = () => {
      while (sent < 200_000_000 && !connection.socket.destroyed) {
        sent += piece.length;
        if (!connection.socket.write(piece)) break;
      }
    };
    connection.socket.on('drain', more);
    more();
    await connection.reader.all();
  });
  t.after(() => backend.close());
  const proxy = await startProxy(
    `server {
      listen 127.0.0.1:0;
      default_type text/html;
      location / { ssi on; return 200 'a<!--#include virtual="/b" --><!--#include virtual="/b" -->'; }
      location /b { proxy_buffering off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
    }`,
    { BACKEND: backend.port },
  );
  t.after(() => proxy.close());
  const client = await connect(proxy.port);
  client.socket.pause();
  client.send(request('/'));
  let before = -1;
  // Until nothing moves any more: the buffers of both sockets are full.
  while (before !== sent || sent === 0) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  assert.ok(sent < 60_000_000, `${sent} bytes were taken`);
  client.reset();
});

it('commands are found wherever a page is cut', () => {
  const page = `a<b<!-c<!--d<<!--#echo var="a-\\"b" default='c' --><!--#broken x --><!---->e<!--#if expr="x"-->f`;
  const read = (pieces: readonly string[]): string => {
    const parser = new Parser(255, () => {});
    let out = '';
    for (const piece of pieces) {
      parser.feed(piece);
      for (;;) {
        const found = parser.next();
        out += parser.before;
        if (found === MORE) break;
        out += found === COMMAND ? `{${parser.command} ${JSON.stringify(parser.parameters)}}` : '{broken}';
      }
    }
    return out;
  };
  const whole = read([page]);
  assert.match(whole, /^a<b<!-c<!--d<\{echo .*\}\{broken\}<!---->e\{if .*\}f$/);
  for (const pieces of twoPieces(page)) assert.equal(read(pieces), whole);
  assert.equal(read([...page]), whole);
});

it('a time is written as strftime does', () => {
  const date = new Date(Date.UTC(2021, 0, 3, 15, 4, 5));
  assert.equal(strftime('%A, %d-%b-%Y %H:%M:%S %Z', date, true), 'Sunday, 03-Jan-2021 15:04:05 GMT');
  assert.equal(
    strftime('%a %e %j %I %p %U %W %V %G %u %y %C %%', date, true),
    'Sun  3 003 03 PM 01 00 53 2020 7 21 20 %',
  );
  assert.equal(
    strftime('%c|%D|%F|%R|%T|%s|%q', date, true),
    'Sun Jan  3 15:04:05 2021|01/03/21|2021-01-03|15:04|15:04:05|1609686245|%q',
  );
});

it('the name of the time zone is looked up anew only where the zone has changed', (t) => {
  const zone = process.env.TZ;
  t.after(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });
  const made = t.mock.method(Intl, 'DateTimeFormat');
  const winter = new Date(Date.UTC(2021, 0, 3, 15, 4, 5));
  const summer = new Date(Date.UTC(2021, 6, 3, 15, 4, 5));
  const names = (name: string) => {
    process.env.TZ = name;
    return [winter, summer, winter].map((date) => strftime('%Z', date, false));
  };
  assert.deepEqual(names('America/New_York'), ['EST', 'EDT', 'EST']);
  assert.deepEqual(names('UTC'), ['UTC', 'UTC', 'UTC']);
  assert.equal(made.mock.callCount(), 2);
});
