/** Response heads as received by a client: hidden fields, hop-by-hop fields, statuses, ranges. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type Answer,
  answeringBackend,
  type Backend,
  exchange,
  get,
  reply,
  request,
  startProxy,
  type TestProxy,
} from '../kit/index.js';

/** Responses of the back end, by path. */
const ANSWERS: Readonly<Record<string, string>> = {
  '/fields': reply('ok', {
    fields: [
      'X-One: 1',
      'x-two:2',
      'X-EMPTY:',
      'X-One: 3',
      'X-Latin: \xfc',
      'Set-Cookie: a=b',
      'Set-Cookie: c=d',
      'Vary: a',
    ],
  }),
  '/own': reply('ok', {
    fields: [
      'Server: backend/1',
      'Date: Thu, 01 Jan 1970 00:00:00 GMT',
      'X-Pad: p',
      'X-Accel-Expires: 5',
      'X-Accel-Charset: koi8-r',
      'X-Accel-Buffering: no',
      'X-Accel-Limit-Rate: 1000000',
      'X-Accel-Foo: bar',
    ],
  }),
  '/hop': reply('ok', {
    fields: [
      'Connection: keep-alive, X-Hop',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: x',
      'Upgrade: h2c',
      'Trailer: X',
    ],
  }),
  '/placed': reply('ok', {
    fields: [
      'Content-Type: a/b; c=d',
      'Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT',
      'ETag: W/"e"',
      'Accept-Ranges: bytes',
    ],
  }),
  '/places': reply('ok', {
    fields: [
      'X-One: 1',
      'ETag: "e"',
      'X-Two: 2',
      'Location: http://app/x',
      'X-Three: 3',
      'Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT',
      'X-Four: 4',
    ],
  }),
  '/twice': reply('ok', {
    fields: ['Content-Type: a/b', 'Content-Type: c/d', 'ETag: "1"', 'ETag: "2"', 'Expires: 0', 'Expires: 1'],
  }),
  '/reason': reply('ok', { status: '200 All Is Well' }),
  '/no-reason': 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok',
  '/204': 'HTTP/1.1 204 No Content\r\nContent-Type: text/x\r\n\r\n',
  '/odd': reply('ok', { status: '299 Odd' }),
  '/600': reply('ok', { status: '600 Beyond' }),
  '/404': reply('none', { status: '404 Not Found', fields: ['X-One: 1'] }),
  '/lf': 'HTTP/1.1 200 OK\nContent-Length: 2\nX-One: 1\n\nok',
  '/digits': reply('0123456789'),
  '/ranged': reply('234', { status: '206 Partial Content', fields: ['Content-Range: bytes 2-4/10'] }),
};

describe("the head of an upstream's answer", () => {
  let backend: Backend;
  let proxy: TestProxy;
  before(async () => {
    backend = await answeringBackend(({ target }) => ANSWERS[target.replace(/^\/\w+(?=\/)/, '')] ?? reply(target));
    proxy = await startProxy(
      `
      upstream app { server 127.0.0.1:%%PORT%%; }
      proxy_hide_header X-Http;
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://app; }
        location /hide/ { proxy_hide_header x-one; proxy_hide_header ETag; proxy_hide_header Content-Type; proxy_hide_header Last-Modified; proxy_pass http://app; }
        location /pass/ { proxy_pass_header Server; proxy_pass_header date; proxy_pass_header X-Pad; proxy_pass_header X-Accel-Expires; proxy_pass http://app; }
        location /both/ { proxy_hide_header Server; proxy_pass_header Server; proxy_pass http://app; }
        location /ranges/ { proxy_force_ranges on; proxy_pass http://app; }
        location /seen/ { add_header X-Seen "$upstream_http_x_one|$upstream_http_server|$upstream_cookie_c|$upstream_status" always; proxy_hide_header X-One; proxy_pass http://app; }
        location /redirect/ { proxy_redirect http://app/ http://$host/; sub_filter_once on; proxy_pass http://app; }
        location /weak/ { sub_filter_types *; sub_filter ok fine; sub_filter_last_modified on; proxy_redirect off; proxy_pass http://app; }
        location /changed/ { proxy_hide_header Last-Modified; add_header ETag '"mine"'; absolute_redirect off; proxy_pass http://app; }
        location /added/ { add_header X-One 2; add_header ETag '"mine"'; proxy_pass http://app; }
      }`,
      { PORT: backend.port },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
  });
  const ask = (path: string, fields: readonly string[] = []): Promise<Answer> => get(proxy.port, path, { fields });
  /** Field lines without those that the proxy makes itself. */
  const passed = async (path: string) =>
    (await ask(path)).fields
      .filter(([name]) => !/^(server|date|content-length|connection)$/i.test(name))
      .map(([name, value]) => `${name}: ${value}`);

  test('fields are passed on in their order and case', async () => {
    assert.deepEqual(await passed('/fields'), [
      'X-One: 1',
      'x-two: 2',
      'X-EMPTY: ',
      'X-One: 3',
      'X-Latin: \xfc',
      'Set-Cookie: a=b',
      'Set-Cookie: c=d',
      'Vary: a',
    ]);
    assert.deepEqual(await passed('/lf'), ['X-One: 1']);
  });
  test('fields whose value changes keep their places', async () => {
    const [date, places] = [
      'Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT',
      ['X-One: 1', 'X-Two: 2', 'X-Three: 3', 'X-Four: 4'],
    ];
    const at = (etag: string, location: string) => [places[0], etag, places[1], location, places[2], date, places[3]];
    assert.deepEqual(await passed('/redirect/places'), at('ETag: "e"', 'Location: http://localhost/x'));
    const weak = (await passed('/weak/places')).filter((line) => !line.startsWith('Transfer-Encoding'));
    assert.deepEqual(weak, at('ETag: W/"e"', 'Location: http://app/x'));
    assert.deepEqual(
      await passed('/changed/places'),
      at('ETag: "mine"', 'Location: /x').filter((line) => line !== date),
    );
    assert.deepEqual(await passed('/places'), [
      `Location: http://localhost:${proxy.port}/x`,
      ...at('ETag: "e"', '').filter((line) => line !== ''),
    ]);
  });
  test('Date and Server are ours, and X-Pad and what X-Accel says stay here', async () => {
    const answer = await ask('/own');
    assert.match(answer.field('server') ?? '', /^tsproxy/);
    assert.notEqual(answer.field('date'), 'Thu, 01 Jan 1970 00:00:00 GMT');
    assert.equal(answer.fields.filter(([name]) => /^(date|server)$/i.test(name)).length, 2);
    assert.deepEqual(await passed('/own'), ['X-Accel-Foo: bar']);
  });
  test('proxy_pass_header passes what is hidden otherwise', async () => {
    const answer = await ask('/pass/own');
    assert.equal(answer.field('server'), 'backend/1');
    assert.equal(answer.field('date'), 'Thu, 01 Jan 1970 00:00:00 GMT');
    assert.deepEqual(await passed('/pass/own'), ['X-Pad: p', 'X-Accel-Expires: 5', 'X-Accel-Foo: bar']);
    // Where the upstream sends none there is none, as in nginx.
    const without = await ask('/pass/fields');
    assert.deepEqual([without.field('server'), without.field('date')], [undefined, undefined]);
  });
  test('proxy_hide_header hides in any case, also what has a place of its own', async () => {
    assert.deepEqual(await passed('/hide/placed'), ['Accept-Ranges: bytes']);
    assert.ok(!(await passed('/hide/fields')).some((line) => line.startsWith('X-One')));
  });
  test('what is hidden and passed is hidden', async () => {
    assert.match((await ask('/both/own')).field('server') ?? '', /^tsproxy/);
  });
  test('fields of one hop stay here, and Upgrade says what the client may ask for', async () => {
    const answer = await ask('/hop');
    assert.deepEqual(
      answer.fields.map(([name]) => name.toLowerCase()).filter((name) => /keep-alive|proxy|x-hop/.test(name)),
      [],
    );
    assert.equal(answer.field('connection'), 'close');
    assert.equal(answer.field('upgrade'), 'h2c');
  });
  test('fields with a place of their own keep their values', async () => {
    const answer = await ask('/placed');
    assert.equal(answer.field('content-type'), 'a/b; c=d');
    assert.equal(answer.field('last-modified'), 'Tue, 14 Nov 2023 22:13:20 GMT');
    assert.equal(answer.field('etag'), 'W/"e"');
    assert.equal((await ask('/fields')).field('content-type'), undefined);
  });
  test('of fields that may be there once the first is passed on', async () => {
    assert.deepEqual((await passed('/twice')).sort(), ['Content-Type: a/b', 'ETag: "1"', 'Expires: 0']);
    assert.ok(proxy.messages('warn').some((line) => line.includes('upstream sent duplicate header line: "ETag: "2"')));
  });
  test('an answer without content keeps the media type that the upstream gave', async () => {
    const answer = await ask('/204');
    assert.deepEqual([answer.status, answer.field('content-type'), answer.body], [204, 'text/x', '']);
  });
  test('status and reason are passed on, whatever they are', async () => {
    assert.equal((await ask('/reason')).statusLine, 'HTTP/1.1 200 All Is Well');
    assert.equal((await ask('/no-reason')).statusLine.trim(), 'HTTP/1.1 200');
    assert.equal((await ask('/odd')).statusLine, 'HTTP/1.1 299 Odd');
    assert.equal((await ask('/600')).statusLine, 'HTTP/1.1 600 Beyond');
    const missing = await ask('/404');
    assert.deepEqual(
      [missing.statusLine, missing.field('x-one'), missing.body],
      ['HTTP/1.1 404 Not Found', '1', 'none'],
    );
  });
  test('variables see what is hidden', async () => {
    assert.equal((await ask('/seen/fields')).field('x-seen'), '1, 3||d|200');
    assert.equal((await ask('/seen/own')).field('x-seen'), '|backend/1||200');
  });
  test('add_header adds to what comes, and replaces what has one place', async () => {
    const answer = await ask('/added/fields');
    assert.equal(answer.field('x-one'), '1, 3, 2');
    assert.equal((await ask('/added/placed')).field('etag'), '"mine"');
  });
  test('ranges are the business of the upstream, unless proxy_force_ranges is on', async () => {
    const range = ['Range: bytes=2-4'];
    assert.deepEqual([(await ask('/digits', range)).status, (await ask('/digits', range)).body], [200, '0123456789']);
    const forced = await ask('/ranges/digits', range);
    assert.deepEqual([forced.status, forced.body, forced.field('content-range')], [206, '234', 'bytes 2-4/10']);
    const theirs = await ask('/ranged', range);
    assert.deepEqual([theirs.status, theirs.body, theirs.field('content-range')], [206, '234', 'bytes 2-4/10']);
    assert.equal(backend.requests.at(-1)?.field('range'), 'bytes=2-4');
  });
  test('a condition of the client is the business of the upstream', async () => {
    const answer = await ask('/placed', ['If-None-Match: W/"e"', 'If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT']);
    assert.deepEqual([answer.status, answer.body], [200, 'ok']);
  });
  test('two answers on one connection have their own fields', async () => {
    const both = await exchange(
      proxy.port,
      request('/fields', { fields: ['Connection: keep-alive'] }) + request('/404'),
    );
    assert.match(
      both,
      /^HTTP\/1\.1 200 OK[\s\S]*x-two: 2\r\n[\s\S]*\r\n\r\nokHTTP\/1\.1 404 Not Found\r\n[\s\S]*\r\n\r\nnone$/,
    );
    assert.equal(both.match(/x-two/g)?.length, 1);
  });
});
