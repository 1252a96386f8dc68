/** Facts about a regular expression that are found without parsing all of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupCount, groupNames, treeOf } from '../../src/lints/engine/regex.js';

for (const pattern of [
  '^/(a)(b)$',
  '\\(a\\)(b)',
  '[(](a)',
  '[])(](a)',
  '[^])(](a)',
  '[[:alpha:](](a)',
  '(?:a)(?<n>b)',
  '(?P<n>b)(c)',
  "(?'N'b)",
  '(?=a)(b)',
  '(?!a)(b)(?<!c)',
  '(?<=a)(b)',
  '(?i)(a(b(c)))',
  'a\\\\(b)',
]) {
  test(`groups of ${pattern} are counted`, () => {
    const tree = treeOf(pattern);
    assert.ok(tree !== null);
    assert.equal(groupCount(pattern), tree.groups);
    assert.deepEqual(groupNames(pattern), [...tree.names]);
  });
}
