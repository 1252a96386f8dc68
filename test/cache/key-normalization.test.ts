import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheName, cacheStatusOf } from '../../src/cache/cache-status.js';
import { tagsOf } from '../../src/cache/cache-tags.js';
import { QueryFilter } from '../../src/cache/query-arguments.js';
import { type Normalizer, normalizedVariant, normalizerFor } from '../../src/cache/vary-normalization.js';
import { HeaderBlock } from '../../src/http/header-block.js';

/** Whether two requests select the same variant of a field. */
function same(name: string, a: string | string[] | null, b: string | string[] | null, known: string[] | null): boolean {
  const normalizers = new Map<string, Normalizer>();
  const normalizer = known === null ? null : normalizerFor(name, known);
  if (normalizer !== null) normalizers.set(name, normalizer);
  const variant = (value: string | string[] | null): string =>
    normalizedVariant(HeaderBlock.from([value ?? []].flat().map((each) => [name, each])), name, normalizers);
  return variant(a) === variant(b);
}

test('variants without configuration differ only by meaning', () => {
  assert.ok(same('foo', '1,2', ' 1, 2 ', null));
  assert.ok(same('foo', '1, 2', ['1', '2'], null));
  assert.ok(!same('foo', 'a', 'A', null));
  assert.ok(!same('foo', '', null, null));
  assert.ok(same('accept-language', 'en, de', 'eN ,  De;q=1.0', null));
  assert.ok(!same('accept-language', 'en, de', 'de, en', null));
});

test('normalized variants ignore the order, or are limited to the known values', () => {
  assert.ok(same('accept-language', 'en, de', 'de, en', []));
  assert.ok(!same('accept-language', 'en, de;q=0.5', 'de, en;q=0.5', []));
  assert.ok(same('accept-language', 'fr;q=0.5, de', 'de-AT, en;q=0.1', ['en', 'de']));
  assert.ok(!same('accept-language', 'en', 'de', ['en', 'de']));
  assert.ok(same('accept-encoding', 'gzip, deflate, br', 'br, zstd', ['br', 'gzip']));
  assert.ok(same('accept-encoding', 'deflate', null, ['br', 'gzip']) === false);
  assert.ok(!same('accept-encoding', 'gzip', 'gzip;q=0', ['br', 'gzip']));
  assert.ok(same('accept-encoding', '*', 'br', ['br', 'gzip']));
  assert.ok(same('user-agent', 'Mozilla/5.0 (iPhone) Mobile', 'Android 14', []));
});

test('ignored arguments do not count for the key, wherever they are', () => {
  const ignore = new QueryFilter({ mode: 'ignore', names: ['utm_*', 'fbclid'], sort: false });
  assert.equal(ignore.normalize('httphost/a?utm_x=1&b=2&fbclid=3', 'utm_x=1&b=2&fbclid=3'), 'httphost/a?b=2');
  assert.equal(ignore.normalize('httphost/a?fbclid', 'fbclid'), 'httphost/a');
  assert.equal(ignore.normalize('k?b=2&a=1', 'b=2&a=1'), 'k?b=2&a=1');
  assert.equal(ignore.normalize('no query', 'utm_x=1'), 'no query');
  assert.equal(ignore.normalize('k?utm_x=1#s', 'utm_x=1'), 'k#s');
  const only = new QueryFilter({ mode: 'only', names: ['page', 'id'], sort: true });
  assert.equal(only.normalize('k?x=1&page=2&id=b&id=a', 'x=1&page=2&id=b&id=a'), 'k?id=b&id=a&page=2');
  assert.equal(only.apply('pag%65=1'), '');
});

test('tags are read from both fields, and limited', () => {
  const block = (...fields: [string, string][]) => HeaderBlock.from(fields);
  assert.deepEqual(tagsOf(block(['Cache-Tag', 'a, b c,a'], ['Surrogate-Key', 'd  e'], ['cache-tag', 'f'])), [
    'a',
    'b c',
    'f',
    'd',
    'e',
  ]);
  assert.deepEqual(tagsOf(block()), []);
  const many = Array.from({ length: 100 }, (_, i) => `t${i}`).join(',');
  assert.equal(tagsOf(block(['Cache-Tag', `${'x'.repeat(129)},${many}`])).length, 64);
});

test('Cache-Status describes hits and forwarded requests', () => {
  const none = { hit: false, forward: null, forwardStatus: 0, ttl: null, stored: false, collapsed: false, detail: '' };
  assert.equal(cacheStatusOf('edge', { ...none, hit: true, ttl: 376 }), 'edge; hit; ttl=376');
  assert.equal(
    cacheStatusOf('edge', { ...none, forward: 'stale', forwardStatus: 304, stored: true, collapsed: true, ttl: -5 }),
    'edge; fwd=stale; fwd-status=304; stored; collapsed; ttl=-5',
  );
  assert.equal(
    cacheStatusOf('edge', { ...none, forward: 'bypass', detail: 'BYPASS' }),
    'edge; fwd=bypass; detail=BYPASS',
  );
  assert.equal(cacheName('edge-1.example'), 'edge-1.example');
  assert.equal(cacheName('my "cache"\n'), '"my \\"cache\\""');
});
