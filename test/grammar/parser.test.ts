import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Item, isStatement, missingSemicolon, parse, positionOf, type SyntaxTree } from '../../grammar/index.js';

function parseText(text: string): SyntaxTree {
  return parse({ name: 'test.conf', text });
}

/** Each mistake as `line:column sentence`. */
function mistakes(text: string): string[] {
  const tree = parseText(text);
  return tree.mistakes.map(({ at, message }) => {
    const { line, column } = positionOf(tree.source, at.start);
    return `${line}:${column} ${message}`;
  });
}

/** The shape of a tree: names, arguments, blocks, comments. */
function shape(items: readonly Item[]): unknown[] {
  return items.map((item) => {
    if (!isStatement(item)) return `#${item.text}`;
    const words = [item.name, ...item.args].map((word) => word.text).join(' ');
    return item.block ? [words, shape(item.block.items)] : words;
  });
}

test('statements and blocks nest', () => {
  const tree = parseText('user www;\nhttp {\n  server { listen 80; }\n}\n');
  assert.deepEqual(tree.mistakes, []);
  assert.deepEqual(shape(tree.items), ['user www', ['http', [['server', ['listen 80']]]]]);
});

test('spans cover the whole of a statement and of its block', () => {
  const text = ' http x {\n a;\n} b;';
  const [http, b] = parseText(text).items.filter(isStatement);
  assert.ok(http?.block && b);
  assert.equal(text.slice(http.start, http.end), 'http x {\n a;\n}');
  assert.equal(text.slice(http.block.start, http.block.end), '{\n a;\n}');
  assert.equal(text.slice(b.start, b.end), 'b;');
});

test('an empty text and one of comments have no statements and no mistakes', () => {
  assert.deepEqual(parseText(''), { source: { name: 'test.conf', text: '' }, items: [], mistakes: [] });
  const tree = parseText('# a\r\n  # b');
  assert.deepEqual([shape(tree.items), tree.mistakes], [['# a', '# b'], []]);
});

test('comments know whether something stands before them on their line', () => {
  const tree = parseText('# a\nb; # c\n# d\nhttp { # e\n} # f\n');
  const trailing: Record<string, boolean> = {};
  const walk = (items: readonly Item[]) => {
    for (const item of items) {
      if (!isStatement(item)) trailing[item.text.trim()] = item.trailing;
      else if (item.block) walk(item.block.items);
    }
  };
  walk(tree.items);
  assert.deepEqual(trailing, { a: false, c: true, d: false, e: true, f: true });
});

test('comments between words move behind the statement or into its block', () => {
  assert.deepEqual(shape(parseText('a # 1\n b; c # 2\n { d; }').items), ['a b', '# 1', ['c', ['# 2', 'd']]]);
});

test('a surplus } is refused and the reading goes on', () => {
  assert.deepEqual(mistakes('a b;\n}\nc "d"e;'), ['2:1 unexpected "}"', '3:6 unexpected "e"']);
});

test('a ; without a directive is refused and passed over', () => {
  const text = 'a {\n};\n;b;';
  assert.deepEqual(mistakes(text), ['2:2 unexpected ";"', '3:1 unexpected ";"']);
  assert.deepEqual(shape(parseText(text).items), [['a', []], 'b']);
});

test('a { without a directive is refused, and its } closes nothing else', () => {
  const text = 'http {\n  { a; "b"c; }\n  d;\n}';
  assert.deepEqual(mistakes(text), ['2:3 unexpected "{"', '2:11 unexpected "c"']);
  assert.deepEqual(shape(parseText(text).items), [['http', ['d']]]);
});

test('a ; missing before } is offered as an insertion, and the statement is kept', () => {
  const tree = parseText('server {\n  listen 80\n}\nuser www;');
  assert.deepEqual(
    tree.mistakes.map(({ message, insert, help }) => ({ message, insert, help })),
    [{ message: 'unexpected "}"', insert: { offset: 20, text: ';' }, help: '";" is missing after "80"' }],
  );
  assert.deepEqual(shape(tree.items), [['server', ['listen 80']], 'user www']);
});

test('a ; missing at the end of the text', () => {
  const tree = parseText('user www');
  assert.deepEqual(mistakes('user www'), ['1:9 unexpected end of file, expecting ";" or "}"']);
  assert.deepEqual(tree.mistakes[0]?.insert, { offset: 8, text: ';' });
  assert.deepEqual(shape(tree.items), ['user www']);
});

test('blocks that are open at the end are one mistake that names the innermost', () => {
  const tree = parseText('http {\nserver {\na;\n');
  assert.deepEqual(mistakes('http {\nserver {\na;\n'), ['4:1 unexpected end of file, expecting "}"']);
  assert.equal(tree.mistakes[0]?.related?.at.start, 7);
  assert.equal(tree.mistakes[0]?.help, '2 blocks are not closed');
  assert.deepEqual(shape(tree.items), [['http', [['server', ['a']]]]]);
});

test('a missing } is found by the indentation, and what follows stays in its block', () => {
  const text = 'http {\n  server {\n    location / {\n      a;\n  }\n  server {\n    b;\n  }\n}\n';
  const tree = parseText(text);
  assert.deepEqual(mistakes(text), ['10:1 unexpected end of file, expecting "}"']);
  const [mistake] = tree.mistakes;
  assert.equal(mistake?.related?.at.start, text.indexOf('location'));
  assert.deepEqual(mistake?.insert, { offset: text.indexOf('a;') + 2, text: '\n    }' });
  assert.deepEqual(shape(tree.items), [
    [
      'http',
      [
        ['server', [['location /', ['a']]]],
        ['server', ['b']],
      ],
    ],
  ]);
});

test('a missing } before a statement further out is found by the indentation', () => {
  const text = 'http {\n  server {\n    a;\n  server {\n    b;\n  }\n}\n';
  const tree = parseText(text);
  assert.deepEqual(shape(tree.items), [
    [
      'http',
      [
        ['server', ['a']],
        ['server', ['b']],
      ],
    ],
  ]);
  assert.deepEqual(tree.mistakes[0]?.insert, { offset: text.indexOf('a;') + 2, text: '\n  }' });
});

test('two missing } are two mistakes', () => {
  const text = 'http {\n  server {\n    a;\n  server {\n    b;\n  server {\n    c;\n  }\n}\n';
  assert.equal(parseText(text).mistakes.length, 2);
});

test('a } too many is found by the indentation, and what follows stays in its block', () => {
  const text = 'http {\n  server {\n    a {\n    }\n    }\n    b;\n  }\n}\n';
  const tree = parseText(text);
  assert.deepEqual(mistakes(text), ['8:1 unexpected "}"']);
  assert.equal(tree.mistakes[0]?.related?.at.start, text.indexOf('    }\n    b') + 4);
  assert.deepEqual(shape(tree.items), [['http', [['server', [['a', []], 'b']]]]]);
});

test('a text without indentation is never judged by it', () => {
  assert.deepEqual(shape(parseText('http {\nserver {\na;\n}\nserver {\nb;\n').items), [
    [
      'http',
      [
        ['server', ['a']],
        ['server', ['b']],
      ],
    ],
  ]);
});

test('a quote missing on one line does not hide the next line', () => {
  const text = 'a "b;\nc "d";\ne "f"g;';
  const tree = parseText(text);
  assert.deepEqual(mistakes(text), ['2:4 unexpected "d"', '3:6 unexpected "g"']);
  assert.deepEqual(tree.mistakes[0]?.insert, { offset: 4, text: '"' });
  assert.equal(tree.mistakes[0]?.related?.at.start, 2);
  assert.deepEqual(shape(tree.items), ['a b', 'c d', 'e f g']);
});

test('a quote that is never closed ends with its line', () => {
  const text = `http {\n  a 'b; # x\n  c;\n}\n`;
  assert.deepEqual(mistakes(text), ['5:1 unexpected end of file, expecting ";" or "}"']);
  assert.deepEqual(shape(parseText(text).items), [['http', ['a b', '# x', 'c']]]);
});

test('a quote that is missing far before the next one is called a too long parameter', () => {
  const text = `a "b;\n${'c d;\n'.repeat(1000)}e "f";\n`;
  assert.equal(mistakes(text)[0], '1:3 too long parameter, probably missing terminating """ character');
  assert.equal(parseText(text).items.length, 1002);
});

test('independent mistakes of one text are all found', () => {
  const text = [
    'user www;;',
    'events {',
    '  worker_connections 10',
    '}',
    'http {',
    '  log_format a "b"c;',
    '  server {',
    '    listen 80;',
    '    {',
    '    }',
    '    server_name "x;',
    '    root /a;',
    '    index "y";',
    '  }',
    '}',
    '}',
    'last',
  ].join('\n');
  assert.deepEqual(mistakes(text), [
    '1:10 unexpected ";"',
    '4:1 unexpected "}"',
    '6:19 unexpected "c"',
    '9:5 unexpected "{"',
    '13:12 unexpected "y"',
    '16:1 unexpected "}"',
    '17:5 unexpected end of file, expecting ";" or "}"',
  ]);
});

test('statements over several lines are no mistakes, and tell where a ; may be missing', () => {
  const [statement, single] = parseText('listen 80\n  server_name a;\nuser www;').items.filter(isStatement);
  assert.ok(statement && single);
  assert.deepEqual(missingSemicolon(statement), { offset: 9 });
  assert.equal(missingSemicolon(single), null);
});

test('a line break inside a quoted word is none between words', () => {
  const [statement] = parseText('a "b\nc" d;').items.filter(isStatement);
  assert.ok(statement);
  assert.equal(missingSemicolon(statement), null);
});

test('the text of -g has sentences of its own, and no limits', () => {
  const messages = (text: string) => parse({ name: '-g', text }, 'parameter').mistakes.map(({ message }) => message);
  assert.deepEqual(messages('daemon off;'), []);
  assert.deepEqual(messages('daemon off'), ['unexpected end of parameter, expecting ";"']);
  assert.deepEqual(messages('events { }'), ['block directives are not supported in -g option']);
  assert.deepEqual(messages('}'), ['unexpected "}"']);
  assert.deepEqual(messages(`error_log ${'x'.repeat(5000)};`), []);
});

test('100,000 nested blocks are read', () => {
  const depth = 100_000;
  const tree = parseText('a{'.repeat(depth) + '}'.repeat(depth));
  assert.deepEqual(tree.mistakes, []);
  let count = 0;
  for (let items = tree.items; ; count++) {
    const [item] = items;
    if (!item || !isStatement(item) || !item.block) break;
    items = item.block.items;
  }
  assert.equal(count, depth);
  assert.equal(parseText('a{'.repeat(depth)).mistakes.length, 1);
});

test('each surplus brace is a mistake, up to as many as a person could ever want', () => {
  assert.equal(parseText('}'.repeat(9_000)).mistakes.length, 9_000);
  assert.equal(parseText('}'.repeat(100_000)).mistakes.length, 10_000);
});

/** A tree with the time of the processor that it took. */
function timed(text: string): { tree: SyntaxTree; milliseconds: number } {
  const before = process.cpuUsage();
  const tree = parseText(text);
  const { user, system } = process.cpuUsage(before);
  return { tree, milliseconds: (user + system) / 1000 };
}

test('35,000 lines are read within a second of the processor', () => {
  const lines = ['http {'];
  while (lines.length < 35_000) {
    lines.push(
      '    server {',
      '        listen 127.0.0.1:8080; # comment',
      `        server_name host-${lines.length}.example.com;`,
      '        location ~* "^/api/v[0-9]{1,2}/" {',
      '            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
      '        }',
      '    }',
    );
  }
  lines.push('}');
  timed(lines.join('\n'));
  const { tree, milliseconds } = timed(lines.join('\n'));
  assert.deepEqual(tree.mistakes, []);
  assert.ok(milliseconds < 1000, `${milliseconds} ms`);
});

/** Texts of 1 MB, or of 300 KB where each byte takes longer: time that is not linear exceeds the limit with either. */
const LARGE: readonly (readonly [fact: string, text: string])[] = [
  ['a word of 1 MB', 'x'.repeat(1_000_000)],
  ['a quoted word of 1 MB', `a "${'x'.repeat(1_000_000)}";`],
  ['a quote that is open for 1 MB', `a "${'x '.repeat(500_000)}`],
  ['a comment of 1 MB', `#${'x'.repeat(1_000_000)}`],
  ['1 MB of backslashes', '\\'.repeat(1_000_001)],
  ['1 MB of spaces after a quote', `a "${' '.repeat(1_000_000)}`],
  ['300 KB of quotes', '"'.repeat(300_000)],
  ['300 KB of lines with one quote each', `"'\n`.repeat(100_000)],
  ['300 KB of lines with one quote each, and a letter after it', `'x\n"y\n`.repeat(50_000)],
  ['300 KB of lines with escaped quotes', 'a "\\"\n'.repeat(50_000)],
  ['1 MB of ;', ';'.repeat(1_000_000)],
  ['300 KB of {', '{'.repeat(300_000)],
  ['1 MB of blocks that close too early', 'a {\n b;\n   }\n  }\n'.repeat(60_000)],
  ['300 KB of blocks that never close', 'a {\n b;\n'.repeat(36_000)],
  ['1 MB of words on one line', 'a '.repeat(500_000)],
  ['1 MB of words on many lines', 'a\n'.repeat(500_000)],
  ['1 MB of comments between words', `a ${'#\n'.repeat(500_000)};`],
  ['1 MB of comments before a block', `a ${'#\n'.repeat(500_000)}{}`],
  ['1 MB of ${', '${'.repeat(500_000)],
];

for (const [fact, text] of LARGE) {
  test(`bounded time: ${fact}`, () => {
    const { milliseconds } = timed(text);
    assert.ok(milliseconds < text.length / 100, `${milliseconds} ms`);
  });
}

test('bounded time: 10 MB of statements', () => {
  const { tree, milliseconds } = timed('proxy_set_header Host "$host";\n'.repeat(330_000));
  assert.equal(tree.items.length, 330_000);
  assert.ok(milliseconds < 20_000, `${milliseconds} ms`);
});

/** Checks what holds for every tree: things in order, inside of what holds them, and mistakes inside of the text. */
function assertSound(tree: SyntaxTree): void {
  const { length } = tree.source.text;
  const walk = (items: readonly Item[], start: number, end: number) => {
    for (const item of items) {
      assert.ok(start <= item.start && item.start < item.end && item.end <= end, 'an item lies in what holds it');
      if (!isStatement(item)) continue;
      let before = item.start;
      for (const word of [item.name, ...item.args]) {
        assert.ok(before <= word.start && word.start < word.end && word.end <= item.end, 'words stand in order');
        before = word.end;
      }
      if (!item.block) continue;
      assert.ok(before <= item.block.start && item.block.end === item.end, 'a block ends its statement');
      walk(item.block.items, item.block.items.length > 0 ? Math.min(item.start, item.block.start) : 0, item.end);
    }
  };
  walk(tree.items, 0, length);
  for (const { at, insert } of tree.mistakes) {
    assert.ok(0 <= at.start && at.start <= at.end && at.end <= length, 'a mistake lies in the text');
    if (insert) assert.ok(0 <= insert.offset && insert.offset <= length);
  }
}

test('binary rubbish gives a sound tree', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      assertSound(parseText(Buffer.from(bytes).toString('latin1')));
    }),
  );
});

test('texts of the characters that matter give a sound tree', () => {
  const character = fc.constantFrom(...'ab {};"\'\\$#)\n\r\t');
  fc.assert(
    fc.property(fc.array(character, { maxLength: 80 }), (characters) => assertSound(parseText(characters.join('')))),
    { numRuns: 2000 },
  );
});

test('characters beyond a byte do not break the reading', () => {
  const tree = parseText('a "€"; \u{1f600}\u2028 b;');
  assert.deepEqual(shape(tree.items), ['a €', '\u{1f600}\u2028 b']);
});

/** Mistakes of a text in which these names open blocks. */
function mistakesIn(text: string, blocks: readonly string[]): string[] {
  const tree = parse({ name: 'test', text }, 'file', (name) => blocks.includes(name));
  return tree.mistakes.map(({ at, message }) => `${at.start} ${message}`);
}

test('braces of an unquoted expression are one mistake in nginx’s words, and nothing behind them is moved', () => {
  const blocks = ['server', 'location', 'if', 'map'];
  const cases: readonly [text: string, mistake: string][] = [
    ['server { location ~ ^/v[0-9]{1,3}/x$ { a; } b; }', '28 unknown directive "1,3}/x$"'],
    ['server { rewrite ^/([0-9]{4})/(.*)$ /y/$1 last; b; }', '25 directive "rewrite" is not terminated by ";"'],
    ['server { if ($uri ~ ^/[a-z]{2,}/) { a; } b; }', '27 invalid condition "^/[a-z]"'],
    ['map $a $b { ~^/[a-z]{2}/ 1; }', '20 unexpected "{"'],
  ];
  for (const [text, mistake] of cases) assert.deepEqual(mistakesIn(text, blocks), [mistake], text);
  const tree = parseText('server { location ~ ^/v[0-9]{1,3}/x$ { a; } b; }');
  assert.deepEqual(shape(tree.items), [['server', [['location ~ ^/v[0-9]{1,3}/x$', ['a']], 'b']]]);
});

test('placeholders and tags of a template that was not filled in are one mistake', () => {
  const text = '{% if tls %}\nserver { listen {{ port }}; server_name a.{{DOMAIN}}; }\n{% endif %}\n';
  assert.deepEqual(mistakesIn(text, ['server']), ['0 unexpected "{"']);
  const lines =
    '{{- /*\n  "a": b.\n*/ -}}\n{% set x = [\n  1,\n] %}\n{{ if x }}\nserver { a; }\n{{ else }}\nb;\n{{ end }}\n';
  assert.deepEqual(mistakesIn(lines, ['server']), ['0 unexpected "{"']);
  assert.deepEqual(shape(parseText(lines).items), [['server', ['a']], 'b']);
  assert.deepEqual(mistakesIn('server { listen {{ port }}; a; }', ['server']), [
    '16 directive "listen" is not terminated by ";"',
  ]);
});

test('a quote in the middle of a quoted word is one mistake, and the word ends where the statement does', () => {
  const text = `add_header CSP "default-src 'self'; script-src "none"; img-src *";\nb;`;
  assert.deepEqual(mistakes(text), ['1:49 unexpected "n"']);
  assert.equal(parseText(text).items.length, 2);
});

test('a page in the place of a configuration is one mistake', () => {
  for (const text of ['<!DOCTYPE html>\n<p>a; b {', '\n<html><body>;</body>', '<?xml version="1.0"?>\n<a/>']) {
    assert.equal(parseText(text).mistakes.length, 1, text);
    assert.equal(parseText(text).items.length, 0);
  }
});
