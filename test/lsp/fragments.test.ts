import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type CompletionItem,
  CompletionRequest,
  DefinitionRequest,
  DidChangeWatchedFilesNotification,
  FileChangeType,
  type Location,
  type Position,
} from 'vscode-languageserver-protocol';
import { Editor } from './editor.js';

const MAIN = `events {}
http {
    map $http_upgrade $mode { default up; }
    limit_req_zone $binary_remote_addr zone=perip:10m rate=1r/s;
    upstream app { server 127.0.0.1:9000; }
    include /etc/nginx/sites-enabled/*;
}
`;

const SITE = `server {
    listen 127.0.0.1:8080;
    location / {
        limit_req zone=perip;
        proxy_pass http://app;
        proxy_set_header X-Mode $mode;
        proxy_set_header X-None $nowhere;
    }
}
`;

async function codes(editor: Editor, name: string): Promise<unknown[]> {
  return (await editor.diagnostics(name)).map(({ code, range }) => `${code} ${editor.text(name, range)}`);
}

/** Labels of the completions at a position. */
async function completions(editor: Editor, name: string, position: Position): Promise<string[]> {
  const textDocument = { uri: editor.uri(name) };
  const found = await editor.connection.sendRequest(CompletionRequest.type, { textDocument, position });
  return (found as CompletionItem[]).map(({ label }) => label);
}

/** URIs of the definitions of a name. */
async function definitions(editor: Editor, name: string, mark: string, offset: number): Promise<string[]> {
  const found = await editor.connection.sendRequest(DefinitionRequest.type, editor.at(name, mark, offset));
  return (found as Location[]).map(({ uri }) => uri);
}

test('a site that the main file includes is checked in it, also where both will be installed elsewhere', async (t) => {
  const editor = await Editor.start(t, { 'nginx.conf': MAIN, 'sites-enabled/shop': SITE });
  await editor.open('sites-enabled/shop', SITE);
  assert.deepEqual(await codes(editor, 'sites-enabled/shop'), ['unknown-variable $nowhere']);
  assert.deepEqual(await definitions(editor, 'sites-enabled/shop', 'http://app', 8), [editor.uri('nginx.conf')]);
});

test('a file is the same under the name of a link to it', async (t) => {
  const editor = await Editor.start(t, {
    'nginx.conf': MAIN,
    'sites-available/shop': 'server { listen 127.0.0.1:80; }\n',
    'sites-enabled/x': '',
  });
  symlinkSync('../sites-available/shop', join(editor.directory, 'sites-enabled/shop'));
  await editor.open('sites-available/shop', SITE);
  assert.deepEqual(await codes(editor, 'sites-available/shop'), ['unknown-variable $nowhere']);
});

test('a site that no main file includes is checked with the names of the nearest one', async (t) => {
  const editor = await Editor.start(t, { 'nginx.conf': MAIN, 'sites-available/shop.conf': SITE });
  await editor.open('sites-available/shop.conf', SITE);
  assert.deepEqual(await codes(editor, 'sites-available/shop.conf'), ['unknown-variable $nowhere']);
});

test('without a main file, the files around define names, and others are not reported as missing', async (t) => {
  const files = {
    'conf.d/app.conf': 'upstream app { server 127.0.0.1:9000; }\nmap $http_upgrade $mode { default up; }\n',
    'sites/shop.conf': SITE,
  };
  const editor = await Editor.start(t, files);
  await editor.open('sites/shop.conf', SITE);
  assert.deepEqual(await codes(editor, 'sites/shop.conf'), []);
  assert.deepEqual(await definitions(editor, 'sites/shop.conf', 'X-Mode $mode', 9), [editor.uri('conf.d/app.conf')]);
});

test('a snippet is checked and completed in the block that its directives belong to', async (t) => {
  const text = 'proxy_pass http://127.0.0.1:9000;\nproxy_set_header Host $host;\nproxy_bufering off;\n';
  const editor = await Editor.start(t, { 'snippets/proxy.conf': text });
  await editor.open('snippets/proxy.conf', text);
  assert.deepEqual(await codes(editor, 'snippets/proxy.conf'), ['unknown-directive proxy_bufering']);
  const labels = await completions(editor, 'snippets/proxy.conf', { line: 3, character: 0 });
  assert.ok(labels.includes('proxy_pass') && !labels.includes('upstream') && !labels.includes('server_name'));
});

test('a file in a block of an including file is completed in that block', async (t) => {
  const main = 'events {}\nhttp {\n    upstream app {\n        include servers.conf;\n    }\n}\n';
  const editor = await Editor.start(t, { 'nginx.conf': main, 'servers.conf': 'server 127.0.0.1:1;\n' });
  await editor.open('servers.conf', 'server 127.0.0.1:1;\n');
  assert.deepEqual(await codes(editor, 'servers.conf'), []);
  const labels = await completions(editor, 'servers.conf', { line: 1, character: 0 });
  assert.ok(labels.includes('least_conn'));
});

test('the main file of the settings is used', async (t) => {
  const files = {
    'deploy/edge.txt': MAIN.replace('/etc/nginx/sites-enabled/*', '../parts/*.conf'),
    'parts/shop.conf': SITE,
  };
  const editor = await Editor.start(t, files, { settings: { mainFile: 'deploy/edge.txt' } });
  await editor.open('parts/shop.conf', SITE);
  assert.deepEqual(await codes(editor, 'parts/shop.conf'), ['unknown-variable $nowhere']);
});

test('codes of the settings are not reported, errors are', async (t) => {
  const text =
    'events {}\nhttp {\n    server {\n        listen 127.0.0.1:80;\n        nothing;\n        location / { add_header Content-Type a; return 200; }\n    }\n}\n';
  const settings = { ignore: ['header-content-type', 'unknown-directive'] };
  const editor = await Editor.start(t, {}, { settings });
  await editor.open('nginx.conf', text);
  assert.deepEqual(await codes(editor, 'nginx.conf'), ['unknown-directive nothing']);
});

test('unsupported features are warnings if the settings allow them', async (t) => {
  const text =
    'events {}\nhttp {\n    server {\n        listen 127.0.0.1:80;\n        location / { fastcgi_pass 127.0.0.1:9000; }\n    }\n}\n';
  const editor = await Editor.start(t, {}, { settings: { allowUnsupported: true } });
  await editor.open('nginx.conf', text);
  const found = await editor.diagnostics('nginx.conf');
  assert.deepEqual(
    found.map(({ code, severity }) => [code, severity]),
    [['nginx-only-directive', 2]],
  );
});

test('files that change on disk are read again', async (t) => {
  const main =
    'events {}\nhttp {\n    include names.conf;\n    server {\n        listen 127.0.0.1:80;\n        return 200 $name;\n    }\n}\n';
  const editor = await Editor.start(t, { 'nginx.conf': main, 'names.conf': '' });
  await editor.open('nginx.conf', main);
  assert.deepEqual(await codes(editor, 'nginx.conf'), ['unknown-variable $name']);
  editor.write('names.conf', 'map $host $name { default a; }\n');
  const uri = editor.uri('names.conf');
  await editor.connection.sendNotification(DidChangeWatchedFilesNotification.type, {
    changes: [{ uri, type: FileChangeType.Changed }],
  });
  await editor.publication((each) => each.uri === editor.uri('nginx.conf') && each.diagnostics.length === 0);
});

test('tags of templates are not reported', async (t) => {
  const text =
    'server {\n    listen {{ port }};\n{% if tls %}\n    server_name {{ name }};\n{% endif %}\n    nothing on;\n}\n';
  const editor = await Editor.start(t, {});
  await editor.open('site.conf.j2', text);
  assert.deepEqual(await codes(editor, 'site.conf.j2'), ['unknown-directive nothing']);
});
