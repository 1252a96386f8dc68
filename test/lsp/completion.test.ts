import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  type ClientCapabilities,
  type CompletionItem,
  CompletionRequest,
  CompletionResolveRequest,
  InsertTextFormat,
  type MarkupContent,
  type TextEdit,
} from 'vscode-languageserver-protocol';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { Editor } from './editor.js';
import { SITE } from './site.js';

const SNIPPETS: ClientCapabilities = { textDocument: { completion: { completionItem: { snippetSupport: true } } } };

/** Completions after a text that is typed behind a mark. */
async function typed(editor: Editor, mark: string, text: string): Promise<CompletionItem[]> {
  const document = editor.document('nginx.conf');
  const position = editor.position('nginx.conf', mark, mark.length);
  await editor.edit('nginx.conf', { start: position, end: position }, `${text}\n`);
  const at = document.positionAt(document.offsetAt(position) + text.length);
  const found = await editor.connection.sendRequest(CompletionRequest.type, {
    textDocument: { uri: document.uri },
    position: at,
  });
  return found as CompletionItem[];
}

const shared = await Editor.start({ after }, {});

/** Labels of the completions in the example. */
async function labels(mark: string, text: string): Promise<string[]> {
  const editor = shared;
  await editor.open('nginx.conf', SITE);
  return (await typed(editor, mark, text)).map(({ label }) => label);
}

function insertedText(item: CompletionItem | undefined): string | undefined {
  return (item?.textEdit as TextEdit | undefined)?.newText;
}

/** The text after an item was chosen. */
function accepted(editor: Editor, item: CompletionItem): string {
  return TextDocument.applyEdits(editor.document('nginx.conf'), [item.textEdit as TextEdit]);
}

test('directives are completed where they are allowed, with places for their arguments', async (t) => {
  const editor = await Editor.start(t, {}, { capabilities: SNIPPETS });
  await editor.open('nginx.conf', SITE);
  const items = await typed(editor, 'location /pool/ {\n', 'prox');
  const pass = items.find(({ label }) => label === 'proxy_pass');
  assert.ok(pass);
  assert.equal(pass.insertTextFormat, InsertTextFormat.Snippet);
  assert.match(accepted(editor, pass), /location \/pool\/ \{\nproxy_pass \$1;\$0\n {12}proxy_pass http/);
  const buffering = items.find(({ label }) => label === 'proxy_buffering');
  assert.equal(insertedText(buffering), 'proxy_buffering ${1|on,off|};$0');
  const block = items.find(({ label }) => label === 'limit_except');
  assert.equal(insertedText(block), 'limit_except $1 {\n\t$0\n}');
  // Not allowed in a location.
  assert.ok(!items.some(({ label }) => ['worker_processes', 'server_name', 'upstream', 'http'].includes(label)));
  const resolved = await editor.connection.sendRequest(CompletionResolveRequest.type, pass);
  assert.match((resolved.documentation as MarkupContent).value, /docs\/directives\/proxy\.md#proxy_pass/);
});

test('without support for snippets, the name is inserted', async (t) => {
  const editor = await Editor.start(t, {});
  await editor.open('nginx.conf', SITE);
  const items = await typed(editor, 'upstream chat {\n', 'ser');
  const server = items.find(({ label }) => label === 'server');
  assert.equal(insertedText(server), 'server ');
  assert.ok(items.some(({ label }) => label === 'least_conn'));
  assert.ok(!items.some(({ label }) => label === 'location'));
});

test('the name of a directive that has arguments already is replaced alone', async (t) => {
  const editor = await Editor.start(t, {}, { capabilities: SNIPPETS });
  await editor.open('nginx.conf', SITE);
  const position = editor.position('nginx.conf', 'server_name other', 'server_na'.length);
  const found = await editor.connection.sendRequest(CompletionRequest.type, {
    textDocument: { uri: editor.uri('nginx.conf') },
    position,
  });
  const item = (found as CompletionItem[]).find(({ label }) => label === 'server_name');
  assert.ok(item);
  assert.equal(accepted(editor, item), SITE);
});

test('arguments are completed from the syntax', async () => {
  assert.deepEqual((await labels('location /pool/ {\n', 'proxy_buffering ')).sort(), ['off', 'on']);
  const limit = await labels('location /pool/ {\n', 'limit_req zone=perip ');
  assert.deepEqual(limit.sort(), ['burst=', 'delay=', 'nodelay']);
});

test('values of parameters are completed', async () => {
  assert.deepEqual(await labels('server_name other.example;\n', 'listen 80 ipv6only='), [
    'ipv6only=on',
    'ipv6only=off',
  ]);
});

test('names of the configuration are completed where they are referred to', async () => {
  const zones = await labels('location /pool/ {\n', 'limit_req zone=');
  assert.deepEqual(zones, ['zone=perip']);
  const upstreams = await labels('location /pool/ {\n', 'proxy_pass http://');
  assert.ok(upstreams.includes('http://chat'));
  const formats = await labels('location /pool/ {\n', 'access_log logs/b.log ');
  assert.ok(formats.includes('brief') && formats.includes('combined'));
  const locations = await labels('location /pool/ {\n', 'error_page 500 @');
  assert.deepEqual(locations, ['@fallback']);
});

test('variables are completed, those of the configuration first', async (t) => {
  const editor = await Editor.start(t, {});
  await editor.open('nginx.conf', SITE);
  const items = await typed(editor, 'location /pool/ {\n', 'set $a "x-${con');
  const own = items.find(({ label }) => label === '${connection_upgrade');
  assert.ok(own);
  assert.match(accepted(editor, own), /set \$a "x-\$\{connection_upgrade\}/);
  const builtIn = items.find(({ label }) => label === '${content_type');
  assert.ok(builtIn && String(own.sortText) < String(builtIn.sortText));
});

test('groups of the regular expression around are completed', async () => {
  const found = await labels('png|jpg)$ {\n', 'add_header X $');
  assert.ok(found.includes('$1') && found.includes('$ending') && found.includes('$http_') && !found.includes('$2'));
});

test('nothing is completed in comments', async () => {
  assert.deepEqual(await labels('# Both servers', ' proxy'), []);
});

test('files are completed for include', async (t) => {
  const files = { 'snippets/tls.conf': '', 'snippets/more/a.conf': '', 'mime.types': '' };
  const editor = await Editor.start(t, files);
  await editor.open('nginx.conf', 'events {}\nhttp {\n}\n');
  const top = await typed(editor, 'http {\n', 'include ');
  assert.deepEqual(top.map(({ label }) => label).sort(), ['mime.types', 'snippets/']);
  const inner = await typed(editor, 'include ', 'snippets/t');
  const item = inner.find(({ label }) => label === 'tls.conf');
  assert.ok(item);
  assert.match(accepted(editor, item), /include snippets\/tls\.conf\n/);
});

test('functions of scripts are completed', async (t) => {
  const script = 'function hello(r) {}\nconst other = async (r) => {};\nexport default { hello, other };\n';
  const editor = await Editor.start(t, { 'main.js': script });
  await editor.open('nginx.conf', 'events {}\nhttp {\n js_import main.js;\n server {\n location / {\n }\n }\n}\n');
  const items = await typed(editor, 'location / {\n', 'js_content ma');
  assert.deepEqual(
    items.map(({ label }) => label).filter((label) => label.startsWith('main')),
    ['main.hello', 'main.other'],
  );
});

test('entries of a map are completed with its parameters', async () => {
  assert.deepEqual(await labels('$host $pool {\n', 'ho'), ['default', 'hostnames', 'volatile', 'include']);
});
