import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorLog } from '../../src/logging/error-log.js';
import { LocationSettings } from '../../src/program/settings.js';
import { SettingsKey } from '../../src/program/settings-key.js';

const errorLog: ErrorLog = { threshold: 7, write: () => {} };
const NUMBER = new SettingsKey<number>('number', 5);
const PAIR = new SettingsKey<{ readonly a: string | null; readonly b: number }>('pair', { a: null, b: 1 });

test('settings by key are those of their own location, initially those of the key', () => {
  const [one, two] = [new LocationSettings(errorLog), new LocationSettings(errorLog)];
  one.set(NUMBER, 7);
  one.set(PAIR, { a: 'x', b: 1 });
  assert.deepEqual([one.get(NUMBER), one.get(PAIR)], [7, { a: 'x', b: 1 }]);
  assert.deepEqual([two.get(NUMBER), two.get(PAIR)], [5, { a: null, b: 1 }]);
});

test('values that are the same as the initial ones use no memory', () => {
  const settings = new LocationSettings(errorLog);
  settings.set(NUMBER, 5);
  settings.set(PAIR, { a: null, b: 1 });
  assert.equal(settings.get(PAIR), PAIR.initial);
});

test('an initial value replaces another one', () => {
  const settings = new LocationSettings(errorLog);
  settings.set(PAIR, { a: 'x', b: 2 });
  settings.set(PAIR, PAIR.initial);
  assert.equal(settings.get(PAIR), PAIR.initial);
});
