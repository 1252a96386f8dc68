import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codes } from '../../src/diagnostics/codes.js';
import { errnoText } from '../../src/diagnostics/errno.js';
import { editDistance, nearest } from '../../src/diagnostics/nearest.js';

test('the distance counts insertions, deletions, replacements and swaps', () => {
  assert.equal(editDistance('proxy_pas', 'proxy_pass', 3), 1);
  assert.equal(editDistance('lisetn', 'listen', 3), 1);
  assert.equal(editDistance('abc', 'abd', 3), 1);
  assert.equal(editDistance('', 'abc', 3), 3);
  assert.ok(editDistance('abc', 'vwxyz', 1) > 1);
});

test('the nearest name comes first, and what is far is not offered', () => {
  assert.deepEqual(nearest('proxy_pas', ['proxy_bind', 'proxy_pass', 'root']), ['proxy_pass']);
  assert.deepEqual(nearest('rot', ['root', 'set', 'roo']), ['roo', 'root']);
  assert.deepEqual(nearest('xyz', ['root', 'listen']), []);
});

test('system errors are worded as in the log of nginx', () => {
  const error = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', errno: -111 });
  assert.equal(errnoText(error), '111: Connection refused');
  assert.equal(errnoText(new Error('other')), 'other');
});

test('a code is words with hyphens, and has a story', () => {
  for (const [code, story] of Object.entries(codes)) {
    assert.match(code, /^[a-z]+(-[a-z0-9]+)*$/);
    assert.match(story, /^[A-Z"`n].{30,}\.$/s, code);
  }
});
