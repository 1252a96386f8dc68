import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lexer } from '../../grammar/chevrotain.js';
import { isStatement, parse, type Quote, type Statement } from '../../grammar/index.js';
import { TOKEN_TYPES } from '../../grammar/lexer.js';
import { ConfigurationParser } from '../../grammar/parser.js';

function parseText(text: string) {
  return parse({ name: 'test.conf', text });
}

function statements(text: string): Statement[] {
  const tree = parseText(text);
  assert.deepEqual(
    tree.mistakes.map((mistake) => mistake.message),
    [],
    text,
  );
  return tree.items.filter(isStatement);
}

/** The values of all words of the only statement of a text. */
function values(text: string): string[] {
  const [statement, ...others] = statements(text);
  assert.ok(statement);
  assert.equal(others.length, 0, text);
  return [statement.name.text, ...statement.args.map((word) => word.text)];
}

const ACCEPTED: readonly (readonly [fact: string, text: string, values: readonly string[]])[] = [
  ['space, tab, CR and LF part words', 'a \t\r\n b\tc\nd;', ['a', 'b', 'c', 'd']],
  ['a form feed and a no-break space are plain characters', 'a\f b\xa0c;', ['a\f', 'b\xa0c']],
  ['double quotes hold spaces and structure', 'a "b c;{}#";', ['a', 'b c;{}#']],
  ['single quotes hold spaces and structure', "a 'b c;{}#';", ['a', 'b c;{}#']],
  ['the other quote is plain inside quotes', `a "it's" 'say "x"';`, ['a', "it's", 'say "x"']],
  ['a quote inside a word is plain', `a b"c d'e;`, ['a', 'b"c', "d'e"]],
  ['quotes may hold line breaks', 'a "b\nc";', ['a', 'b\nc']],
  ['quotes may be empty', `a "" '';`, ['a', '', '']],
  ['the name of a directive may be quoted', '"a" b;', ['a', 'b']],
  ['escaped quotes and backslashes lose their backslash', String.raw`a "\"\'\\" \"x\';`, ['a', `"'\\`, `"x'`]],
  ['\\t, \\r and \\n become control characters', String.raw`a x\ty\rz\n "\t";`, ['a', 'x\ty\rz\n', '\t']],
  [
    'every other backslash stays',
    String.raw`a ^/\d+\.php$ "\w\;" b\ c \;x;`,
    ['a', String.raw`^/\d+\.php$`, String.raw`\w\;`, String.raw`b\ c`, String.raw`\;x`],
  ],
  ['a backslash keeps a space, brace or semicolon in the word', 'a b\\{c\\;d\\}e;', ['a', 'b\\{c\\;d\\}e']],
  ['variables in braces are part of a word', 'a ${b} c${d}e "${f}g";', ['a', '${b}', 'c${d}e', '${f}g']],
  ['any number of braces may follow a dollar', 'a ${{{b;', ['a', '${{{b']],
  ['a dollar at the end is plain', 'a b$ $;', ['a', 'b$', '$']],
  ['# inside a word is plain', 'a b#c "#d" #e\n;', ['a', 'b#c', '#d']],
  ['} inside a word is plain', 'a b}c d};', ['a', 'b}c', 'd}']],
  ['a comment may stand between words', 'a # b; {\n c;', ['a', 'c']],
  [') after a closing quote begins a word', 'if ($a = "b");', ['if', '($a', '=', 'b', ')']],
  [') after a closing quote takes what follows', 'a "b")c;', ['a', 'b', ')c']],
  ['CRLF parts words and lines', 'a\r\n  b;\r\n', ['a', 'b']],
  ['a byte order mark is skipped', '\xef\xbb\xbfa b;', ['a', 'b']],
  ['a byte order mark elsewhere is plain', 'a \xef\xbb\xbfb;', ['a', '\xef\xbb\xbfb']],
  ['regular expressions with braces stand in quotes', 'a "^/\\d{2,4}$";', ['a', '^/\\d{2,4}$']],
  ['NUL is a plain character', 'a b\0c;', ['a', 'b\0c']],
  ['a word of 4095 bytes before ; is read', `a ${'x'.repeat(4095)};`, ['a', 'x'.repeat(4095)]],
  ['a quoted word of 4094 bytes before ; is read', `a "${'x'.repeat(4094)}";`, ['a', 'x'.repeat(4094)]],
];

for (const [fact, text, expected] of ACCEPTED) {
  test(`words: ${fact}`, () => assert.deepEqual(values(text), expected));
}

const REJECTED: readonly (readonly [fact: string, text: string, offset: number, message: string])[] = [
  ['a letter after a closing quote', 'a "b"c;', 5, 'unexpected "c"'],
  ['a quote after a closing quote', 'a "b""c";', 5, 'unexpected """'],
  ['a # after a closing quote', 'a "b"#c\n;', 5, 'unexpected "#"'],
  ['a } after a closing quote', 'a { b "c"}', 9, 'unexpected "}"'],
  ['a character of several bytes after a closing quote', 'a "b"\xc3\xa4;', 5, 'unexpected "\xc3\xa4"'],
  ['a quote that is never closed', 'a "b', 4, 'unexpected end of file, expecting ";" or "}"'],
  ['a backslash at the end', 'a b\\', 4, 'unexpected end of file, expecting ";" or "}"'],
  ['an escaped closing quote', 'a "b\\";', 7, 'unexpected end of file, expecting ";" or "}"'],
  ['a word of 4096 bytes', `a ${'x'.repeat(4096)};`, 2, 'too long parameter "xxxxxxxxxx..." started'],
  ['a word of 4095 bytes and a space', `a ${'x'.repeat(4095)} ;`, 2, 'too long parameter "xxxxxxxxxx..." started'],
  ['a quoted word of 4095 bytes', `a "${'x'.repeat(4095)}";`, 2, 'too long parameter "xxxxxxxxxx..." started'],
  [
    'a quoted word of 4096 bytes',
    `a '${'x'.repeat(4096)}';`,
    2,
    `too long parameter, probably missing terminating "'" character`,
  ],
  ['a comment of 4096 bytes', `#${'x'.repeat(4095)}\n`, 0, 'too long parameter "#xxxxxxxxx..." started'],
];

for (const [fact, text, offset, message] of REJECTED) {
  test(`words: refuses ${fact}`, () => {
    const first = parseText(text).mistakes[0];
    assert.deepEqual([first?.at.start, first?.message], [offset, message]);
  });
}

test('words know their span and how they were quoted', () => {
  const [statement] = statements(`  name plain "two words" 'x' ;`);
  assert.ok(statement);
  const written = (word: { start: number; end: number; quote: Quote }) => [word.start, word.end, word.quote];
  assert.deepEqual([statement.name, ...statement.args].map(written), [
    [2, 6, ''],
    [7, 12, ''],
    [13, 24, '"'],
    [25, 28, "'"],
  ]);
  assert.deepEqual([statement.start, statement.end], [2, 30]);
});

test('an unquoted { begins a block, whatever precedes it', () => {
  const [statement] = statements('location ~ ^/a{ b; }');
  assert.deepEqual(
    statement?.args.map((word) => word.text),
    ['~', '^/a'],
  );
  assert.ok(statement?.block);
});

test('the token rules and the grammar pass the validations of chevrotain', () => {
  const lexer = new Lexer([...TOKEN_TYPES], { positionTracking: 'onlyOffset' });
  assert.deepEqual(lexer.lexerDefinitionErrors, []);
  assert.doesNotThrow(() => new ConfigurationParser({ skipValidations: false }));
});
