import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseInteger, parseMilliseconds, parseOffset, parseSeconds, parseSize } from '../../src/config/units.js';

test('a number is digits and nothing else', () => {
  assert.equal(parseInteger('0'), 0);
  assert.equal(parseInteger('0042'), 42);
  for (const text of ['', '-1', '+1', '1.5', ' 1', '1k', '9223372036854775808']) {
    assert.equal(parseInteger(text), null, text);
  }
});

test('a size is bytes, k or m; only an offset may be g', () => {
  assert.equal(parseSize('512'), 512);
  assert.equal(parseSize('8k'), 8192);
  assert.equal(parseSize('1M'), 1_048_576);
  assert.equal(parseOffset('2g'), 2_147_483_648);
  for (const text of ['1g', 'k', '', '1kb', '1.5m', '-1']) {
    assert.equal(parseSize(text), null, text);
  }
});

test('a time is numbers with units in descending order', () => {
  const milliseconds: Record<string, number | null> = {
    '60': 60_000,
    '0': 0,
    '500ms': 500,
    '1s500ms': 1500,
    '1m30s': 90_000,
    '1h 30m': 5_400_000,
    '1d': 86_400_000,
    '2w1d': 1_296_000_000,
    '1m30': 90_000,
    '1 ': 1000,
    '1y': null,
    '1M': null,
    '30s1m': null,
    '1m1m': null,
    '1ms1s': null,
    '': null,
    s: null,
    '-1s': null,
    '1.5s': null,
    '10sec': null,
  };
  for (const [text, value] of Object.entries(milliseconds)) {
    assert.equal(parseMilliseconds(text), value, text);
  }
});

test('counted in seconds, years and months are taken and milliseconds are not', () => {
  assert.equal(parseSeconds('1y'), 31_536_000);
  assert.equal(parseSeconds('1y2M'), 36_720_000);
  assert.equal(parseSeconds('90'), 90);
  assert.equal(parseSeconds('500ms'), null);
  assert.equal(parseSeconds('2M1y'), null);
});
