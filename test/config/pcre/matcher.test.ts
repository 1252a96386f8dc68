import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Expression } from '../../../src/config/pcre/expression.js';
import { MatchFailed } from '../../../src/config/pcre/matcher.js';
import { parsed } from '../../../src/config/pcre/parser.js';
import { compileProgram } from '../../../src/config/pcre/program.js';
import { search } from '../../../src/config/pcre/search.js';
import { Mistake } from '../../../src/config/pcre/syntax.js';
import { translate } from '../../../src/config/pcre/translate.js';
import { compare } from './agreement.js';
import { hasPcre2test } from './pcre2test.js';
import { randomPattern, randomSubject } from './random-pattern.js';

const skip = hasPcre2test() ? false : 'pcre2test is not installed';

function expression(pattern: string, caseless = false): Expression {
  const result = translate(pattern, caseless);
  assert.ok('pattern' in result, pattern);
  return new Expression(result.pattern);
}

test('random expressions find what PCRE2 finds, and reach the limit where it does', { skip }, () => {
  const questions = fc
    .sample(fc.record({ pattern: randomPattern, subject: randomSubject, caseless: fc.boolean() }), {
      numRuns: 1500,
      seed: 17,
    })
    .filter(({ pattern }) => pattern !== '');
  const { compared, byV8, limited, differences } = compare(questions, 100);
  assert.deepEqual(differences, []);
  assert.ok(compared > 1000 && byV8 > 300 && limited > 0, `${compared} compared, ${byV8} by V8, ${limited} limited`);
});

test('notations that JavaScript does not know find what PCRE2 finds', { skip }, () => {
  const patterns = [
    '(a(?1)?b)',
    '^(\\((?:[^()]++|(?1))*\\))$',
    '(?|(a)|(b))\\1',
    '(a)?(?(1)b|c)',
    '(?<q>")?x(?(<q>)"|y)',
    'a\\Kb',
    '(?:(a)|b)*\\1',
    '(?:(a)|(b))*',
    '(a)|\\1b',
    '(?>ab|a)(c)',
    '((?i)a)\\1',
    '(?<n>a)\\g<n>b',
    '(?(DEFINE)(?<byte>25[0-5]|1?\\d\\d?))^(?&byte)\\.(?&byte)$',
    '(?(R)a|b)(?R)?c',
    '^(.|(.)(?1)\\2)$',
    '(?<=ab|c)x',
    '\\X\\C\\R',
    '(?:a??)*b',
    '(a*)*+b',
    '(?:|a)+b',
    '(?|(a)(b)|(c))(?1)',
    '(|_-)*([\\w.-]a?|\\X|(?(?!(b*\\.)(?2))))+$',
    '(\\d\\S{2,}b?)*(ba|b%)$',
    '(?:(a*)|)?b',
    '($)*||a',
    'xc|\\z(?>a(?R))*',
    '(\\b|a)*',
    '(a?|b){0,1}c',
  ];
  const subjects = [
    '',
    'a',
    'ab',
    'aabb',
    'bb',
    '(a(b)c)',
    '"x"',
    'xy',
    'acb',
    '25.255',
    'abcba',
    'cx',
    'abab',
    'a\r\n',
    'bbcc',
    'Aa',
    'cc',
  ];
  const questions = patterns.flatMap((pattern) => subjects.map((subject) => ({ pattern, subject })));
  const { compared, differences } = compare(questions, 100);
  assert.deepEqual(differences, []);
  assert.equal(compared, questions.length);
});

test('any expression over any subject finds something, nothing, or is given up', () => {
  const bytes = fc.oneof(randomPattern, fc.string({ unit: 'binary-ascii', maxLength: 20 }));
  const mutated = fc
    .tuple(bytes, fc.nat(), fc.constantFrom('', '(', ')', '*', '+?', '{3,}', '\\', '[', '(?', '|', '(?1)', '\\1'))
    .map(
      ([text, at, piece]) => text.slice(0, at % (text.length + 1)) + piece + text.slice((at % (text.length + 1)) + 1),
    );
  fc.assert(
    fc.property(mutated, randomSubject, fc.boolean(), (pattern, subject, caseless) => {
      const tree = parsed(pattern, caseless);
      if (tree instanceof Mistake) return;
      try {
        search(compileProgram(tree), subject, 20_000);
      } catch (error) {
        if (!(error instanceof MatchFailed)) throw error;
      }
    }),
    { numRuns: 3000 },
  );
});

const EXPONENTIAL: readonly (readonly [pattern: string, subject: string])[] = [
  ['^/(a+)+$', `/${'a'.repeat(40)}!`],
  ['^(a|a)*$', `${'a'.repeat(40)}!`],
  ['^(\\w+\\s?)+$', `${'a'.repeat(50)}!`],
  ['(?=(a+)+$)', `${'a'.repeat(40)}!`],
  ['^(?:(a)|\\1b|a)*$', `${'a'.repeat(40)}!`],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', `${'a'.repeat(60)}A`],
];

test('an expression that takes exponential time is given up at the limit', () => {
  for (const [pattern, subject] of EXPONENTIAL) {
    assert.throws(() => expression(pattern).exec(subject), { code: -47 }, pattern);
  }
});

test('an expression with a polynomial of a high degree is answered for long subjects', () => {
  const stars = expression('^/(.*)/(.*)/(.*)/(.*)\\.php$');
  assert.deepEqual([...(stars.exec('/a/b/c/d.php') ?? [])], ['/a/b/c/d.php', 'a', 'b', 'c', 'd']);
  assert.throws(() => stars.exec(`${'/x'.repeat(1500)}.ph`), MatchFailed);
  assert.equal(expression('a+b').exec('a'.repeat(30_000)), null);
  assert.equal(expression('.*a.*z').exec('a'.repeat(3_000)), null);
});

test('calls without end are found', () => {
  assert.throws(() => expression('(?R)').exec('a'), { code: -52 });
  assert.throws(() => expression('(a?(?1))').exec('a'), { code: -52 });
});

test('ordinary expressions are left to V8 at the lengths of ordinary subjects', () => {
  const ordinary: Record<string, number> = {
    '\\.php$': 8192,
    '^/api/(.*)$': 8192,
    '\\.(?:jpe?g|png|gif|css|js|woff2?)$': 8192,
    '^/user/(\\d+)/posts/(.+)$': 8192,
    '^/(?<name>[^/]+)/(?<rest>.*)$': 8192,
    '^(?:/[\\w-]+)+/?$': 8192,
    '^(?:www\\.)?(?<domain>.+)\\.example\\.com$': 1000,
    '^/(.*)/(.*)$': 1000,
    '(?:bot|crawler|spider)': 8192,
    '^/(?!static/)(.*)$': 8192,
  };
  for (const [pattern, length] of Object.entries(ordinary)) {
    const result = translate(pattern);
    assert.ok('pattern' in result && result.pattern.longest >= length, `${pattern}: ${JSON.stringify(result)}`);
  }
  for (const pattern of ['(a+)+$', '(?:a|a)*b', '^(?:\\w+\\s?)+$', '(?:a?){20}b', '^(a*)*$', '(?:.*,){12}P']) {
    const result = translate(pattern);
    assert.ok('pattern' in result && result.pattern.longest < 40, pattern);
  }
});
