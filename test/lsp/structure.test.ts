import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  DocumentFormattingRequest,
  DocumentRangeFormattingRequest,
  type DocumentSymbol,
  DocumentSymbolRequest,
  FoldingRangeKind,
  FoldingRangeRequest,
  type SelectionRange,
  SelectionRangeRequest,
  SemanticTokensRequest,
  WorkspaceSymbolRequest,
} from 'vscode-languageserver-protocol';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { Editor } from './editor.js';
import { SITE } from './site.js';

const DOCUMENT = (editor: Editor) => ({ textDocument: { uri: editor.uri('nginx.conf') } });

const shared = await Editor.start({ after }, {});

/** The editor with a text. */
async function site(text = SITE): Promise<Editor> {
  await shared.open('nginx.conf', text);
  return shared;
}

test('the outline has servers by name and address, locations, upstreams and maps', async () => {
  const editor = await site();
  const symbols = (await editor.connection.sendRequest(
    DocumentSymbolRequest.type,
    DOCUMENT(editor),
  )) as DocumentSymbol[];
  const http = symbols.find(({ name }) => name === 'http');
  assert.deepEqual(
    http?.children?.map(({ name, detail = '' }) => `${name} ${detail}`.trim()),
    [
      'map $http_upgrade $connection_upgrade',
      'map $host $pool',
      'upstream chat',
      'server shop.example *.shop.example 127.0.0.1:8080',
      'server other.example 127.0.0.1:8080',
    ],
  );
  assert.deepEqual(
    http?.children?.[3]?.children?.map(({ name }) => name),
    ['location /', 'location /pool/', 'location ~ \\.(?<ending>png|jpg)$', 'location @fallback'],
  );
});

test('symbols of the workspace are found in files that are not open', async (t) => {
  const files = {
    'nginx.conf': 'events {}\nhttp {\n    include sites/*.conf;\n}\n',
    'sites/shop.conf':
      'upstream shop_app { server 127.0.0.1:1; }\nserver {\n    server_name shop.example;\n    location /cart { proxy_pass http://shop_app; }\n}\n',
  };
  const editor = await Editor.start(t, files);
  const search = async (query: string): Promise<string[]> => {
    const found = await editor.connection.sendRequest(WorkspaceSymbolRequest.type, { query });
    return (found ?? []).map(({ name }) => name);
  };
  assert.deepEqual(await search('shop'), ['server shop.example', 'shop_app']);
  assert.deepEqual(await search('lcart'), ['location /cart']);
  assert.deepEqual(await search('nothing at all'), []);
});

const UNTIDY =
  'events {}\nhttp {\nserver {\n        listen   80;\n\n\n\n   server_name a "ä😀" ;\n    }\n\n    server { listen 81; }\n}\n';
const TIDY =
  'events {}\nhttp {\n    server {\n        listen 80;\n\n        server_name a "ä😀";\n    }\n\n    server {\n        listen 81;\n    }\n}\n';

test('formatting gives the layout of fmt', async () => {
  const editor = await site(UNTIDY);
  const edits = await editor.connection.sendRequest(DocumentFormattingRequest.type, {
    ...DOCUMENT(editor),
    options: { tabSize: 4, insertSpaces: true },
  });
  assert.equal(TextDocument.applyEdits(editor.document('nginx.conf'), edits ?? []), TIDY);
});

test('formatting a range leaves the other lines as they are', async () => {
  const editor = await site(UNTIDY);
  const edits = await editor.connection.sendRequest(DocumentRangeFormattingRequest.type, {
    ...DOCUMENT(editor),
    range: { start: { line: 10, character: 0 }, end: { line: 11, character: 0 } },
    options: { tabSize: 4, insertSpaces: true },
  });
  const expected = UNTIDY.replace('    server { listen 81; }', '    server {\n        listen 81;\n    }');
  assert.equal(TextDocument.applyEdits(editor.document('nginx.conf'), edits ?? []), expected);
});

test('a text with syntax errors is not formatted', async () => {
  const editor = await site(UNTIDY.replace('server_name', '} server_name'));
  const edits = await editor.connection.sendRequest(DocumentFormattingRequest.type, {
    ...DOCUMENT(editor),
    options: { tabSize: 4, insertSpaces: true },
  });
  assert.deepEqual(edits, []);
});

test('blocks and comments can be folded', async () => {
  const editor = await site();
  const ranges = (await editor.connection.sendRequest(FoldingRangeRequest.type, DOCUMENT(editor))) ?? [];
  const lines = SITE.split('\n');
  const folded = ranges.map(({ startLine, endLine }) => `${lines[startLine]?.trim()} … ${lines[endLine]?.trim()}`);
  assert.ok(folded.includes('upstream chat { … server 127.0.0.1:9001;'));
  assert.ok(folded.includes('location /pool/ { … proxy_pass http://$pool;'));
  const [comment] = ranges.filter(({ kind }) => kind === FoldingRangeKind.Comment);
  assert.equal(comment && lines[comment.startLine]?.trim(), '# Both servers have the same weight.');
});

test('a selection grows from the word to the whole text', async () => {
  const editor = await site();
  const [selection] =
    (await editor.connection.sendRequest(SelectionRangeRequest.type, {
      ...DOCUMENT(editor),
      positions: [editor.position('nginx.conf', '"ä😀 try', 3)],
    })) ?? [];
  const texts: string[] = [];
  for (let each: SelectionRange | undefined = selection; each !== undefined; each = each.parent) {
    texts.push(editor.text('nginx.conf', each.range));
  }
  assert.deepEqual(texts.slice(0, 4), [
    'ä😀 try again',
    '"ä😀 try again"',
    'return 503 "ä😀 try again"',
    'return 503 "ä😀 try again";',
  ]);
  assert.equal(texts.at(-1), SITE);
  for (const [i, text] of texts.slice(1).entries()) assert.ok(text.includes(texts[i] ?? ''), text);
});

test('semantic tokens distinguish directives, variables, parameters and expressions', async () => {
  const editor = await site();
  const legend = editor.initialized.capabilities.semanticTokensProvider?.legend.tokenTypes ?? [];
  const { data = [] } = (await editor.connection.sendRequest(SemanticTokensRequest.type, DOCUMENT(editor))) ?? {};
  const tokens: string[] = [];
  let line = 0;
  let character = 0;
  for (let i = 0; i < data.length; i += 5) {
    const [lines = 0, characters = 0, length = 0, type = 0] = data.slice(i, i + 5);
    line += lines;
    character = lines === 0 ? character + characters : characters;
    const start = { line, character };
    tokens.push(
      `${legend[type]} ${editor.text('nginx.conf', { start, end: { line, character: character + length } })}`,
    );
  }
  for (const token of [
    'keyword location',
    'property limit_req',
    'parameter zone',
    'enumMember nodelay',
    'variable $connection_upgrade',
    'variable ${ending}',
    'regexp \\.(?<ending>png|jpg)$',
    'string "ä😀 try again"',
    'comment # Both servers have the same weight.',
    'number 503',
  ]) {
    assert.ok(tokens.includes(token), token);
  }
});
