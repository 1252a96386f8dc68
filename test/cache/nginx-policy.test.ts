import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NginxPolicy } from '../../src/cache/nginx-policy.js';
import { validTime } from '../../src/cache/valid-times.js';
import { HeaderBlock } from '../../src/http/header-block.js';
import type { Exchange } from '../../src/program/exchange.js';

const NOW = 1_000_000_000;
const NONE = { accelExpires: false, cacheControl: false, expires: false, setCookie: false, vary: false };
const X = {} as Exchange; // nginx's rules for responses do not look at the request

function head(...fields: [string, string][]) {
  return { status: 200, reason: 'OK', version: 11, headers: HeaderBlock.from(fields) };
}

function validity(fields: [string, string][], ignored: Partial<typeof NONE> = {}) {
  const found = new NginxPolicy({ ...NONE, ...ignored }).validity(X, head(...fields), NOW);
  return found === null ? null : [found.validUntil, found.staleWhileRevalidate, found.staleIfError];
}

const LATER = new Date((NOW + 60) * 1000).toUTCString();
const EARLIER = new Date((NOW - 60) * 1000).toUTCString();

test('the fields of a response determine its validity in their order', () => {
  assert.deepEqual(validity([]), [0, 0, 0]);
  assert.deepEqual(validity([['Cache-Control', 'max-age=20']]), [NOW + 20, 0, 0]);
  assert.deepEqual(validity([['Cache-Control', 'max-age=20, s-maxage=30']]), [NOW + 30, 0, 0]);
  assert.equal(validity([['Cache-Control', 'max-age=0']]), null);
  assert.equal(validity([['Cache-Control', 'max-age=2x']]), null);
  assert.equal(validity([['Cache-Control', 'PRIVATE']]), null);
  assert.equal(validity([['Cache-Control', 'no-cache']]), null);
  assert.equal(validity([['Cache-Control', 'no-store']]), null);
  assert.deepEqual(validity([['Expires', LATER]]), [NOW + 60, 0, 0]);
  assert.equal(validity([['Expires', EARLIER]]), null);
  assert.equal(validity([['Expires', 'never']]), null);
  assert.deepEqual(
    validity([
      ['Expires', EARLIER],
      ['Cache-Control', 'max-age=5'],
    ]),
    [NOW + 5, 0, 0],
  );
  assert.deepEqual(
    validity([
      ['Cache-Control', 'max-age=5'],
      ['Expires', EARLIER],
    ]),
    [NOW + 5, 0, 0],
  );
});

test('X-Accel-Expires takes precedence over the other fields', () => {
  assert.deepEqual(validity([['X-Accel-Expires', '7']]), [NOW + 7, 0, 0]);
  assert.deepEqual(validity([['X-Accel-Expires', '@1234567890']]), [1234567890, 0, 0]);
  assert.equal(validity([['X-Accel-Expires', '0']]), null);
  assert.deepEqual(validity([['X-Accel-Expires', 'x']]), [0, 0, 0]);
  for (const fields of [
    [
      ['X-Accel-Expires', '7'],
      ['Cache-Control', 'no-store'],
      ['Expires', EARLIER],
    ],
    [
      ['Cache-Control', 'no-store'],
      ['Expires', EARLIER],
      ['X-Accel-Expires', '7'],
    ],
  ] as [string, string][][]) {
    assert.deepEqual(validity(fields), [NOW + 7, 0, 0]);
  }
});

test('stale-while-revalidate also counts as stale-if-error', () => {
  assert.deepEqual(validity([['Cache-Control', 'max-age=1, stale-while-revalidate=5']]), [NOW + 1, 5, 5]);
  assert.deepEqual(validity([['Cache-Control', 'max-age=1, stale-while-revalidate=5, stale-if-error=9']]), [
    NOW + 1,
    5,
    9,
  ]);
  assert.equal(validity([['Cache-Control', 'max-age=1, stale-if-error=x']]), null);
});

test('a response with a cookie is not stored, and ignored fields have no effect', () => {
  const cookie: [string, string][] = [['Set-Cookie', 'a=b']];
  assert.equal(validity(cookie), null);
  assert.deepEqual(validity(cookie, { setCookie: true }), [0, 0, 0]);
  assert.deepEqual(validity([['Cache-Control', 'no-store']], { cacheControl: true }), [0, 0, 0]);
  assert.deepEqual(validity([['Expires', EARLIER]], { expires: true }), [0, 0, 0]);
  assert.deepEqual(validity([['X-Accel-Expires', '0']], { accelExpires: true }), [0, 0, 0]);
});

test('Vary selects fields of the request, and forbids storing with * or beyond 128 bytes', () => {
  const policy = new NginxPolicy(NONE);
  assert.equal(policy.vary(head()), '');
  assert.equal(policy.vary(head(['Vary', 'Accept'], ['Vary', 'Foo'])), 'Accept, Foo');
  assert.equal(policy.vary(head(['Vary', 'Accept'], ['Vary', '*'])), null);
  assert.equal(policy.vary(head(['Vary', 'x'.repeat(129)])), null);
  assert.equal(new NginxPolicy({ ...NONE, vary: true }).vary(head(['Vary', '*'])), '');
});

test('variants are compared without regard to spaces in fields that nginx normalizes', () => {
  const policy = new NginxPolicy(NONE);
  const variant = (vary: string, ...fields: [string, string][]) =>
    policy.variant({ headers: HeaderBlock.from(fields) } as unknown as Exchange, vary);
  const both = variant('Accept-Encoding', ['Accept-Encoding', 'gzip, br']);
  assert.equal(variant('Accept-Encoding', ['Accept-Encoding', 'gzip,br']), both);
  assert.equal(variant('Accept-Encoding', ['Accept-Encoding', 'gzip'], ['Accept-Encoding', ' br']), both);
  assert.notEqual(variant('Accept-Encoding', ['Accept-Encoding', 'br, gzip']), both);
  assert.notEqual(variant('Foo', ['Foo', 'a, b']), variant('Foo', ['Foo', 'a,b']));
  assert.match(both, /^[0-9a-f]{32}$/);
});

test('an entry is stale from the second after its validity', () => {
  const policy = new NginxPolicy(NONE);
  const entry = { validUntil: NOW } as Parameters<NginxPolicy['reuse']>[1];
  assert.equal(policy.reuse(X, entry, NOW), 'fresh');
  assert.equal(policy.reuse(X, entry, NOW + 1), 'stale');
});

test('the first rule for a status decides', () => {
  const rules = [
    { status: 200, seconds: 5 },
    { status: 0, seconds: 1 },
    { status: 404, seconds: 9 },
  ];
  assert.deepEqual(
    [200, 404, 500].map((status) => validTime(rules, status)),
    [5, 1, 1],
  );
  assert.equal(validTime([], 200), 0);
});
