import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  DefinitionRequest,
  DocumentHighlightRequest,
  DocumentLinkRequest,
  type Location,
  PrepareRenameRequest,
  ReferencesRequest,
  RenameRequest,
} from 'vscode-languageserver-protocol';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { Editor } from './editor.js';
import { SITE } from './site.js';

/** Locations as `line: text of the line`. */
function lines(editor: Editor, name: string, found: readonly Location[] | null): string[] {
  const text = editor.document(name).getText().split('\n');
  return (found ?? []).map(({ range }) => `${range.start.line + 1}: ${text[range.start.line]?.trim()}`);
}

const editor = await Editor.start({ after }, {});
await editor.open('nginx.conf', SITE);

const DEFINITIONS: readonly (readonly [at: string, offset: number, line: string])[] = [
  ['http://chat/x', 8, '13: upstream chat {'],
  ['default chat', 9, '13: upstream chat {'],
  ['Connection $connection_upgrade', 15, '3: map $http_upgrade $connection_upgrade {'],
  ['= @fallback', 5, '40: location @fallback {'],
  ['zone=perip burst', 6, '17: limit_req_zone $binary_remote_addr zone=perip:10m rate=10r/s;'],
  ['a.log brief', 7, "18: log_format brief '$remote_addr $status $connection_upgrade';"],
  ['http://$pool', 9, '7: map $host $pool {'],
  ['X-Ending ${ending}', 13, '36: location ~ \\.(?<ending>png|jpg)$ {'],
];

test('definitions of upstreams, variables, zones, formats and named locations are found', async () => {
  for (const [mark, offset, line] of DEFINITIONS) {
    const found = await editor.connection.sendRequest(DefinitionRequest.type, editor.at('nginx.conf', mark, offset));
    assert.deepEqual(lines(editor, 'nginx.conf', found as Location[]), [line], mark);
  }
});

test('references of an upstream include values of a variable that is the host of a pass directive', async () => {
  const found = await editor.connection.sendRequest(ReferencesRequest.type, {
    ...editor.at('nginx.conf', 'upstream chat', 10),
    context: { includeDeclaration: false },
  });
  assert.deepEqual(lines(editor, 'nginx.conf', found).sort(), [
    '27: proxy_pass http://chat/x;',
    '8: default chat;',
    '9: b.test  Chat;',
  ]);
});

test('named locations belong to their server', async () => {
  const found = await editor.connection.sendRequest(ReferencesRequest.type, {
    ...editor.at('nginx.conf', '404 @fallback', 6),
    context: { includeDeclaration: true },
  });
  assert.deepEqual(lines(editor, 'nginx.conf', found), ['47: error_page 404 @fallback;', '51: location @fallback {']);
});

test('occurrences in the document are highlighted', async () => {
  const found = await editor.connection.sendRequest(
    DocumentHighlightRequest.type,
    editor.at('nginx.conf', 'zone=perip', 6),
  );
  assert.deepEqual(
    found?.map(({ range }) => editor.text('nginx.conf', range)),
    ['perip', 'perip'],
  );
});

test('a name is renamed everywhere, in other files and unsaved texts too', async (t) => {
  const main = 'events {}\nhttp {\n    include maps.conf;\n    include "sites/*.conf";\n}\n';
  const map = 'map $http_upgrade $mode { default up; }\n';
  const siteText =
    'server {\n    listen 127.0.0.1:8080;\n    location / { return 200 "${mode} $MODE $mode_x"; }\n    set $mode_x 1;\n}\n';
  const editor = await Editor.start(t, { 'nginx.conf': main, 'maps.conf': map, 'sites/a.conf': 'server {}\n' });
  await editor.open('sites/a.conf', siteText);
  const at = editor.at('sites/a.conf', '${mode}', 3);
  assert.deepEqual(await editor.connection.sendRequest(PrepareRenameRequest.type, at), {
    range: { start: { line: 2, character: 31 }, end: { line: 2, character: 35 } },
    placeholder: 'mode',
  });
  const edit = await editor.connection.sendRequest(RenameRequest.type, { ...at, newName: '$direction' });
  const changes = edit?.changes ?? {};
  assert.deepEqual(Object.keys(changes).sort(), [editor.uri('maps.conf'), editor.uri('sites/a.conf')].sort());
  const changed = TextDocument.applyEdits(editor.document('sites/a.conf'), changes[editor.uri('sites/a.conf')] ?? []);
  assert.equal(changed, siteText.replace('${mode} $MODE $mode_x', '${direction} $direction $mode_x'));
  const file = TextDocument.create(editor.uri('maps.conf'), 'nginx', 1, map);
  assert.equal(
    TextDocument.applyEdits(file, changes[editor.uri('maps.conf')] ?? []),
    map.replace('$mode', '$direction'),
  );
});

test('a name that is invalid, in use, or that of a module is refused', async () => {
  const rename = (mark: string, offset: number, newName: string) =>
    editor.connection.sendRequest(RenameRequest.type, { ...editor.at('nginx.conf', mark, offset), newName });
  await assert.rejects(rename('http://$pool', 9, 'connection_upgrade'), /is defined already/);
  await assert.rejects(rename('http://$pool', 9, 'host'), /is a variable of the module/);
  await assert.rejects(rename('http://$pool', 9, 'a b'), /not a valid name/);
  await assert.rejects(rename('http://chat', 8, 'a;b'), /not a valid name/);
  const builtIn = editor.at('nginx.conf', 'Host $host', 6);
  assert.equal(await editor.connection.sendRequest(PrepareRenameRequest.type, builtIn), null);
});

test('includes lead to their files, and functions of scripts to their declarations', async (t) => {
  const text =
    'events {}\nhttp {\n    include snippets/*.conf;\n    js_import http.js;\n    server {\n        listen 127.0.0.1:8080;\n        location / { js_content http.hello; }\n    }\n}\n';
  const script = 'async function hello(r) {\n    r.return(200);\n}\nexport default { hello };\n';
  const files = { 'snippets/a.conf': '', 'snippets/b.conf': '', 'http.js': script };
  const editor = await Editor.start(t, files);
  await editor.open('nginx.conf', text);
  const include = await editor.connection.sendRequest(DefinitionRequest.type, editor.at('nginx.conf', 'snippets', 3));
  assert.deepEqual(
    (include as Location[]).map(({ uri }) => uri),
    [editor.uri('snippets/a.conf'), editor.uri('snippets/b.conf')],
  );
  const links = await editor.connection.sendRequest(DocumentLinkRequest.type, {
    textDocument: { uri: editor.uri('nginx.conf') },
  });
  assert.equal(links?.[0]?.target, editor.uri('snippets/a.conf'));
  const [called] = (await editor.connection.sendRequest(
    DefinitionRequest.type,
    editor.at('nginx.conf', 'http.hello', 7),
  )) as Location[];
  assert.equal(called?.uri, editor.uri('http.js'));
  assert.deepEqual(called.range, { start: { line: 0, character: 15 }, end: { line: 0, character: 20 } });
  const module = await editor.connection.sendRequest(DefinitionRequest.type, editor.at('nginx.conf', 'http.hello', 2));
  assert.deepEqual(lines(editor, 'nginx.conf', module as Location[]), ['4: js_import http.js;']);
});
