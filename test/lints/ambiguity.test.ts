/** How the time to match may grow, against what is known and against the engine itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MatchFailed } from '../../src/config/pcre/match-failed.js';
import { compileProgram } from '../../src/config/pcre/program.js';
import { search } from '../../src/config/pcre/search.js';
import { growthOf } from '../../src/lints/engine/ambiguity.js';
import { treeOf } from '../../src/lints/engine/regex.js';

function growth(pattern: string): string {
  const tree = treeOf(pattern);
  assert.ok(tree !== null, pattern);
  const found = growthOf(tree);
  return found === null ? 'square at most' : found.kind === 'exponential' ? 'exponential' : `degree ${found.degree}`;
}

/** With the bytes that show it: a beginning, a loop, and an end that does not match. */
const EXPONENTIAL: readonly (readonly [string, string, string, string])[] = [
  ['(a+)+$', '', 'a', '!'],
  ['(a|a)*$', '', 'a', '!'],
  ['^(a*)*b', '', 'a', '!b'],
  ['^([a-z]{1,3})+$', '', 'a', '!'],
  ['^(\\w|_)+x', '', '_', '!x'],
  ['^(\\w+\\s?)*$', '', 'a', '!'],
  ['^((ab)*)*c', '', 'ab', '!c'],
  ['^(a?b?)*c', '', 'ab', '!c'],
  ['^(a{2,3}){2,}$', '', 'aa', '!'],
  ['(x+x+)+y', '', 'x', '!y'],
  ['^(\\d+|\\d+\\.\\d+)+$', '', '11', '!'],
  ['^(aa|aaa)+$', '', 'aaa', '!'],
  ['^/(?:ab|a|b)+c', '/', 'ab', '!c'],
];

for (const [pattern, beginning, loop, end] of EXPONENTIAL) {
  test(`${pattern} takes exponential time`, () => {
    assert.equal(growth(pattern), 'exponential');
    // Seen in the matcher as well: 80 bytes take more than a million steps.
    const tree = treeOf(pattern);
    assert.ok(tree !== null);
    const text = beginning + loop.repeat(80 / loop.length) + end;
    assert.throws(() => search(compileProgram(tree), text, 1_000_000), MatchFailed);
  });
}

for (const [pattern, expected] of [
  ['(.*)(.*)(.*)x', 'degree 4'],
  ['^(.*)/(.*)/(.*)$', 'degree 3'],
  ['(.+)/(.+)\\.php', 'degree 3'],
  ['^/(.*)/(.*)$', 'square at most'],
  ['\\s+$', 'square at most'],
  ['(.*)*', 'square at most'],
  ['^(a+)+', 'square at most'],
  ['^(a|b)*c', 'square at most'],
  ['^([^/]+/)*x$', 'square at most'],
  ['^(?:/(?:[^/.][^/]*/)*)?$', 'square at most'],
  ['^(\\.[^.]+)+\\.x$', 'square at most'],
  ['^/(?:a|ab)(?:c|bcd)(?:d*)$', 'square at most'],
  ['^/[0-9a-f]{8}-[0-9a-f]{4}$', 'square at most'],
  ['\\.(?:jpe?g|png|gif)(?:\\?.*)?$', 'square at most'],
] as const) {
  test(`${pattern} grows: ${expected}`, () => assert.equal(growth(pattern), expected));
}
