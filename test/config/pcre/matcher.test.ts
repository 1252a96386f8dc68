import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Expression } from '../../../src/config/pcre/expression.js';
import { MatchFailed } from '../../../src/config/pcre/match-failed.js';
import { Attempt } from '../../../src/config/pcre/matcher.js';
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

test('calls that contain themselves find, or recurse without end, where PCRE2 does', { skip }, () => {
  const patterns = [
    'S|((?1))',
    '((?1))|S',
    'S|((?1)|b)',
    'S|(?:(?R)a|b)',
    '(?1)(?(DEFINE)(ab))',
    'x(?1)(?(DEFINE)(ab))|abcd',
    '(a(?2)|b)((?1)c|dd)',
    'aa|(?1)+(b(?1)|)',
    'aa|(b(?1)+)',
    'aa|(b(?1)++)',
    'aa|(b(?1){2})',
    'aa|(b(?1){2,})',
    'aa|(b(?:c(?1)))',
    'aa|(?(?=b)b(?R)|cc(?R))',
    '((?2)(?2)|aaa)((?1)|bb)',
    '(?>aa|b(?R))c|dddd',
    '(?|(a)|(b(?1)))',
    'ab|((?2))((?1))',
    '\\.(((?1))\\.)',
    'b(|((?1))b?)(b|(?1))',
  ];
  const subjects = ['', '.', 'a.', 'a', 'b', 'ab', 'bb', 'aab', 'xab', 'S', 'aaaa', 'bbbb', 'dd'];
  const questions = patterns.flatMap((pattern) => subjects.map((subject) => ({ pattern, subject })));
  const { compared, declared, differences } = compare(questions);
  assert.deepEqual([compared, declared, differences], [questions.length, 0, []]);
});

test('an anchored expression calls itself without end although a byte that follows is missing, as in PCRE2', {
  skip,
}, () => {
  const patterns = [
    '^(?R)b',
    '^(?R)b(|-)+?$',
    '^a?(?R)b',
    '^a{2}(?R)b',
    '^a(?R)a+b',
    '^(?:a|b+)(?R)c',
    '^(?R)(?:b|b)a*',
    '^(?R)(?:a*b|b)',
    '(?R)b',
    '^(?:(?=a*)(?R)b)',
  ];
  const subjects = ['', 'a', 'b', 'aa', 'ab', 'aab', '-'];
  const questions = patterns.flatMap((pattern) => subjects.map((subject) => ({ pattern, subject })));
  const { compared, differences } = compare(questions);
  assert.deepEqual(differences, []);
  assert.equal(compared, questions.length);
  assert.throws(() => expression('^(?R)b').exec('a'), { code: -52 });
  assert.equal(expression('^a?(?R)b').exec('a'), null);
});

test('a repeated type gives nothing back before the end of a line, as in PCRE2', { skip }, () => {
  const patterns = [
    '(?m)(\\w+$-)*c',
    '(?m)(?:\\w*$)*-',
    '(?m)(?:[a-c]+$)*-',
    '(?m)(?:a+$)*-',
    '(?m)(?:\\d+?$)*-',
    '(?m)(?:\\s+$)*-',
    '(?m)(?:\\S+$|b)*-',
    '(?m)(?:\\D+$|b)*-',
    '\\w+(?sm:(?|$)-)?+\\B',
  ];
  const subjects = ['', 'a', 'aa', 'a\na', '1', '11', '  ', ' \n ', 'aab'.repeat(12), `${'a'.repeat(20)}\n`];
  const questions = patterns.flatMap((pattern) => subjects.map((subject) => ({ pattern, subject })));
  assert.deepEqual(compare(questions, 200).differences, []);
});

test('a possessive group that is repeated once is atomic, as in PCRE2', { skip }, () => {
  const patterns = [
    '^(|a){1}+$',
    '^(a|ab){1}+c',
    '^(?:(a)|(ab)){1}+c',
    '^(a|ab)(?1){1}+c',
    '^(?(?=a)a|ab){1}+c',
    '^(?=a|b){1}+a',
    '^a{1}+b',
    '^(a|(|.*\\.){1}+)*$',
  ];
  const subjects = ['', 'a', 'abc', 'aaabc', 'a.a.'];
  const questions = patterns.flatMap((pattern) => subjects.map((subject) => ({ pattern, subject })));
  assert.deepEqual(compare(questions).differences, []);
  assert.equal(expression('^(a|ab){1}+c').exec('abc'), null);
});

test('a repetition before an atomic group that may be empty gives nothing back, as in PCRE2', { skip }, () => {
  const patterns = [
    'a?(?>|b)a',
    'a?(?>b|)a',
    'a?(?>b?)a',
    'a?(?:|b)?+a',
    'a?((?:|b){2})++a',
    'a?(?>c(?>|b))a',
    '(a+(|b){2}+)*(?!)',
    '((|a?(b){0,1}+)\\w.)*c',
  ];
  const subjects = ['a', 'aa', 'ab', 'aba', 'aca', 'a'.repeat(30), 'aab'.repeat(12)];
  const questions = patterns.flatMap((pattern) => subjects.map((subject) => ({ pattern, subject })));
  assert.deepEqual(compare(questions, 200).differences, []);
  assert.equal(expression('a?(?>|b)a').exec('a'), null);
});

test('a repeated lookaround reaches the limit where PCRE2 does', { skip }, () => {
  const patterns = [
    '(([\\w](?=)+)*A)*',
    '(\\w(?=)*)*A',
    '(\\w(?=){0,3})*A',
    '(\\w(?=){2,4})*A',
    '(\\w(?=(.))+?)*A',
    '(\\w(?!z)*+)*A',
    '(?:(?=(a))+\\w)+\\1b',
  ];
  const subjects = ['abab', 'ab'.repeat(6), 'ab'.repeat(16)];
  const questions = patterns.flatMap((pattern) => subjects.map((subject) => ({ pattern, subject })));
  const { limited, differences } = compare(questions, 200);
  assert.deepEqual(differences, []);
  assert.ok(limited > 0);
});

test('groups set only during a call are not set after it', { skip }, () => {
  const found = expression('(?1)(?:x(()b)|())').exec('b');
  assert.deepEqual([...(found ?? [])], ['b', undefined, undefined, '']);
  const questions = [
    '(?1)(?:x(()b)|())',
    '(?1)(?:x(()b)())?()',
    '(?1)(?(?!(()[^a])|()))',
    '(?2)(z)?(?:y(()b)|(b?))',
  ].map((pattern) => ({ pattern, subject: 'b' }));
  assert.deepEqual(compare(questions).differences, []);
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

test('failures that are remembered change neither what is found nor how many steps that takes', () => {
  let remembered = 0;
  const outcome = (pattern: string, subject: string, rememberAfter: number): string => {
    const tree = parsed(pattern, false);
    if (tree instanceof Mistake) return '';
    const program = compileProgram(tree);
    if (program.repeatable !== null && rememberAfter === 0) remembered++;
    const attempt = new Attempt(program, Buffer.from(subject, 'latin1'), subject.length, rememberAfter);
    const steps: number[] = [];
    try {
      for (let start = 0; start <= subject.length; start++) {
        if (attempt.matches(start, 100_000))
          return `${attempt.registers.subarray(0, 2 * (program.groups + 1))} ${steps}`;
        steps.push(attempt.steps);
      }
    } catch (error) {
      return `${error} ${steps}`;
    }
    return `nothing ${steps}`;
  };
  const agrees = (pattern: string, subject: string): void => {
    assert.equal(
      outcome(pattern, subject, 0),
      outcome(pattern, subject, Number.POSITIVE_INFINITY),
      `${pattern} ${subject}`,
    );
  };
  fc.assert(fc.property(randomPattern, randomSubject, agrees), { numRuns: 3000, seed: 5 });
  assert.ok(remembered > 1000);
  const patterns = [
    '^(a+)+$',
    '^(a*)*$',
    '^(a*?)*?b',
    '^(a|aa|aaa)+$',
    '^(?:(a?b?){2,5}c?)+$',
    '^(?:(a|b?){3,}){1,4}c',
    '(?>a+|b)+(a|b)+c',
    '^((a|ab)*b?)*c',
    '((a|b)*?(?:ab){0,3})+$',
    '(?:(?=(a|b)+(a|aa)+!)(a|b))+$',
    '(?:(?!(a|aa)+b(a|b)*!)(a|b))+$',
    '(?:(a|b)+?(?<=ab|b|aa)(?<!(?:a|b)b))+!c',
  ];
  for (const pattern of patterns)
    for (const subject of ['aaaaaaaaa!', 'abababab!', 'aabbaabb', 'abcabcab!']) agrees(pattern, subject);
});

test('an expression that takes exponential or polynomial time reaches the limit at once', () => {
  const questions = [
    ['^/(a+)+$', `/${'a'.repeat(40)}!`],
    ['^/(a+)+$', `/${'a'.repeat(3000)}!`],
    ['^/(.*)/(.*)/(.*)/(.*)\\.php$', `/${'/'.repeat(3000)}.ph`],
    ['^/(?:\\w+\\s?)+$', `/${'a'.repeat(40)}!`],
    ['(x+x+)+y', 'x'.repeat(5000)],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(5000)],
    ['^(?=(a+)+$)a', `${'a'.repeat(40)}!`],
    ['^(?!(a+)+$).*(?:b|b)', `${'a'.repeat(40)}!b`],
    ['^(a|a|b?){30,}$', `${'a'.repeat(60)}!`],
  ] as const;
  for (const [pattern, subject] of questions) {
    const tree = parsed(pattern, false);
    assert.ok(!(tree instanceof Mistake));
    const program = compileProgram(tree);
    search(program, subject.slice(0, 8));
    // CPU time of this process: others do not count.
    const before = process.cpuUsage();
    assert.throws(() => search(program, subject), MatchFailed, pattern);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 100_000, `${pattern}: ${user + system} µs`);
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
