import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EntryHead } from '../../src/cache/entry-head.js';
import { ageOf, Rfc9111Policy } from '../../src/cache/rfc9111-policy.js';
import { callbackTime } from '../../src/http/clock.js';
import { HeaderBlock } from '../../src/http/header-block.js';
import type { Exchange } from '../../src/program/exchange.js';

const NOW = 1_000_000_000;
const DATE: Pair = ['Date', at(0)];
const NONE = { accelExpires: false, cacheControl: false, expires: false, setCookie: false, vary: false };

type Pair = [name: string, value: string];

function at(seconds: number): string {
  return new Date((NOW + seconds) * 1000).toUTCString();
}

function policy(valid: { status: number; seconds: number }[] = []): Rfc9111Policy {
  return new Rfc9111Policy({
    ignored: NONE,
    valid,
    targets: ['cdn-cache-control'],
    requestDirectives: true,
    normalizers: new Map(),
  });
}

// The policy reads these members of a request only.
function request(fields: Pair[] = [], method = 'GET'): Exchange {
  const headers = HeaderBlock.from(fields);
  return {
    headers,
    method,
    target: '/a/b?c',
    host: 'h',
    startTime: callbackTime(),
    state: () => undefined,
  } as unknown as Exchange;
}

function head(fields: Pair[], status = 200) {
  return { status, reason: '', version: 11, headers: HeaderBlock.from(fields) };
}

/** Remaining freshness of a response when it is received, s; null if it is not stored. */
function freshFor(
  fields: Pair[],
  status = 200,
  requestFields: Pair[] = [],
  valid: { status: number; seconds: number }[] = [],
) {
  const found = policy(valid).validity(request(requestFields), head(fields, status), NOW);
  return found === null ? null : found.validUntil === 0 ? 'configured' : found.validUntil - NOW + 1;
}

function entryOf(fields: Pair[], stored = NOW): EntryHead {
  const response = head(fields);
  const validity = policy().validity(request(), response, stored);
  return {
    validUntil: validity?.validUntil ?? 0,
    staleWhileRevalidateUntil: 0,
    staleIfErrorUntil: 0,
    key: '',
    date: stored,
    lastModified: -1,
    etag: response.headers.get('etag') ?? '',
    vary: '',
    variant: '',
    status: 200,
    reason: '',
    version: 11,
    fields: policy().storedFields(request(), response, stored),
    tags: [],
  };
}

const cc = (value: string): Pair => ['Cache-Control', value];

test('explicit freshness is reduced by the age of the response', () => {
  assert.equal(freshFor([cc('max-age=60')]), 60);
  assert.equal(freshFor([cc('max-age=60, s-maxage=30')]), 30);
  assert.equal(freshFor([cc('max-age=60'), ['Age', '20']]), 40);
  assert.equal(freshFor([cc('max-age=60'), ['Age', '20, 0']]), 40);
  for (const age of ['abc', '-20', '20.0', '20;a=b']) assert.equal(freshFor([cc('max-age=60'), ['Age', age]]), 60, age);
  assert.equal(freshFor([cc('max-age=60'), ['Date', at(-45)]]), 15);
  assert.equal(freshFor([['Expires', at(100)], DATE]), 100);
  assert.equal(
    freshFor([
      ['Expires', at(100)],
      ['Date', at(40)],
    ]),
    60,
  );
  assert.equal(
    freshFor([
      ['Expires', at(100)],
      ['Date', 'foo'],
    ]),
    100,
  );
  assert.equal(freshFor([cc('max-age=60'), ['Expires', '0'], DATE]), 60);
});

test('responses that are already stale are stored only if they can be confirmed or served stale', () => {
  assert.equal(freshFor([cc('max-age=0')]), null);
  assert.equal(freshFor([cc('max-age=-5')]), null);
  assert.equal(freshFor([cc('max-age=0'), ['ETag', '"a"']]), 0);
  assert.equal(freshFor([cc('max-age=0, stale-if-error=5')]), 0);
  assert.equal(freshFor([['Expires', at(100).replace('GMT', 'UTC')], DATE, ['ETag', '"a"']]), 0);
  assert.equal(freshFor([cc('no-cache, max-age=60'), ['ETag', '"a"']]), 0);
});

test('a lifetime is estimated from Last-Modified for suitable statuses, unless proxy_cache_valid applies', () => {
  const modified: Pair[] = [['Last-Modified', at(-1000)], DATE];
  assert.equal(freshFor(modified), 100);
  assert.equal(freshFor(modified, 404), 100);
  assert.equal(freshFor(modified, 201), null);
  assert.equal(freshFor(modified, 503), null);
  assert.equal(freshFor([cc('public'), ...modified], 599), 100);
  assert.equal(freshFor([['Last-Modified', at(-100_000_000)], DATE]), 86_400);
  assert.equal(freshFor(modified, 200, [], [{ status: 200, seconds: 5 }]), 'configured');
  assert.equal(freshFor([cc('max-age=60')], 200, [], [{ status: 200, seconds: 5 }]), 60);
});

test('responses that a shared cache may not store are not stored', () => {
  for (const value of ['no-store', 'private', 'NO-STORE, max-age=5', 'max-age=5, private']) {
    assert.equal(freshFor([cc(value)]), null, value);
  }
  assert.equal(freshFor([cc('max-age=5'), ['Set-Cookie', 'a=b']]), null);
  assert.equal(freshFor([cc('max-age=5')], 206), null);
  assert.equal(freshFor([cc('max-age=5, no-store, must-understand')]), 5);
  assert.equal(freshFor([cc('max-age=5, no-store, must-understand')], 599), null);
  const authorized: Pair[] = [['Authorization', 'Basic x']];
  assert.equal(freshFor([cc('max-age=5')], 200, authorized), null);
  for (const value of ['max-age=5, public', 'max-age=5, must-revalidate', 's-maxage=5']) {
    assert.equal(freshFor([cc(value)], 200, authorized), 5, value);
  }
});

test('a valid targeted field replaces Cache-Control and Expires', () => {
  const target = (value: string): Pair => ['CDN-Cache-Control', value];
  assert.equal(freshFor([target('max-age=9'), cc('no-store')]), 9);
  assert.equal(freshFor([target('max-age=0'), ['Expires', at(100)], DATE]), null);
  assert.equal(freshFor([target('no-store'), cc('max-age=9')]), null);
  assert.equal(freshFor([target('max-age=9, &&'), cc('max-age=4')]), 4);
  assert.equal(freshFor([target('max-age=9'), ['Age', '5']]), 4);
});

test('directives of a request select fresh enough responses', () => {
  const entry = entryOf([cc('max-age=60'), DATE]);
  const reuse = (value: string, now: number) => policy().reuse(request([cc(value)]), entry, NOW + now);
  assert.equal(reuse('', 59), 'fresh');
  assert.equal(reuse('', 60), 'stale');
  assert.equal(reuse('no-cache', 1), 'must-revalidate');
  assert.equal(reuse('max-age=10', 10), 'fresh');
  assert.equal(reuse('max-age=10', 11), 'must-revalidate');
  assert.equal(reuse('min-fresh=20', 40), 'fresh');
  assert.equal(reuse('min-fresh=20', 41), 'must-revalidate');
  assert.equal(reuse('max-stale=10', 65), 'fresh');
  assert.equal(reuse('max-stale', 6500), 'fresh');
  assert.equal(reuse('max-stale=10', 75), 'stale');
  assert.equal(policy().requestUse(request([cc('no-store')])), 'none');
  assert.equal(policy().requestUse(request([cc('only-if-cached')])), 'only-if-cached');
  assert.equal(policy().requestUse(request()), 'full');
});

test('a stale response is not served if its directives forbid it', () => {
  for (const value of ['must-revalidate', 'proxy-revalidate', 's-maxage=60', 'no-cache']) {
    const entry = entryOf([cc(`max-age=60, ${value}`), ['ETag', '"a"']]);
    assert.equal(policy().reuse(request([cc('max-stale')]), entry, NOW + 100), 'must-revalidate', value);
  }
});

test('stored fields exclude those of the connection and of no-cache, and contain the initial age', () => {
  const fields: Pair[] = [
    cc('max-age=60, no-cache="b"'),
    ['Connection', 'close, a'],
    ['A', '1'],
    ['B', '2'],
    ['C', '3'],
    ['Age', '7'],
  ];
  const stored = policy().storedFields(request(), head([...fields, ['Keep-Alive', 'x']]), NOW);
  assert.equal(stored, 'Cache-Control: max-age=60, no-cache="b"\r\nC: 3\r\nAge: 7\r\n');
  assert.equal(ageOf(entryOf(fields), NOW + 5), 12);
});

test('a 304 response updates the fields and the validity of the entry', () => {
  const entry = entryOf([cc('max-age=60'), ['ETag', '"a"'], ['Content-Length', '5'], ['X', '1'], ['Age', '9']]);
  const update = head([cc('max-age=90'), ['ETag', '"a"'], ['Content-Length', '0'], ['x', '2']], 304);
  const { fields, validity } = policy().revalidated(request(), entry, update, NOW + 100);
  assert.equal(fields, 'Content-Length: 5\r\nCache-Control: max-age=90\r\nETag: "a"\r\nx: 2\r\n');
  assert.equal(validity?.validUntil, NOW + 189);
  const other = policy().revalidated(request(), entry, head([['ETag', '"b"']], 304), NOW);
  assert.deepEqual(other, { fields: entry.fields, validity: null });
});

test('a successful unsafe request invalidates its target, and locations on the same site', () => {
  const passed = (method: string, status: number, fields: Pair[]): readonly string[] =>
    policy().passed(request([['Host', 'h:81']], method), head(fields, status));
  assert.deepEqual(passed('POST', 200, []), ['/a/b?c']);
  assert.deepEqual(
    passed('DELETE', 303, [
      ['Location', 'd'],
      ['Content-Location', 'http://h:81/e?f'],
    ]),
    ['/a/b?c', '/a/d', '/e?f'],
  );
  assert.deepEqual(
    passed('PUT', 201, [
      ['Location', 'http://other/x'],
      ['Content-Location', 'http://['],
    ]),
    ['/a/b?c'],
  );
  assert.deepEqual(passed('POST', 500, []), []);
  assert.deepEqual(passed('GET', 200, []), []);
});

test('Vary with a star is never stored, wherever it is', () => {
  const vary = (...values: string[]) => policy().vary(head(values.map((value): Pair => ['Vary', value])));
  for (const values of [['*'], ['', '*'], ['*, Foo'], ['Foo, *'], ['*', '*']]) assert.equal(vary(...values), null);
  assert.equal(vary('Foo,Bar', 'Baz'), 'Foo, Bar, Baz');
  assert.equal(vary(), '');
});
