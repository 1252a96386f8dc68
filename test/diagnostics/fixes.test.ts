import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Source } from '../../grammar/syntax-tree.js';
import type { Finding } from '../../src/diagnostics/finding.js';
import { applyFixes } from '../../src/diagnostics/fixes.js';

const conf: Source = { name: '/a', text: 'abcdef' };
const other: Source = { name: '/b', text: '123' };

/** A finding with edits [start, end, text] of `conf`. */
function wants(...edits: (readonly [number, number, string, Source?])[]): Finding {
  const at = { source: conf, start: 0, end: 1 };
  return {
    code: 'syntax',
    severity: 'error',
    message: '',
    at,
    fix: { title: '', edits: edits.map(([start, end, text, source = conf]) => ({ at: { source, start, end }, text })) },
  };
}

const applied = (...findings: readonly Finding[]) => {
  const { texts, applied: done } = applyFixes(findings, ({ name }) => (name.startsWith('/') ? name : null));
  return [Object.fromEntries(texts), done.length];
};

test('fixes that do not touch are applied together, in whatever order they are found', () => {
  assert.deepEqual(applied(wants([4, 5, 'E']), wants([0, 1, 'A']), wants([6, 6, '!'])), [{ '/a': 'AbcdEf!' }, 3]);
});

test('of fixes that overlap or touch, the first is applied', () => {
  assert.deepEqual(applied(wants([1, 3, 'X']), wants([2, 4, 'Y']), wants([3, 3, 'Z'])), [{ '/a': 'aXdef' }, 1]);
});

test('the same edit that two findings want is made once', () => {
  assert.deepEqual(applied(wants([0, 0, 'x;']), wants([0, 0, 'x;'])), [{ '/a': 'x;abcdef' }, 2]);
});

test('a fix is applied as a whole or not at all', () => {
  assert.deepEqual(applied(wants([0, 1, 'A']), wants([0, 1, 'B'], [4, 5, 'E'])), [{ '/a': 'Abcdef' }, 1]);
});

test('a fix may change several files', () => {
  assert.deepEqual(applied(wants([0, 1, 'A'], [0, 1, '0', other])), [{ '/a': 'Abcdef', '/b': '023' }, 1]);
});

test('a fix that is a guess is left to a person, and so is one in what is no file', () => {
  const guess = wants([0, 1, 'A']);
  const elsewhere: Source = { name: 'command line', text: 'x' };
  assert.deepEqual(
    applied({ ...guess, fix: { title: '', guess: true, edits: guess.fix?.edits ?? [] } }, wants([0, 1, '', elsewhere])),
    [{}, 0],
  );
});
