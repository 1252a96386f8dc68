/** Fields of which an upstream may send one: of several the first counts, whatever the configuration does with it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type Answer,
  answeringBackend,
  type Backend,
  exchange,
  get,
  reply,
  startProxy,
  type TestProxy,
} from '../kit/index.js';

/** Each with two values; the third, where there is one, is the first as `/rewritten/` makes it. */
const UNIQUE: Readonly<Record<string, readonly [first: string, second: string, rewritten?: string]>> = {
  Status: ['1', '2'],
  'Content-Type': ['a/b', 'c/d'],
  Date: ['Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 02 Jan 1970 00:00:00 GMT'],
  Server: ['one', 'two'],
  Location: ['/first', '/second', '/rewritten/first'],
  Refresh: ['1; url=/first', '2; url=/second', '1; url=/rewritten/first'],
  'Last-Modified': ['Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 02 Jan 1970 00:00:00 GMT'],
  ETag: ['"1"', '"2"'],
  Expires: ['Thu, 01 Jan 1970 00:00:00 GMT', '0'],
  'X-Accel-Expires': ['1', '2'],
  'X-Accel-Limit-Rate': ['1000000', '1'],
  'X-Accel-Redirect': ['/one', '/two'],
};

/** Of these an upstream may send several. */
const REPEATED: readonly string[] = [
  'Cache-Control',
  'Link',
  'Set-Cookie',
  'Vary',
  'WWW-Authenticate',
  'Content-Disposition',
  'X-Accel-Buffering',
  'X-Accel-Charset',
  'X-Other',
];

const seen = (kind: string) =>
  [...Object.keys(UNIQUE), ...REPEATED]
    .map((name) => `add_header Seen-${name} "$${kind}_http_${name.toLowerCase().replaceAll('-', '_')}" always;`)
    .join('\n');
const PASSED = [...Object.keys(UNIQUE), 'X-Accel-Buffering', 'X-Accel-Charset']
  .map((name) => `proxy_pass_header ${name};`)
  .join(' ');

const CONFIG = `server {
  listen 127.0.0.1:0;
  absolute_redirect off;
  proxy_ignore_headers X-Accel-Redirect;
  ${PASSED}
  location /plain/ { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_redirect off; }
  location /kept/ {
    proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_redirect off;
    proxy_http_version 1.1; proxy_set_header Connection '';
  }
  location /rewritten/ {
    proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_redirect / /rewritten/; proxy_cookie_path / /rewritten; proxy_cookie_flags a secure;
  }
  location /upstream/ { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_redirect off; ${seen('upstream')} }
  location /sent/ { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_redirect / /rewritten/; ${seen('sent')} }
  location /filtered/ {
    proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_redirect off;
    sub_filter o 0; sub_filter_types *; add_header X-More 1; proxy_force_ranges on;
  }
  location /gone/ { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_redirect off; add_header X-Last "$upstream_http_expires"; expires 1h; }
  location /one { internal; return 200 one; }
  location /two { internal; return 200 two; }
}`;

describe('of a field that an upstream may send once', () => {
  let proxy: TestProxy;
  let backend: Backend;
  before(async () => {
    backend = await answeringBackend(({ target }) => {
      const [, , name = '', second] = target.split('/');
      const values = UNIQUE[name] ?? ['a=b; path=/x', 'c=d; path=/y'];
      // Lower and upper case are the same name.
      const fields = [`${name}: ${values[0]}`, 'X-Between: 1'];
      if (second === undefined)
        fields.push(`${name.toUpperCase()}: ${values[1]}`, 'X-Behind: 2', `${name}: ${values[1]}`);
      return reply('ok', { fields });
    });
    proxy = await startProxy(CONFIG, { BACKEND: backend.port });
  });
  after(async () => {
    await proxy?.close();
    await backend?.close();
  });

  const ask = (place: string, name: string): Promise<Answer> => get(proxy.port, `/${place}/${name}`);
  const values = (answer: Answer, name: string) =>
    answer.fields.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value);

  for (const [name, [first, second, rewritten = first]] of Object.entries(UNIQUE)) {
    test(`${name}: the first is passed, and the others are logged`, async () => {
      const answer = await ask('plain', name);
      assert.deepEqual(values(answer, name), [first]);
      assert.deepEqual([answer.field('x-between'), answer.field('x-behind')], ['1', '2']);
      const line = `upstream sent duplicate header line: "${name.toUpperCase()}: ${second}", previous value: "${name}: ${first}", ignored while reading response header from upstream, client: 127.0.0.1`;
      assert.ok(proxy.messages('warn').some((message) => message.includes(line)));
    });
    test(`${name}: the others stay away where fields are rewritten`, async () => {
      assert.deepEqual(values(await ask('rewritten', name), name), [rewritten]);
      assert.deepEqual(values(await ask('filtered', name), 'x-behind'), ['2']);
      const filtered = values(await ask('filtered', name), name);
      assert.ok(filtered.length <= 1 && !filtered.includes(second), filtered.join());
    });
    test(`${name}: variables have the first`, async () => {
      assert.equal((await ask('upstream', name)).field(`seen-${name}`), first);
      assert.equal((await ask('sent', name)).field(`seen-${name}`), rewritten);
    });
    test(`${name}: an answer that comes again has the same fields`, async () => {
      const bytes = (close: string) => `GET /kept/${name} HTTP/1.1\r\nHost: a\r\n${close}\r\n`;
      const answers = await exchange(proxy.port, bytes('') + bytes('Connection: close\r\n'));
      const lines = answers.split('\r\n').filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
      assert.deepEqual(lines, [`${name}: ${first}`, `${name}: ${first}`]);
    });
  }

  test('a field that was replaced is still there for variables, once', async () => {
    const answer = await ask('gone', 'Expires');
    assert.equal(answer.field('x-last'), UNIQUE.Expires?.[0]);
    assert.equal(values(answer, 'Expires').length, 1);
  });

  test('X-Accel-Redirect leads to the first, with the first of the fields that go along', async () => {
    const redirecting = await answeringBackend(() =>
      reply('', {
        fields: [
          'X-Accel-Redirect: /one',
          'X-Accel-Redirect: /two',
          'Content-Type: a/b',
          'Content-Type: c/d',
          'Expires: 0',
          'Expires: 1',
          'Cache-Control: a',
          'Cache-Control: b',
        ],
      }),
    );
    const other = await startProxy(
      `server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /one { internal; default_type ''; return 200 one; }
        location /two { internal; return 200 two; }
      }`,
      { BACKEND: redirecting.port },
    );
    try {
      const answer = await get(other.port);
      assert.equal(answer.body, 'one');
      assert.deepEqual(values(answer, 'expires'), ['0']);
      assert.deepEqual(values(answer, 'cache-control'), ['a', 'b']);
    } finally {
      await other.close();
      await redirecting.close();
    }
  });

  for (const name of REPEATED) {
    test(`${name}: all are passed`, async () => {
      assert.equal(values(await ask('plain', name), name).length, 3);
      const seenSent = (await ask('sent', name)).field(`seen-${name}`) ?? '';
      assert.equal(seenSent.split(', ').length, 3, seenSent);
      assert.equal(((await ask('upstream', name)).field(`seen-${name}`) ?? '').split(', ').length, 3);
    });
  }
});
