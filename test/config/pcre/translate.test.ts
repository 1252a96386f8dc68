import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Expression } from '../../../src/config/pcre/expression.js';
import { translate } from '../../../src/config/pcre/translate.js';

/** A pattern with subjects and what they match: the whole match and the groups, or null. */
type Case = readonly [pattern: string, subject: string, match: readonly (string | undefined)[] | null];

/** Asks the matcher, and V8 where there is a translation. */
function expectAll(cases: readonly Case[], caseless = false): void {
  for (const [pattern, subject, expected] of cases) {
    const result = translate(pattern, caseless);
    assert.ok('pattern' in result, `${pattern}: ${'mistake' in result ? result.mistake.message : ''}`);
    const what = `${pattern} over ${JSON.stringify(subject)}`;
    assert.deepEqual(new Expression({ ...result.pattern, source: null }).exec(subject), expected, what);
    if (result.pattern.source === null) continue;
    const match = new Expression(result.pattern).exec(subject);
    assert.deepEqual(match === null ? null : [...match], expected, `${what} in V8`);
  }
}

function refusal(pattern: string, caseless = false): { message: string; at: number; untranslatable: boolean } {
  const result = translate(pattern, caseless);
  assert.ok('mistake' in result, pattern);
  return result.mistake;
}

test('an expression is translated once while a configuration is read, and nothing is left of it afterwards', async () => {
  const first = translate('^/once/(\\d+)$', false);
  assert.equal(translate('^/once/(\\d+)$', false), first);
  assert.notEqual(translate('^/once/(\\d+)$', true), first);
  await setImmediate();
  const again = translate('^/once/(\\d+)$', false);
  assert.notEqual(again, first);
  assert.deepEqual(again, first);
});

test('a dollar holds before a last line break too', () => {
  expectAll([
    ['\\.php$', '/a.php', ['.php']],
    ['\\.php$', '/a.php\n', ['.php']],
    ['\\.php$', '/a.php\n\n', null],
    ['\\.php\\Z', '/a.php\n', ['.php']],
    ['\\.php\\z', '/a.php\n', null],
    ['\\Aa', 'ba', null],
    ['(?m)^b$', 'a\nb\nc', ['b']],
  ]);
});

test('classes hold the bytes that PCRE has in them', () => {
  expectAll([
    ['\\s', '\xa0', null],
    ['\\h', '\xa0', ['\xa0']],
    ['.', '\r', ['\r']],
    ['.', '\n', null],
    ['(?s).', '\n', ['\n']],
    ['[[:alpha:]_]+', '12ab_3', ['ab_']],
    ['[[:^digit:]]+', '12ab', ['ab']],
    ['[]a]+', 'x]a', [']a']],
    ['[^]a]+', ']xa', ['x']],
    ['[\\w.-]+', '/a.b-c/', ['a.b-c']],
    ['[\\b]', '\x08', ['\x08']],
    ['\\pL+', '1\xe9a', ['\xe9a']],
    ['\\x41\\x{42}\\103\\o{104}', 'ABCD', ['ABCD']],
    ['\\Qa.b\\E+', 'a.bb', ['a.bb']],
  ]);
});

test('letters beyond ASCII have no case', () => {
  expectAll(
    [
      ['a\xe9', 'A\xe9', ['A\xe9']],
      ['a\xe9', 'A\xc9', null],
      ['[^a]', 'A', null],
    ],
    true,
  );
});

test('options hold from where they stand to the end of their group', () => {
  expectAll([
    ['(?i)abc', 'ABC', ['ABC']],
    ['a(?i)b|c', 'aB', ['aB']],
    ['a(?i)b|c', 'C', ['C']],
    ['(?:(?i)a)b', 'AB', null],
    ['(?i:a)b', 'Ab', ['Ab']],
    ['(?x) a b # c', 'ab', ['ab']],
    ['(?U)a+', 'aaa', ['a']],
    ['(?n)(a)(?<x>b)', 'ab', ['ab', 'b']],
  ]);
});

test('all three notations of named groups and references are known', () => {
  for (const pattern of ['(?<n>a)\\k<n>', "(?'n'a)\\k'n'", '(?P<n>a)(?P=n)', '(?<n>a)\\g{n}', '(a)\\g{-1}', '(a)\\1']) {
    expectAll([[pattern, 'aa', ['aa', 'a']]]);
  }
});

test('braces that are no quantifier are literal', () => {
  expectAll([
    ['a{x}', 'a{x}', ['a{x}']],
    ['a{,2}', 'a{,2}', ['a{,2}']],
    ['{', '{', ['{']],
    ['^/[0-9]{3}$', '/123', ['/123']],
  ]);
});

test('what is possessive or atomic gives nothing back', () => {
  expectAll([
    ['[^/]++/(.*)', 'ab/c', ['ab/c', 'c']],
    ['a*+a', 'aaa', null],
    ['"[^"]*+"', '"a"', ['"a"']],
    ['\\R\\n', '\r\n', null],
    ['\\R\\n', '\r\n\n', ['\r\n\n']],
  ]);
  expectAll([
    ['(?>a|ab)c', 'abc', null],
    ['(x)(?>a|ab)c', 'xac', ['xac', 'x']],
  ]);
});

test('in UTF mode a character may be many bytes', () => {
  const text = (characters: string) => Buffer.from(characters, 'utf8').toString('latin1');
  expectAll([
    [text('(*UTF8)^.$'), text('é'), [text('é')]],
    [text('^.$'), text('é'), null],
    [text('(*UTF)^é+$'), text('éé'), [text('éé')]],
    [text('(*UTF)^[^aé]$'), text('é'), null],
    [text('(*UTF)^[^aé]$'), text('ü'), [text('ü')]],
    [text('(*UTF)[é€]'), text('x€'), [text('€')]],
  ]);
});

test('a comment and (*F) are read', () => {
  expectAll([
    ['a(?#not this)b', 'ab', ['ab']],
    ['a(*F)|b', 'ab', ['b']],
  ]);
});

test('what PCRE2 refuses is refused in its words, at its place', () => {
  const mistakes: Record<string, readonly [string, number]> = {
    'a(b': ['missing closing parenthesis', 3],
    'a)': ['unmatched closing parenthesis', 1],
    '[a': ['missing terminating ] for character class', 2],
    '*.php': ['quantifier does not follow a repeatable item', 0],
    'a**': ['quantifier does not follow a repeatable item', 2],
    'a{2}{3}': ['quantifier does not follow a repeatable item', 6],
    'a{3,2}': ['numbers out of order in {} quantifier', 5],
    '[z-a]': ['range out of order in character class', 3],
    '[\\w-.]': ['invalid range in character class', 3],
    '[[:foo:]]': ['unknown POSIX class name', 3],
    '\\2(a)': ['reference to non-existent subpattern', 1],
    '(?<n>a)(?<n>b)': ['two named subpatterns have the same name (PCRE2_DUPNAMES not set)', 12],
    '(?<1a>b)': ['subpattern name must start with a non-digit', 3],
    '(?<=a+)b': ['lookbehind assertion is not fixed length', 0],
    '(?z)': ['unrecognized character after (? or (?-', 2],
    '\\': ['\\ at end of pattern', 1],
    '\\y': ['unrecognized character follows \\', 1],
    '\\u0041': ['PCRE2 does not support \\F, \\L, \\l, \\N{name}, \\U, or \\u', 2],
  };
  for (const [pattern, [message, at]] of Object.entries(mistakes)) {
    assert.deepEqual({ ...refusal(pattern), from: 0 }, { message, at, from: 0, untranslatable: false }, pattern);
  }
});

test('what only PCRE has and the parser does not know is refused with the reason', () => {
  const patterns = ['(*UCP)\\w', '(*COMMIT)a', '(?J)(?<n>a)|(?<n>b)', '(?xx)[a b]'];
  for (const pattern of patterns) {
    assert.equal(refusal(pattern).untranslatable, true, pattern);
  }
});

test('what JavaScript cannot do exactly has no translation', () => {
  const patterns = [
    '(?R)?',
    '(a)(?1)',
    '(?|(a)|(b))',
    '(a)?(?(1)a|b)',
    'a\\Kb',
    '(a)|\\1b',
    '(?>ab|a)(c)',
    '(?:a??)*',
    '(?:(a)|b)+',
  ];
  for (const pattern of patterns) {
    const result = translate(pattern, false);
    assert.ok('pattern' in result, pattern);
    assert.equal(result.pattern.source, null, pattern);
  }
});
