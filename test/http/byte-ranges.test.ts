import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseByteRanges } from '../../src/http/byte-ranges.js';

const LENGTH = 1000;
const ranges = (value: string, max = -1, length = LENGTH) => {
  const parsed = parseByteRanges(`bytes=${value}`, length, max);
  return typeof parsed === 'string' ? parsed : parsed.map(({ start, end }) => `${start}-${end - 1}`).join(' ');
};

test('one range', () => {
  assert.equal(ranges('0-8'), '0-8');
  assert.equal(ranges('990-'), '990-999');
  assert.equal(ranges('990-1990'), '990-999');
  assert.equal(ranges('-10'), '990-999');
  assert.equal(ranges('-5000'), '0-999');
  assert.equal(ranges('  5 - 6  '), '5-6');
});

test('several ranges keep their order', () => {
  assert.equal(ranges('0-9, -10, 10-19'), '0-9 990-999 10-19');
  assert.equal(ranges('0-9,-10 ,100000-,10-19'), '0-9 990-999 10-19');
});

test('what no content has, or what is no range, cannot be satisfied', () => {
  for (const value of ['1000-', '5000-6000', '-0', 'alpha', '10-alpha', '10', '10-11 12-', '', '0-1,', '--5', '- 5']) {
    assert.equal(ranges(value), 'unsatisfiable', value);
  }
  assert.equal(ranges('9223372036854775808-'), 'unsatisfiable');
});

test('an empty content has no ranges to ask for', () => {
  assert.equal(ranges('0-', -1, 0), 'ignored');
  assert.equal(ranges('-5', -1, 0), 'ignored');
  assert.equal(ranges('1-', -1, 0), 'unsatisfiable');
});

test('ranges that add up to more than the content are ignored', () => {
  assert.equal(ranges('0-10001, 0-0'), 'ignored');
  assert.equal(ranges('0-499, 500-999'), '0-499 500-999');
});

test('parts whose heads outweigh what they save are ignored, unless a limit is set', () => {
  const many = Array.from({ length: 30 }, (_, i) => `${i * 2}-${i * 2}`).join(',');
  assert.equal(ranges(many), 'ignored');
  assert.notEqual(ranges(many, 100), 'ignored');
});

test('more ranges than allowed are ignored', () => {
  assert.equal(ranges('0-9, -10', 2), '0-9 990-999');
  assert.equal(ranges('0-9, -10, 10000-', 2), '0-9 990-999');
  assert.equal(ranges('0-9, -10, 10-19', 2), 'ignored');
});

test('every range that is answered lies within the content and is not empty', () => {
  const spec = fc.oneof(
    fc.tuple(fc.nat(3000), fc.nat(3000)).map(([a, b]) => `${a}-${b}`),
    fc.nat(3000).map((n) => `${n}-`),
    fc.nat(3000).map((n) => `-${n}`),
  );
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 6 }), fc.nat(2000), (specs, length) => {
      const parsed = parseByteRanges(`bytes=${specs.join(',')}`, length, -1);
      if (typeof parsed === 'string') return;
      for (const { start, end } of parsed) assert.ok(start >= 0 && start < end && end <= length);
      assert.ok(parsed.length === 1 || parsed.reduce((sum, { start, end }) => sum + end - start, 0) <= length);
    }),
  );
});
