import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_DELTA, noDirectives, parseCacheControl } from '../../src/cache/cache-control.js';
import { targetedDirectives } from '../../src/cache/response-rules.js';
import { parseDictionary } from '../../src/cache/structured-dictionary.js';

const parsed = (text: string) =>
  Object.fromEntries(
    Object.entries(parseCacheControl(text)).filter(([name, value]) => value !== noDirectives()[name as 'maxAge']),
  );

test('directives are found in any letter case, with quoted values and extensions', () => {
  assert.deepEqual(parsed('MaX-aGe=3600, foobar, No-StOrE'), { maxAge: 3600, noStore: true });
  assert.deepEqual(parsed('max-age="60"'), { maxAge: 60 });
  assert.deepEqual(parsed('extension="max-age=3600", max-age=1'), { maxAge: 1 });
  assert.deepEqual(parsed('max-age=1, extension="a, max-age=3600"'), { maxAge: 1 });
  assert.deepEqual(parsed(',, s-maxage=003600 ,must-revalidate,'), { sharedMaxAge: 3600, mustRevalidate: true });
  assert.deepEqual(parsed('max-stale, min-fresh=5'), { maxStale: Number.POSITIVE_INFINITY, minFresh: 5 });
});

test('numbers that are too large are limited, invalid ones are known as such, and the first of two counts', () => {
  assert.deepEqual(parsed('max-age=99999999999'), { maxAge: MAX_DELTA });
  for (const value of ['-1', 'a3600', '3600a', '3600.0', "'3600'", '', ' 3600']) {
    assert.deepEqual(parsed(`max-age=${value}`), { maxAge: null }, value);
  }
  assert.deepEqual(parsed('max-age =3600'), {});
  assert.deepEqual(parsed('max-age=1800, max-age=1'), { maxAge: 1800 });
});

test('no-cache and private with fields apply to these, and otherwise as a whole', () => {
  assert.deepEqual(parsed('no-cache="a, B", private'), { noCache: ['a', 'b'], private: true });
  assert.deepEqual(parsed('no-cache="a", no-cache=b'), { noCache: ['a', 'b'] });
  assert.deepEqual(parsed('no-cache="a", no-cache'), { noCache: true });
  assert.deepEqual(parsed('no-cache=""'), { noCache: true });
});

test('malformed text neither loops nor hides the directives after it', () => {
  assert.deepEqual(parsed('="x", "no-store", max-age=5'), { maxAge: 5 });
  assert.deepEqual(parsed('foo="unterminated, no-store'), { noStore: true });
  assert.deepEqual(parsed('"'.repeat(10_000)), {});
  assert.deepEqual(parsed(`${'a="'.repeat(5_000)}, no-store`), { noStore: true });
});

test('the time for malformed text grows with its length, not with the square of it', () => {
  const before = process.cpuUsage();
  assert.deepEqual(parsed(`${','.repeat(60_000)}"`), {});
  assert.deepEqual(parsed(`no-store${' '.repeat(60_000)}"`), { noStore: true });
  assert.ok(process.cpuUsage(before).user < 1_000_000);
});

test('structured dictionaries are parsed strictly', () => {
  assert.deepEqual(
    [...(parseDictionary('a=1, b;x=2, c=?0, d="q\\"", e=tok/en, f=(1 "a";p);q') ?? [])],
    [
      ['a', 1],
      ['b', true],
      ['c', false],
      ['d', { string: 'q"' }],
      ['e', { token: 'tok/en' }],
      ['f', null],
    ],
  );
  assert.deepEqual([...(parseDictionary('a=1,a=2.5') ?? [])], [['a', 2.5]]);
  for (const bad of ['a=1,', 'a=', 'A=1', 'a=1 b', 'a, &&&', 'a=(1', 'a="x', 'a=1.', 'a=12345678901234567', 'a;=1']) {
    assert.equal(parseDictionary(bad), null, bad);
  }
});

test('a targeted field with a member of a wrong type, or without members, is ignored', () => {
  assert.equal(targetedDirectives('max-age="10000"'), null);
  assert.equal(targetedDirectives('max-age=1.5'), null);
  assert.equal(targetedDirectives('no-store=5'), null);
  assert.equal(targetedDirectives(''), null);
  assert.equal(targetedDirectives('max-age=10, &&'), null);
  assert.equal(targetedDirectives('max-age=10, foo="x"')?.maxAge, 10);
  assert.equal(targetedDirectives('private, max-age=1')?.private, true);
});
