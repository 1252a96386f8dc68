import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiagnosticSeverity } from 'vscode-languageserver-protocol';
import { Editor } from './editor.js';

const VALID = 'events {}\nhttp {\n    server {\n        listen 127.0.0.1:8080;\n    }\n}\n';

test('an error is reported while it is typed and disappears when it is corrected', async (t) => {
  const editor = await Editor.start(t, { 'nginx.conf': VALID });
  await editor.open('nginx.conf', VALID);
  assert.deepEqual(await editor.diagnostics('nginx.conf'), []);
  const position = editor.position('nginx.conf', 'listen');
  await editor.edit('nginx.conf', { start: position, end: position }, 'x');
  const [diagnostic] = await editor.diagnostics('nginx.conf');
  assert.equal(diagnostic?.code, 'unknown-directive');
  assert.equal(diagnostic.severity, DiagnosticSeverity.Error);
  assert.equal(diagnostic.source, 'tsproxy');
  assert.match(String(diagnostic.message), /^unknown directive "xlisten"\ndid you mean "listen"\?/);
  assert.match(diagnostic.codeDescription?.href ?? '', /docs\/codes\.md#unknown-directive$/);
  assert.equal(editor.text('nginx.conf', diagnostic.range), 'xlisten');
  await editor.edit('nginx.conf', { start: position, end: { ...position, character: position.character + 1 } }, '');
  assert.deepEqual(await editor.diagnostics('nginx.conf'), []);
});

test('lints are reported, and a comment silences them', async (t) => {
  const text = VALID.replace(
    'listen',
    'location ~ \\.php$ { proxy_pass http://127.0.0.1:9000; proxy_buffering off; }\n        location / { return 200; add_header Content-Type text/plain; }\n        listen',
  );
  const editor = await Editor.start(t, {});
  await editor.open('nginx.conf', text);
  const found = await editor.diagnostics('nginx.conf');
  const lint = found.find(({ code }) => code === 'header-content-type');
  assert.ok(lint, JSON.stringify(found));
  const start = { line: lint.range.start.line, character: 0 };
  await editor.edit('nginx.conf', { start, end: start }, '        # tsproxy-ignore: header-content-type\n');
  const left = await editor.diagnostics('nginx.conf');
  assert.ok(!left.some(({ code }) => code === 'header-content-type'));
});

test('positions count UTF-16 code units', async (t) => {
  const text = VALID.replace('listen', 'add_header X "ä€😀"; unknown_one; listen');
  const editor = await Editor.start(t, {});
  await editor.open('nginx.conf', text);
  const [diagnostic] = await editor.diagnostics('nginx.conf');
  assert.ok(diagnostic);
  assert.equal(editor.text('nginx.conf', diagnostic.range), 'unknown_one');
});

test('texts of other open documents count before they are saved', async (t) => {
  const main =
    'events {}\nhttp {\n    include upstreams.conf;\n    server {\n        location / { proxy_pass http://$target; }\n    }\n}\n';
  const editor = await Editor.start(t, { 'upstreams.conf': '', 'nginx.conf': main });
  await editor.open('nginx.conf', main);
  assert.deepEqual(
    (await editor.diagnostics('nginx.conf')).map(({ code }) => code),
    ['unknown-variable'],
  );
  await editor.open('upstreams.conf', 'map $host $target { default 127.0.0.1:9000; }\n');
  const uri = editor.uri('nginx.conf');
  await editor.publication(
    (each) => each.uri === uri && !each.diagnostics.some(({ code }) => code === 'unknown-variable'),
  );
});

test('findings in included files that are not open are reported, and withdrawn', async (t) => {
  const main = 'events {}\nhttp {\n    include sites/*.conf;\n}\n';
  const editor = await Editor.start(t, { 'nginx.conf': main, 'sites/a.conf': 'server { listen 127.0.0.1:x; }\n' });
  await editor.open('nginx.conf', main);
  const uri = editor.uri('sites/a.conf');
  const { diagnostics } = await editor.publication((each) => each.uri === uri);
  assert.equal(diagnostics.length, 1);
  await editor.replace('nginx.conf', 'events {}\nhttp {}\n');
  await editor.publication((each) => each.uri === uri && each.diagnostics.length === 0);
});
