import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Item, isStatement, parse, print, type Quote, type Word, writeValue } from '../../grammar/index.js';

function parseText(text: string) {
  return parse({ name: 'test.conf', text });
}

function printed(text: string): string {
  return print(parseText(text).items);
}

/** The names and values of a tree, and its comments where they are wanted. */
function content(items: readonly Item[], comments: boolean): unknown[] {
  return items.flatMap((item): unknown[] => {
    if (!isStatement(item)) return comments ? [{ comment: item.text.trimEnd() }] : [];
    const words = [item.name, ...item.args].map((word) => word.text);
    return [item.block ? { words, block: content(item.block.items, comments) } : { words }];
  });
}

test('the layout is one statement per line, four spaces per block', () => {
  assert.equal(
    printed('user   www ;http{server{listen 80;}\t}'),
    'user www;\nhttp {\n    server {\n        listen 80;\n    }\n}\n',
  );
});

test('at most one blank line stays, and none at the edges of a block', () => {
  assert.equal(printed('\n\na;\n\n \n\nb;\nc {\n\n d;\n\n}\n\n'), 'a;\n\nb;\nc {\n    d;\n}\n');
});

test('comments stay where they are, on their own line or behind', () => {
  const text = '# a\n\n# b\nuser www; # c\nhttp { # d\n    # e\n} # f\n';
  assert.equal(printed(text), text);
});

test('a comment between words stays there', () => {
  assert.equal(printed('a # 1\n b # 2\n# 3\nc;'), 'a # 1\n    b # 2\n    # 3\n    c;\n');
  assert.equal(printed('a\n#1\n\n b;\n\nc;'), 'a\n    #1\n    b;\n\nc;\n');
  assert.equal(printed('if # 1\n ($a) {b;}'), 'if # 1\n    ($a) {\n    b;\n}\n');
});

test('a comment behind the last word moves behind the ; or {', () => {
  assert.equal(printed('a # 1\n;\n\nb;'), 'a; # 1\n\nb;\n');
  assert.equal(printed('a # 1\n{ b; }'), 'a { # 1\n    b;\n}\n');
});

test('commented words before a ; stay before it', () => {
  assert.equal(printed('a b\n # c\n;'), 'a b\n    # c\n    ;\n');
  assert.equal(printed('a b # 1\n; # 2'), 'a b # 1\n    ; # 2\n');
  assert.equal(printed('a b # 1\n# 2\n;'), 'a b # 1\n    # 2\n    ;\n');
});

test('a block without content is two braces', () => {
  assert.equal(printed('events{\n\n}\na { # b\n}\nc {\n# d\n}'), 'events {}\na { # b\n}\nc {\n    # d\n}\n');
});

test('a block of Lua stays as it is', () => {
  const lua = "{\n  local a, s = #t, [[ } ]] -- } it's\n\tif s then return { 'it\\'s }' } end\n\n\n  }";
  assert.equal(
    printed(`a{content_by_lua_block ${lua} b;set_by_lua_block $c # d\n ${lua}}`),
    `a {\n    content_by_lua_block ${lua}\n    b;\n    set_by_lua_block $c # d\n        ${lua}\n}\n`,
  );
});

test('the bytes of comments stay, but for blanks at their end', () => {
  assert.equal(printed('# voil\xc3\xa0 \t\r\na; #\xff\x85'), '# voil\xc3\xa0\na; #\xff\x85\n');
});

test('line breaks between words stay', () => {
  assert.equal(printed("log_format main '$a '\n '$b'\n\n  '$c';"), "log_format main '$a '\n    '$b'\n    '$c';\n");
});

test('words stay as they are written', () => {
  const text = `a "plain" '\\d\\.' "\\n\\"" b\\ c "d\ne" \${f};\n`;
  assert.equal(printed(text), text);
});

test(') stays at the closing quote before it', () => {
  assert.equal(printed('if ($a = "b") { c; }'), 'if ($a = "b") {\n    c;\n}\n');
});

test('CRLF and a byte order mark do not stay', () => {
  assert.equal(printed('\xef\xbb\xbfa;\r\n# b\r\n\r\nc\r\n  d;\r\n'), 'a;\n# b\n\nc\n    d;\n');
});

test('a statement that was broken is printed whole', () => {
  assert.equal(printed('http { a "b;\n c "d" \n}'), 'http {\n    a "b";\n    c "d";\n}\n');
});

test('a comment behind a stray ; or } keeps its distance', () => {
  assert.equal(printed('a;\n\n} # b\nc;\n; # d\n'), 'a;\n\n# b\nc; # d\n');
});

test('no items give an empty text', () => assert.equal(print([]), ''));

test('1,000 nested blocks are printed, and read again', () => {
  const text = printed('a {'.repeat(1000) + '}'.repeat(1000));
  assert.equal(printed(text), text);
});

test('20,000 nested blocks are printed', () => {
  assert.ok(printed('a {'.repeat(20_000) + '}'.repeat(20_000)).endsWith('\n}\n'));
});

test('a value is quoted only where it needs it', () => {
  const cases: readonly (readonly [value: string, written: string])[] = [
    ['plain', 'plain'],
    ['$a${b}c', '$a${b}c'],
    ['a"b#c}', 'a"b#c}'],
    ['^/\\d+$', '^/\\d+$'],
    ['', '""'],
    ['a b', '"a b"'],
    ['a;', '"a;"'],
    ['a{2}', '"a{2}"'],
    ['#a', '"#a"'],
    ['}', '"}"'],
    ['say "x" y', '"say \\"x\\" y"'],
    ['a\\', '"a\\\\"'],
    ['\\d\\n', '"\\d\\\\n"'],
  ];
  for (const [value, written] of cases) assert.equal(writeValue(value, ''), written);
  assert.equal(writeValue('a', "'"), "'a'");
});

const byteString = fc.uint8Array({ minLength: 0, maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const structural = fc
  .array(fc.constantFrom(...'ab{};"\'\\$#) \n\r\ttrn'), { maxLength: 12 })
  .map((characters) => characters.join(''));
const value = fc.oneof(fc.stringMatching(/^[a-z_/.$0-9]{1,12}$/), byteString, structural);
const quote = fc.constantFrom<Quote>('', '"', "'");

test('every value survives being written and read', () => {
  fc.assert(
    fc.property(value, quote, (text, mark) => {
      const tree = parseText(`name ${writeValue(text, mark)};`);
      assert.deepEqual(tree.mistakes, []);
      assert.deepEqual(content(tree.items, true), [{ words: ['name', text] }]);
    }),
    { numRuns: 2000 },
  );
});

/** Trees put together by hand: their spans say nothing. */
const nowhere = { source: { name: 'nowhere', text: '' }, start: 0, end: 0 };
const word: fc.Arbitrary<Word> = fc.record({ text: value, quote }).map((parts) => ({ ...nowhere, ...parts }));
const commentText = fc.stringMatching(/^[ a-z;{}"'#\\$]{0,12}$/);
const { items: generatedItems } = fc.letrec<{ items: Item[]; item: Item }>((tie) => ({
  items: fc.array(tie('item'), { maxLength: 4 }),
  item: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .record({ name: word, args: fc.array(word, { maxLength: 4 }) })
      .map((parts): Item => ({ ...nowhere, kind: 'statement', block: null, ...parts })),
    fc.record({ text: commentText, trailing: fc.boolean() }).map((parts): Item => ({ ...nowhere, ...parts })),
    fc
      .record({ name: word, args: fc.array(word, { maxLength: 3 }), items: tie('items') })
      .map(({ items, ...parts }): Item => ({ ...nowhere, kind: 'statement', block: { ...nowhere, items }, ...parts })),
  ),
}));

test('printed trees are read as the same tree, and printed as the same text', () => {
  fc.assert(
    fc.property(generatedItems, (items) => {
      const text = print(items);
      const tree = parseText(text);
      assert.deepEqual(tree.mistakes, []);
      assert.deepEqual(content(tree.items, true), content(items, true));
      assert.equal(print(tree.items), text);
    }),
    { numRuns: 1000 },
  );
});

const SAMPLE = `# the sample
user www-data;
events { worker_connections 1024; }

http {
    log_format main '$remote_addr - "$request" '
                    '$status';  # comment
    map $http_upgrade $connection_upgrade { default upgrade; '' close; }
    server {
        listen 127.0.0.1:8080;
        if ($request_method = "POST") { return 405; }
        location ~ "^/\\w{2,4}/(?<id>\\d+)$" { proxy_pass http://up$1\${id}; }
    }
}
`;

/** The sample with pieces taken out, put in and moved. */
const mutations = fc.array(
  fc.record({
    at: fc.nat(SAMPLE.length),
    remove: fc.nat(12),
    insert: fc.oneof(structural, fc.constantFrom('}', '{', ';', '"', "'", '\\', '#', '\r\n', '${', '\n\n', ' # x\n')),
  }),
  { minLength: 1, maxLength: 8 },
);

test('printing is a fixpoint over changed texts, whatever their mistakes', () => {
  fc.assert(
    fc.property(mutations, (changes) => {
      let text = SAMPLE;
      for (const { at, remove, insert } of changes) text = text.slice(0, at) + insert + text.slice(at + remove);
      const tree = parseText(text);
      const first = print(tree.items);
      const again = parseText(first);
      assert.deepEqual(again.mistakes, []);
      assert.deepEqual(content(again.items, false), content(tree.items, false));
      assert.equal(print(again.items), first);
    }),
    { numRuns: 2000 },
  );
});

test('a word that begins with a byte order mark is quoted, so that it stays a word where the text begins with it', () => {
  const text = printed('\n\xEF\xBB\xBFa b;');
  assert.equal(text, '"\xEF\xBB\xBFa" b;\n');
  assert.equal(printed(text), text);
});
