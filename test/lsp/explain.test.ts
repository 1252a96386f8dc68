import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import {
  type CodeLens,
  CodeLensRequest,
  CodeLensResolveRequest,
  ExecuteCommandRequest,
} from 'vscode-languageserver-protocol';
import { Editor } from './editor.js';
import { SITE } from './site.js';

/** Titles of the resolved lenses, each with the line of its block. */
async function titles(editor: Editor): Promise<string[]> {
  const uri = editor.uri('nginx.conf');
  const lenses = (await editor.connection.sendRequest(CodeLensRequest.type, { textDocument: { uri } })) ?? [];
  const lines = editor.document('nginx.conf').getText().split('\n');
  const found: string[] = [];
  for (const lens of lenses) {
    const { range, command }: CodeLens = await editor.connection.sendRequest(CodeLensResolveRequest.type, lens);
    assert.equal(command?.command, 'tsproxy.explain');
    assert.equal(command.arguments?.[0], uri);
    found.push(`${lines[range.start.line]?.trim()} | ${command.title}`);
  }
  return found;
}

test('a lens at each server and location shows which location answers a sample request', async (t) => {
  const text = SITE.replace(
    'location /pool/ {',
    'location ^~ /a.png {\n            return 403;\n        }\n        location /pool/ {',
  );
  const editor = await Editor.start(t, {});
  await editor.open('nginx.conf', text);
  const found = await titles(editor);
  assert.deepEqual(found.slice(0, 3), [
    'server { | GET http://shop.example:8080/ → location / (line 26), 200',
    'location / { | GET http://shop.example:8080/ → here, 200',
    'location ^~ /a.png { | GET http://shop.example:8080/a.png → here, 403',
  ]);
  assert.match(found[4] ?? '', /^location ~ .* \| GET http:\/\/shop\.example:8080\/\S*\.png → here, 404$/);
  assert.equal(found.at(-1), 'location / { | GET http://other.example:8080/ → here, 204');
});

test('the command explains a request by the text as it is in the editor', async (t) => {
  const editor = await Editor.start(t, { 'nginx.conf': 'events {}\nhttp {}\n' });
  await editor.open('nginx.conf', SITE);
  const answer = (await editor.connection.sendRequest(ExecuteCommandRequest.type, {
    command: 'tsproxy.explain',
    arguments: [editor.uri('nginx.conf'), 'GET http://shop.example:8080/pool/1'],
  })) as { text: string; explanation: { location: { text: string }; server: { name: string } } };
  assert.equal(answer.explanation.location.text, 'location /pool/');
  assert.match(answer.text, /location \/pool\//);
});

test('certificates that are not on this machine do not prevent an explanation', async (t) => {
  const text =
    'events {}\nhttp {\n    server {\n        listen 443 ssl;\n        server_name a.test;\n        ssl_certificate /nowhere/a.pem;\n        ssl_certificate_key /nowhere/a.key;\n        location / { return 204; }\n    }\n}\n';
  const editor = await Editor.start(t, {});
  await editor.open('nginx.conf', text);
  assert.deepEqual(await titles(editor), [
    'server { | GET https://a.test/ → location / (line 8), 204',
    'location / { return 204; } | GET https://a.test/ → here, 204',
  ]);
});

test('a configuration with errors is not explained, and the command says why', async (t) => {
  const editor = await Editor.start(t, {});
  await editor.open('nginx.conf', SITE.replace('return 204', 'retrun 204'));
  const [first] = await titles(editor);
  assert.equal(first, 'server { | explain GET http://shop.example:8080/');
  await assert.rejects(
    editor.connection.sendRequest(ExecuteCommandRequest.type, {
      command: 'tsproxy.explain',
      arguments: [editor.uri('nginx.conf'), 'GET http://shop.example/'],
    }),
    /unknown directive "retrun"/,
  );
});

test('scripts of a configuration are not run', async (t) => {
  const text =
    'events {}\nhttp {\n    js_import main.js;\n    server {\n        listen 8080;\n        location / { js_content main.hello; }\n    }\n}\n';
  const script =
    'import fs from "fs";\nfs.writeFileSync("%%DIR%%/ran", "");\nfunction hello(r) {}\nexport default { hello };\n';
  const editor = await Editor.start(t, {});
  editor.write('main.js', script.replaceAll('%%DIR%%', editor.directory));
  await editor.open('nginx.conf', text);
  await assert.rejects(
    editor.connection.sendRequest(ExecuteCommandRequest.type, {
      command: 'tsproxy.explain',
      arguments: [editor.uri('nginx.conf'), 'GET /'],
    }),
    /not run by the editor/,
  );
  assert.ok(!existsSync(`${editor.directory}/ran`));
});

test('no lenses are shown if the settings say so', async (t) => {
  const editor = await Editor.start(t, {}, { settings: { codeLens: false } });
  await editor.open('nginx.conf', SITE);
  const lenses = await editor.connection.sendRequest(CodeLensRequest.type, {
    textDocument: { uri: editor.uri('nginx.conf') },
  });
  assert.equal(lenses, null);
});
