import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  beginFunction,
  describedIn,
  endFunction,
  forgetIdleFunction,
  functionRecord,
  functionWaits,
  RECORD_SIZE,
  runningFunction,
  writeFunctionRecords,
} from '../../src/program/last-function.js';

const written: string[] = [];
const a = functionRecord('a');
const b = functionRecord(`b ${'x'.repeat(2 * RECORD_SIZE)}`);

test('a record is written when another function is called, and again when the outer one continues', (t) => {
  writeFunctionRecords((record) => void written.push(describedIn(record).slice(0, 1)));
  t.after(() => writeFunctionRecords(() => {}));
  for (let i = 0; i < 3; i++) endFunction(beginFunction(a));
  assert.deepEqual(written.splice(0), ['a']);
  const outer = beginFunction(a);
  assert.equal(runningFunction(), a);
  const inner = beginFunction(b);
  endFunction(inner);
  assert.equal(runningFunction(), a);
  endFunction(outer);
  assert.equal(runningFunction(), null);
  assert.deepEqual(written.splice(0), ['b', 'a']);
  assert.equal(describedIn(b).length, RECORD_SIZE);

  forgetIdleFunction();
  assert.deepEqual(written.splice(0), [], 'it has run since the last call');
  const end = functionWaits();
  forgetIdleFunction();
  assert.deepEqual(written.splice(0), [], 'a promise is pending');
  end();
  end();
  forgetIdleFunction();
  forgetIdleFunction();
  assert.deepEqual(written.splice(0), [''], 'removed once');
  endFunction(beginFunction(a));
  assert.deepEqual(written.splice(0), ['a']);
});

test('a record that cannot be written is no error', (t) => {
  writeFunctionRecords(() => {
    throw new Error('no space');
  });
  t.after(() => writeFunctionRecords(() => {}));
  endFunction(beginFunction(b));
});
