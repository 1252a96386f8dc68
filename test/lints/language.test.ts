/** The automaton of a regular expression, against the engine that serves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { includes, intersects, Language, matchesAny } from '../../src/lints/engine/language.js';
import { expressionOf, treeOf } from '../../src/lints/engine/regex.js';
import { StepBudget } from '../../src/lints/engine/step-budget.js';

const PATTERNS = [
  '^/a',
  'a$',
  '^/(a|b)*$',
  '\\.(?:ab|b)$',
  '^/a{2,3}b?/',
  '(^|/)\\.b',
  '^/?$',
  '/b(/|$)',
  '^/[^/]+/[ab.]*$',
  'b.a',
  '^/a+?b',
  '^$|^/a$',
  '(?:a|^)b',
  '^/(?:a{0,2}|b+)/$',
];

function languageOf(pattern: string): Language {
  const tree = treeOf(pattern);
  const language = tree === null ? null : Language.of(tree);
  assert.ok(language !== null, pattern);
  return language;
}

test('an automaton matches what the engine matches', () => {
  const text = fc.array(fc.constantFrom(...'/ab.'), { maxLength: 10 }).map((letters) => letters.join(''));
  fc.assert(
    fc.property(fc.constantFrom(...PATTERNS), text, (pattern, subject) => {
      const language = languageOf(pattern);
      let at = language.start();
      for (const letter of subject) at = language.after(at, letter.charCodeAt(0));
      assert.equal(at.matchedAtEnd, expressionOf(pattern)?.test(subject), `${pattern} on ${subject}`);
    }),
    { numRuns: 2000 },
  );
});

test('one expression is found to match all that another does', () => {
  const covers = (outer: string, inner: string) =>
    includes(languageOf(outer), languageOf(inner), new StepBudget(10_000));
  assert.ok(covers('\\.js$', '^/static/.*\\.js$'));
  assert.ok(!covers('^/static/.*\\.js$', '\\.js$'));
  assert.ok(covers('^/', 'x'));
  assert.ok(covers('^/.*$', '^/a'));
  assert.ok(!covers('^/.+$', '^/'));
  assert.ok(covers('\\.(?:gif|jpe?g)$', '^/(?:a|b)+\\.(?:jpg|jpeg)$'));
  assert.ok(!covers('\\.(?:gif|jpg)$', '^/a\\.(?:jpg|jpeg)$'));
  assert.ok(intersects(languageOf('^/a'), languageOf('b$'), new StepBudget(10_000)));
  assert.ok(!intersects(languageOf('^/a'), Language.prefix('/b'), new StepBudget(10_000)));
  assert.ok(!matchesAny(languageOf('^api/'), new StepBudget(10_000)));
  assert.ok(!matchesAny(languageOf('^/a\\?b=1'), new StepBudget(10_000)));
});

test('what is no automaton is left alone', () => {
  for (const pattern of ['(a)\\1', '/(?!a)b', '(?>a*)b', '\\ba']) {
    const tree = treeOf(pattern);
    assert.equal(tree === null ? null : Language.of(tree), null, pattern);
  }
});
