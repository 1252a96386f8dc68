import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { equalsIgnoreCase, Field, fieldName, fieldNumber } from '../../src/http/field-names.js';
import { HeaderBlock, NameSet } from '../../src/http/header-block.js';
import { COMPLETE, RequestReader } from '../../src/http1/request-reader.js';
import { DEFAULT_LIMITS } from '../http1/splits.js';

const known = Object.values(Field).filter((id) => id !== Field.Other);
const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-'), minLength: 1, maxLength: 20 });
const anyCase = (name: string): fc.Arbitrary<string> =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map((upper) => [...name].map((c, i) => (upper[i] === true ? c.toUpperCase() : c)).join(''));
const name = fc.oneof(fc.constantFrom(...known.map(fieldName)).chain(anyCase), token);
const value = fc
  .string({ unit: fc.constantFrom(...'ab,;= \t:"\x80'), maxLength: 12 })
  .map((text) => text.replace(/^ +| +$/g, ''));
const SINGLE = /^(host|if-|content-(length|range)|transfer-encoding|expect|(proxy-)?authorization)/;
const form = fc.constantFrom(
  (n: string, v: string) => `${n}: ${v}\r\n`,
  (n: string, v: string) => `${n}: ${v}\r\n`,
  (n: string, v: string) => `${n}:${v}\r\n`,
  (n: string, v: string) => `${n}: ${v}\n`,
  (n: string, v: string) => `${n}:  ${v} \r\n`,
  (n: string, v: string) => `${n}: ${v}\r\nodd_name: x\r\n`,
);

test('every known name is found in any case, and no other', () => {
  for (const id of known) assert.equal(fieldNumber(`x${fieldName(id)}y`, 1, 1 + fieldName(id).length), id);
  assert.equal(new Set(known.map(fieldName)).size, known.length);
  fc.assert(
    fc.property(name, (text) => {
      const lower = text.toLowerCase();
      const id = known.find((each) => fieldName(each) === lower) ?? Field.Other;
      assert.equal(fieldNumber(text, 0, text.length), id);
      assert.ok(equalsIgnoreCase(` ${text}`, 1, 1 + text.length, lower));
    }),
    { numRuns: 2000 },
  );
  for (const near of ['hosts', 'hos', 'h-st', 'Ho\x13t', 'HO@T', 'te\x00', 'e\x54ag\x07', 'x_pad']) {
    assert.equal(fieldNumber(near, 0, near.length), Field.Other, JSON.stringify(near));
  }
});

test('letters are compared without case, and nothing else is', () => {
  assert.ok(!equalsIgnoreCase('A@', 0, 2, 'a`'));
  assert.ok(!equalsIgnoreCase('[', 0, 1, '{'));
  assert.ok(!equalsIgnoreCase('\xc4', 0, 1, '\xe4'));
});

test('the lines of any subset are the naive join of its fields', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(name, value, form, fc.boolean(), fc.boolean()), {
        maxLength: 14,
        // The reader refuses some names that are there twice.
        selector: ([each]) => each.toLowerCase(),
        comparator: (a, b) => a === b && SINGLE.test(a),
      }),
      fc.boolean(),
      fc.boolean(),
      (fields, plain, more) => {
        const reader = new RequestReader();
        const lines = fields.map(([n, v, write]) => (plain ? `${n}: ${v}\r\n` : write(n, v))).join('');
        const wire = `GET / HTTP/1.1\r\n${lines}\r\n${more ? 'body: x\r\n' : ''}`;
        assert.equal(reader.feed(wire, DEFAULT_LIMITS), COMPLETE);
        const block = reader.headers;
        assert.equal(block.count, fields.length);
        if (plain) assert.ok(block.canonical);
        for (const [i, [, , , , removed]] of fields.entries()) if (removed) block.remove(i);
        const skip = { matches: (_block: HeaderBlock, i: number): boolean => fields[i]?.[3] === true };
        const join = (skipping: boolean): string =>
          fields
            .filter(([, , , skipped, removed]) => !removed && !(skipping && skipped))
            .map(([n, v]) => `${n}: ${v}\r\n`)
            .join('');
        assert.equal(block.lines(null), join(false));
        assert.equal(block.lines(skip), join(true));
      },
    ),
    { numRuns: 3000 },
  );
});

test('a copy with other fields has the lines of the rest, and then the added ones', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(token, value, form), { maxLength: 8 }),
      fc.array(fc.tuple(token, value), { maxLength: 3 }),
      fc.array(token, { maxLength: 3 }),
      fc.boolean(),
      (fields, added, names, plain) => {
        const reader = new RequestReader();
        const lines = fields.map(([n, v, write]) => (plain ? `${n}: ${v}\r\n` : write(n, v))).join('');
        fc.pre(reader.feed(`GET / HTTP/1.1\r\n${lines}\r\nbody`, DEFAULT_LIMITS) === COMPLETE);
        const without = [...names, ...fields.slice(0, 2).map(([n]) => n)].map((n) => n.toLowerCase());
        const before = reader.headers.lines(null);
        const copy = reader.headers.with(added, without);
        const pairs = [...fields.filter(([n]) => !without.includes(n.toLowerCase())), ...added];
        assert.equal(copy.lines(null), pairs.map(([n, v]) => `${n}: ${v}\r\n`).join(''));
        assert.equal(copy.count, pairs.length);
        for (const [i, [n, v]] of pairs.entries()) assert.deepEqual([copy.name(i), copy.value(i)], [n, v]);
        assert.equal(reader.headers.lines(null), before);
      },
    ),
    { numRuns: 2000 },
  );
});

test('a block of pairs is like one that was read', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), fc.array(name), (pairs, skipped) => {
      const block = HeaderBlock.from(pairs);
      assert.equal(block.count, pairs.length);
      assert.equal(block.lines(null), pairs.map(([n, v]) => `${n}: ${v}\r\n`).join(''));
      const lower = new Set(skipped.map((text) => text.toLowerCase()));
      const kept = pairs.filter(([n]) => !lower.has(n.toLowerCase()));
      assert.equal(block.lines(new NameSet(skipped)), kept.map(([n, v]) => `${n}: ${v}\r\n`).join(''));
      for (const [i, [n, v]] of pairs.entries()) {
        assert.deepEqual([block.name(i), block.value(i), block.nameLength(i)], [n, v, n.length]);
        const values = pairs.filter(([other]) => other.toLowerCase() === n.toLowerCase()).map(([, each]) => each);
        assert.equal(block.get(n.toLowerCase()), values[0]);
        assert.deepEqual(block.all(n.toLowerCase()), values);
        assert.equal(block.joined(n.toLowerCase()), values.join(', '));
        if (block.id(i) !== Field.Other) assert.equal(block.valueOf(block.id(i)), values[0]);
      }
    }),
  );
  const block = HeaderBlock.from([['A', 'b']]);
  assert.deepEqual(
    [block.get('b'), block.joined('b'), block.valueOf(Field.Host), block.find('b')],
    [undefined, undefined, undefined, -1],
  );
});

test('a set of names holds known and unknown ones, and no neighbour', () => {
  const block = HeaderBlock.from([
    ['HOST', 'a'],
    ['X-One', 'b'],
    ['X-Two', 'c'],
    ['Hosts', 'd'],
  ]);
  const set = new NameSet(['host', 'x-ONE']);
  assert.deepEqual(
    [0, 1, 2, 3].map((i) => set.matches(block, i)),
    [true, true, false, false],
  );
});

test('a block is used again without a trace of its last fields', () => {
  const block = HeaderBlock.from([
    ['A', 'b'],
    ['C', 'd'],
  ]);
  block.remove(0);
  block.canonical = false;
  block.begin('E: f\r\n');
  assert.deepEqual([block.count, block.lines(null), block.touched, block.canonical], [0, '', false, true]);
  block.push(0, 1, 3, 4);
  assert.equal(block.lines(null), 'E: f\r\n');
});

test('a replaced field is forwarded with its new value, at its place, until the block is restored', () => {
  const block = HeaderBlock.from([
    ['A', '1'],
    ['Set-Cookie', 'a=1'],
    ['B', '2'],
    ['Set-Cookie', 'b=2'],
  ]);
  block.replace(1, 'a=1; Path=/');
  assert.equal(block.lines(null), 'A: 1\r\nSet-Cookie: a=1; Path=/\r\nB: 2\r\nSet-Cookie: b=2\r\n');
  assert.deepEqual([block.value(1), block.forwardedValue(1), block.forwardedValue(3)], ['a=1', 'a=1; Path=/', 'b=2']);
  assert.equal(block.removed(1), false);
  block.remove(1);
  assert.equal(block.lines(null), 'A: 1\r\nB: 2\r\nSet-Cookie: b=2\r\n');
  block.restore();
  assert.deepEqual([block.forwardedValue(1), block.removed(1)], ['a=1', false]);
  assert.equal(block.lines(null), 'A: 1\r\nSet-Cookie: a=1\r\nB: 2\r\nSet-Cookie: b=2\r\n');
});

test('a compacted block has the same fields, and takes more', () => {
  const block = HeaderBlock.from([
    ['Host', 'a'],
    ['X-B', 'c'],
  ]);
  block.replace(1, 'd');
  const before = [0, 1].map((i) => [block.name(i), block.forwardedValue(i), block.id(i)]);
  block.compact();
  assert.deepEqual(
    [0, 1].map((i) => [block.name(i), block.forwardedValue(i), block.id(i)]),
    before,
  );
  block.settle(`${block.text}E: f\r\n`);
  block.push(17, 18, 20, 21);
  assert.deepEqual([block.count, block.name(2), block.value(2)], [3, 'E', 'f']);
});
