import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHttpDate, parseHttpDate } from '../../src/http/http-date.js';

const TIME = 784111777;

test('the three forms of a date are the same time', () => {
  assert.equal(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT'), TIME);
  assert.equal(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT'), TIME);
  assert.equal(parseHttpDate('Sun Nov  6 08:49:37 1994'), TIME);
});

test('what is written is read back', () => {
  for (const seconds of [0, 1, TIME, 951782400, 2147483648, 4107542400]) {
    assert.equal(parseHttpDate(formatHttpDate(seconds)), seconds);
  }
});

test('each month is told apart', () => {
  for (let month = 0; month < 12; month++) {
    const seconds = Date.UTC(2023, month, 28, 1, 2, 3) / 1000;
    assert.equal(parseHttpDate(formatHttpDate(seconds)), seconds);
  }
});

test('the years of two digits are from 1970 to 2069', () => {
  assert.equal(parseHttpDate('Friday, 01-Jan-70 00:00:00 GMT'), 0);
  assert.equal(parseHttpDate('Sunday, 01-Jan-69 00:00:00 GMT'), Date.UTC(2069, 0, 1) / 1000);
});

test('what is no date is refused', () => {
  for (const text of [
    '',
    'wrong',
    'Sun, 06 Nov 1994',
    'Sun, 31 Apr 1994 08:49:37 GMT',
    'Sun, 29 Feb 1900 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Xov 1994 08:49:37 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    '784111777',
  ]) {
    assert.equal(parseHttpDate(text), -1, text);
  }
});

test('a leap day is a day', () => {
  assert.equal(parseHttpDate('Tue, 29 Feb 2000 00:00:00 GMT'), Date.UTC(2000, 1, 29) / 1000);
});
