// biome-ignore-all lint/suspicious/noTemplateCurlyInString: nginx writes its variables so
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as type from '../../src/config/argument-types.js';
import type { ArgumentType } from '../../src/config/directive.js';
import { parseBy } from './tiny-house.js';

function gives<T>(of: ArgumentType<T>, words: string, value: unknown): void {
  assert.deepEqual(parseBy(of, words), { value, findings: [] }, words);
}

function refuses<T>(of: ArgumentType<T>, words: string, sentence: string): void {
  const result = parseBy(of, words);
  assert.deepEqual(result.findings, [sentence], words);
  assert.equal(result.value, undefined);
}

test('a flag is on or off in any case', () => {
  gives(type.flag, 'on', true);
  gives(type.flag, 'OFF', false);
  refuses(type.flag, 'yes', 'invalid-value: invalid value "yes" in "probe" directive, it must be "on" or "off"');
});

test('a number is refused in nginx words', () => {
  gives(type.integer(), '7', 7);
  refuses(type.integer(), '7x', 'invalid-value: "probe" directive invalid number');
  refuses(type.integer({ min: 1 }), '0', 'invalid-value: value must be equal to or greater than 1');
  refuses(type.integer({ min: 1, max: 9 }), '10', 'invalid-value: value must be between 1 and 9');
});

test('sizes and times are numbers in bytes, milliseconds and seconds', () => {
  gives(type.size, '8k', 8192);
  gives(type.offset, '1g', 1_073_741_824);
  gives(type.milliseconds, '1m', 60_000);
  gives(type.seconds, '1m', 60);
  refuses(type.size, '1g', 'invalid-value: "probe" directive invalid value');
  refuses(type.milliseconds, '"1 2 3"', 'invalid-value: "probe" directive invalid value');
});

test('a choice is one of its words, in any case', () => {
  gives(type.choice('all', 'any'), 'ANY', 'any');
  refuses(type.choice('all', 'any'), 'none', 'invalid-value: invalid value "none"');
});

test('a bitmask is a set of words, and a repetition is warned about', () => {
  gives(type.bitmask('error', 'timeout'), 'timeout error', ['timeout', 'error']);
  assert.deepEqual(parseBy(type.bitmask('error', 'timeout'), 'error error'), {
    value: ['error'],
    findings: ['duplicate-value: duplicate value "error"'],
  });
});

test('too few and too many words are counted by the type', () => {
  const sentence = 'argument-count: invalid number of arguments in "probe" directive';
  refuses(type.none, 'x', sentence);
  refuses(type.text, 'x y', sentence);
  refuses(type.pair(type.text, type.flag), 'x', sentence);
  refuses(type.listOf(type.text, { max: 2 }), 'x y z', sentence);
  gives(type.none, '', true);
});

test('a sequence gives spare words to the first type that takes more', () => {
  const of = type.sequence(type.text, type.optional(type.integer()), type.listOf(type.flag));
  gives(of, 'x 1 on', ['x', 1, [true]]);
  gives(of, 'x on', ['x', null, [true]]);
  assert.equal(of.syntax, 'string [number] on | off ...');
});

test('a literal stands before another type', () => {
  gives(type.orOff(type.size), 'off', false);
  gives(type.orOff(type.size), '1k', 1024);
  gives(type.either('auto', type.integer()), 'auto', 'auto');
  refuses(type.either('auto', type.integer()), 'autos', 'invalid-value: "probe" directive invalid number');
});

test('a value is turned into another', () => {
  gives(
    type.mapped(type.milliseconds, (value) => ({ timeout: value })),
    '2s',
    { timeout: 2000 },
  );
});

test('a path starts from the directory of the file or from the prefix', () => {
  gives(type.path('conf'), 'mime.types', '/etc/nginx/mime.types');
  gives(type.path('conf'), '/abs', '/abs');
});

test('a template is a plain string, or pieces with variables in lower case', () => {
  gives(type.template, 'plain', 'plain');
  gives(type.template, '""', '');
  gives(type.template, '"$Host"', [{ variable: 'host' }]);
  gives(type.template, '"a${uri}b$1$2c$http_x_y-"', [
    'a',
    { variable: 'uri' },
    'b',
    { variable: '1' },
    { variable: '2' },
    'c',
    { variable: 'http_x_y' },
    '-',
  ]);
});

test('a broken variable is refused in nginx words', () => {
  refuses(type.template, 'a$', 'invalid-variable: invalid variable name');
  refuses(type.template, '"$-"', 'invalid-variable: invalid variable name');
  refuses(type.template, '"${host-}"', 'invalid-variable: the closing bracket in "host" variable is missing');
  refuses(type.template, '"${host"', 'invalid-variable: the closing bracket in "host" variable is missing');
  refuses(type.template, '"$nowhere"', 'unknown-variable: unknown "nowhere" variable');
  refuses(type.template, '"${1}"', 'unknown-variable: unknown "1" variable');
});

test('a named group of a pattern becomes a variable', () => {
  const { value, findings } = parseBy(type.sequence(type.pattern(), type.template), '"^/(?<Lang>[a-z]+)" "$lang"');
  assert.deepEqual(findings, []);
  assert.deepEqual(value, [
    {
      source: '^\\/(?<lang>[a-z]+)',
      flags: '',
      longest: 40_000_000,
      written: '^/(?<Lang>[a-z]+)',
      caseless: false,
      groups: 1,
      names: ['lang'],
      indexes: [1],
    },
    [{ variable: 'lang' }],
  ]);
});

test('a broken pattern is refused in nginx words, and one that cannot be had with its own code', () => {
  refuses(type.pattern(), '"a(b"', 'invalid-regex: pcre2_compile() failed: missing closing parenthesis in "a(b"');
  refuses(
    type.pattern(),
    '"*.php"',
    'invalid-regex: pcre2_compile() failed: quantifier does not follow a repeatable item in "*.php" at "*.php"',
  );
  const { findings } = parseBy(type.pattern(), '"a(*SKIP)b"');
  assert.match(findings[0] ?? '', /^untranslatable-regex: /);
});
