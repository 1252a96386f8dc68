import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from '../../grammar/parser.js';
import { print } from '../../grammar/print.js';
import { diskReader, textReader } from '../../src/config/reader.js';
import { addFindings, payloadOf } from '../../src/convert/crossplane/files.js';
import { textOf } from '../../src/convert/crossplane/from-payload.js';
import { parseJson, printPayload } from '../../src/convert/crossplane/json-text.js';
import { type Directive, PayloadMistake, readPayload } from '../../src/convert/crossplane/payload.js';
import { directivesOf } from '../../src/convert/crossplane/to-payload.js';
import { filesIn, ROOT } from '../structure/sources.js';

/** The directives of a text, through JSON. */
function throughJson(text: string): Directive[] {
  const { items } = parse({ name: 'nginx.conf', text });
  const json = printPayload(directivesOf(items, () => {}));
  return readPayload(parseJson(json)).config[0]?.parsed ?? [];
}

function withoutNotation(directives: readonly Directive[]): unknown[] {
  return directives.map(({ directive, line, args, block, comment }) => ({
    directive,
    line,
    args,
    ...(block !== undefined && { block: withoutNotation(block) }),
    ...(comment !== undefined && { comment }),
  }));
}

test('every configuration of the tests and examples has the same canonical text after a way through JSON', () => {
  const paths = ['test/conf', 'conf', 'test/conf-examples', 'test/example-configurations', 'examples'].flatMap(
    (directory) => filesIn(directory, '.conf'),
  );
  let compared = 0;
  for (const path of paths) {
    const text = readFileSync(join(ROOT, path), 'latin1');
    const { items, mistakes } = parse({ name: path, text });
    if (mistakes.length > 0 || text.includes('\0') || deepest(text) > 400) continue;
    assert.equal(textOf(throughJson(text)), print(items), path);
    compared++;
  }
  assert.ok(compared > 500, `${compared} texts`);
});

function deepest(text: string): number {
  let depth = 0;
  let most = 0;
  for (const [brace] of text.matchAll(/[{}]/g)) most = Math.max(most, (depth += brace === '{' ? 1 : -1));
  return most;
}

test('notation is kept: quotes, escapes, comments in every place, blank lines, line breaks, other languages, any bytes', () => {
  const text = `# first
events {} # none

http { # open
    log_format main '$remote_addr "$request" '
        '$status' # behind
        # own line
        "x\\"y\\\\ \\d"; # last

    map $a "$b" {
        "" 'it is';
        ~*\\.php$ "a b";
        default # why
            1;
        "}" \\};
    }
    server # the head
    {
        # in the block
        server_name caf\xc3\xa9.example \xff;
        if ($http_x = "b") { return 403; }
        if ( $http_x ~ "^(a|b)" ) { return 404; }
        if ($a) {} # behind
        location ~ "^/(\\d{2})$" { return 200 '\\n'; }
        content_by_lua_block { if x then ngx.say("}") end }
    }
}
`;
  const { items } = parse({ name: 'x', text });
  assert.equal(textOf(throughJson(text)), print(items));
});

test('the form is that of crossplane', () => {
  const text = `server { # c
  listen "80"; try_files 'foo bar' baz;
  if ($a ~ "x y") { return 200 "it\\"s\\d"; }
  set_by_lua_block $x { return 1 }
}`;
  assert.deepEqual(withoutNotation(throughJson(text)), [
    {
      directive: 'server',
      line: 1,
      args: [],
      block: [
        { directive: '#', line: 1, args: [], comment: ' c' },
        { directive: 'listen', line: 2, args: ['80'] },
        { directive: 'try_files', line: 2, args: ['foo bar', 'baz'] },
        {
          directive: 'if',
          line: 3,
          args: ['$a', '~', 'x y'],
          block: [{ directive: 'return', line: 3, args: ['200', 'it"s\\d'] }],
        },
        { directive: 'set_by_lua_block', line: 4, args: ['$x', ' return 1 '] },
      ],
    },
  ]);
});

test('a payload without notation, as other programs write it, becomes a text with the same words', () => {
  const payload = readPayload([
    { directive: 'events', args: [], block: [] },
    { directive: '#', args: [], comment: ' all', line: 2 },
    {
      directive: 'server',
      line: 3,
      args: [],
      block: [
        { directive: 'server_name', line: 4, args: ['a.example', ''] },
        { directive: '#', line: 4, args: [], comment: 'same line' },
        { directive: 'if', args: ['$x', '=', 'a b'], block: [{ directive: 'return', args: ['200', 'say "hi"; {}'] }] },
        { directive: 'location', args: ['~', '^/\\d{2}$'], block: [] },
      ],
    },
  ]);
  assert.equal(
    textOf(payload.config[0]?.parsed ?? []),
    `events {}
# all
server {
    server_name a.example ""; #same line
    if ($x = "a b") {
        return 200 "say \\"hi\\"; {}";
    }
    location ~ "^/\\d{2}$" {}
}
`,
  );
});

test('edited arguments replace the notation', () => {
  const [server] = throughJson('server_name "a" b;');
  assert.ok(server?.written);
  assert.equal(textOf([{ ...server, args: ['c d', 'e'] }]), 'server_name "c d" e;\n');
});

test('included files follow, each once, and errors have their file and line', () => {
  const reader = textReader(
    new Map([
      ['/etc/nginx.conf', 'include conf.d/*.conf;\ninclude conf.d/a.conf;\ninclude missing.conf;'],
      ['/etc/conf.d/a.conf', 'server {\nlisten 80\n}'],
      ['/etc/conf.d/b.conf', 'server { listen 81; }'],
    ]),
  );
  const payload = payloadOf('/etc/nginx.conf', null, { reader });
  assert.deepEqual(
    payload.config.map(({ file, status }) => [file, status]),
    [
      ['/etc/nginx.conf', 'ok'],
      ['/etc/conf.d/a.conf', 'failed'],
      ['/etc/conf.d/b.conf', 'ok'],
      ['/etc/missing.conf', 'failed'],
    ],
  );
  assert.deepEqual(
    payload.config[0]?.parsed.map(({ includes }) => includes),
    [[1, 2], [1], [3]],
  );
  assert.equal(payload.status, 'failed');
  assert.deepEqual(
    payload.errors.map(({ file, line }) => [file, line]),
    [
      ['/etc/conf.d/a.conf', 3],
      ['/etc/missing.conf', null],
    ],
  );
  addFindings(payload, [{ code: 'syntax', severity: 'error', message: 'another', at: null }]);
  assert.deepEqual(payload.errors.at(-1), { file: '/etc/nginx.conf', error: 'another', line: null });
});

test('texts that are no payload, or have no notation, are refused', () => {
  const refused: readonly [unknown, RegExp][] = [
    [{}, /"config"/],
    [{ config: [{ file: 'x', parsed: 1 }] }, /config\[0\]\.parsed is not a list/],
    [[{ directive: 1 }], /\[0\]\.directive is not a string/],
    [[{ directive: 'a', args: [1] }], /\[0\]\.args\[0\] is not a text/],
    [[{ directive: '#', args: [] }], /comment is not a string/],
    [nested(600), /more than 500 deep/],
  ];
  for (const [value, message] of refused) {
    assert.throws(
      () => readPayload(value),
      (error) => error instanceof PayloadMistake && message.test(error.message),
    );
  }
  const lua = [{ directive: 'content_by_lua_block', args: ['}'] }];
  assert.throws(() => textOf(lua), PayloadMistake);
  assert.throws(() => payloadOf('/x', 'a {'.repeat(600) + '}'.repeat(600), { reader: diskReader }), /500 deep/);
});

function nested(depth: number): Directive[] {
  let block: Directive[] = [];
  for (let count = 0; count < depth; count++) block = [{ directive: 'a', args: [], block }];
  return block;
}
