/** Regular expressions and subjects at random, made of what PCRE2 and the parser know. */
import fc from 'fast-check';

const literal = fc.constantFrom('a', 'a', 'a', 'b', 'b', 'c', 'A', '/', '\\.', '-', '_', '1', '\xe9', '\\n', ' ', '%');
const single = fc.oneof(
  { arbitrary: literal, weight: 6 },
  fc.constantFrom(
    '.',
    '.',
    '\\d',
    '\\D',
    '\\w',
    '\\W',
    '\\s',
    '\\S',
    '\\h',
    '\\v',
    '\\N',
    '\\x61',
    '\\141',
    '\\C',
    '\\pL',
    '\\Qa.\\E',
  ),
  fc.constantFrom(
    '[ab]',
    '[^a]',
    '[^/]',
    '[a-c]',
    '[[:alpha:]]',
    '[^[:digit:]_]',
    '[\\w.-]',
    '[]a]',
    '[a]',
    '[^\\n]',
    '[\\d/]',
    '[A-Z]',
  ),
);
const assertion = fc.constantFrom('^', '$', '\\b', '\\B', '\\A', '\\z', '\\Z', '\\G', '\\R', '\\X', '\\K');
const quantifier = fc.oneof(
  { arbitrary: fc.constantFrom('*', '+', '?'), weight: 5 },
  fc.constantFrom('{2}', '{0,2}', '{1,3}', '{2,}', '{0}', '{1}', '{0,1}'),
);
const mode = fc.oneof({ arbitrary: fc.constant(''), weight: 5 }, fc.constantFrom('?', '+'));

const { pattern } = fc.letrec<{ pattern: string; branch: string; item: string; atom: string; group: string }>(
  (tie) => ({
    pattern: fc.array(tie('branch'), { minLength: 1, maxLength: 3 }).map((branches) => branches.join('|')),
    branch: fc.array(tie('item'), { minLength: 0, maxLength: 4 }).map((items) => items.join('')),
    item: fc.oneof(
      { arbitrary: fc.tuple(tie('atom'), quantifier, mode).map((parts) => parts.join('')), weight: 4 },
      { arbitrary: tie('atom'), weight: 5 },
      { arbitrary: assertion, weight: 1 },
    ),
    atom: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { arbitrary: single, weight: 5 },
      { arbitrary: tie('group'), weight: 3 },
    ),
    group: fc.oneof(
      { arbitrary: tie('pattern').map((inner) => `(${inner})`), weight: 6 },
      { arbitrary: tie('pattern').map((inner) => `(?:${inner})`), weight: 3 },
      tie('pattern').map((inner) => `(?>${inner})`),
      tie('pattern').map((inner) => `(?=${inner})`),
      tie('pattern').map((inner) => `(?!${inner})`),
      tie('pattern').map((inner) => `(?i:${inner})`),
      tie('pattern').map((inner) => `(?sm:${inner})`),
      tie('pattern').map((inner) => `(?|${inner})`),
      fc
        .array(single, { minLength: 1, maxLength: 3 })
        .map((items) => `(?<=${items.join('').replaceAll('\\Qa.\\E', 'a')})`),
      fc
        .array(single, { minLength: 1, maxLength: 2 })
        .map((items) => `(?<!${items.join('').replaceAll('\\Qa.\\E', 'a')})`),
      fc.constantFrom(
        '\\1',
        '\\2',
        '\\g{-1}',
        '(?1)',
        '(?R)',
        '(?2)',
        '(?(1)a|b)',
        '(?(2)b)',
        '(?(?=a)ab|c)',
        '(?(R)a|b)',
      ),
      fc.tuple(tie('pattern'), tie('pattern')).map(([test, inner]) => `(?(?!${test})${inner})`),
    ),
  }),
);

/** An expression in PCRE's notation, in latin1. Not all of them are valid. */
export const randomPattern: fc.Arbitrary<string> = fc.oneof(
  { arbitrary: pattern, weight: 8 },
  pattern.map((inner) => `^${inner}$`),
  pattern.map((inner) => `(?i)${inner}`),
  pattern.map((inner) => `(?m)${inner}`),
  fc.tuple(pattern, pattern).map(([one, other]) => `(${one})*(${other})+$`),
);

/** A subject of bytes that occur in the expressions. */
export const randomSubject: fc.Arbitrary<string> = fc.oneof(
  fc
    .array(fc.constantFrom('a', 'a', 'b', 'c', 'A', '/', '.', '-', '1', '\n', '\xe9', ' ', '\r', '_'), {
      maxLength: 14,
    })
    .map((bytes) => bytes.join('')),
  fc
    .tuple(
      fc.constantFrom('a', 'ab', '/a', 'aab', '1', 'a.'),
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom('', '!', 'b', '\n', '/'),
    )
    .map(([unit, times, end]) => unit.repeat(times) + end),
);
