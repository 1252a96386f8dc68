import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CodeAction, CodeActionKind, CodeActionRequest, type Diagnostic } from 'vscode-languageserver-protocol';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { Editor } from './editor.js';

const TEXT = `events {}
http {
    server {
        listen 127.0.0.1:8080
        server_name a;
        location / {
            add_header Content-Type text/plain;
            retrun 200;
        }
    }
}
`;

async function actionsFor(
  editor: Editor,
  diagnostic: Diagnostic,
  only?: string[],
  name = 'nginx.conf',
): Promise<CodeAction[]> {
  const found = await editor.connection.sendRequest(CodeActionRequest.type, {
    textDocument: { uri: editor.uri(name) },
    range: diagnostic.range,
    context: { diagnostics: [diagnostic], ...(only !== undefined && { only }) },
  });
  return found as CodeAction[];
}

function applied(editor: Editor, action: CodeAction | undefined, name = 'nginx.conf'): string {
  const edits = action?.edit?.changes?.[editor.uri(name)] ?? [];
  return TextDocument.applyEdits(editor.document(name), edits);
}

test('the fixes of findings are offered', async (t) => {
  const editor = await Editor.start(t, {});
  await editor.open('nginx.conf', TEXT);
  const diagnostics = await editor.diagnostics('nginx.conf');
  const misspelt = diagnostics.find(({ code }) => code === 'unknown-directive');
  assert.ok(misspelt, JSON.stringify(diagnostics));
  const [fix] = await actionsFor(editor, misspelt, [CodeActionKind.QuickFix]);
  assert.equal(fix?.title, 'Write return');
  assert.equal(fix.isPreferred, true);
  assert.deepEqual(fix.diagnostics, [misspelt]);
  assert.equal(applied(editor, fix), TEXT.replace('retrun', 'return'));
});

test('all unambiguous fixes are applied at once', async (t) => {
  const editor = await Editor.start(t, {});
  await editor.open('nginx.conf', TEXT);
  const [first] = await editor.diagnostics('nginx.conf');
  assert.ok(first);
  const [action, ...others] = await actionsFor(editor, first, [CodeActionKind.SourceFixAll]);
  assert.deepEqual(others, []);
  assert.equal(applied(editor, action), TEXT.replace('8080\n', '8080;\n').replace('retrun', 'return'));
});

test('a warning is silenced by a comment, and a second one by the same comment', async (t) => {
  const valid = TEXT.replace('8080\n', '8080;\n').replace('retrun', 'return');
  const editor = await Editor.start(t, {});
  await editor.open('nginx.conf', valid);
  const warning = (await editor.diagnostics('nginx.conf')).find(({ code }) => code === 'header-content-type');
  assert.ok(warning);
  const silence = (await actionsFor(editor, warning)).find(({ title }) => title === 'Silence header-content-type here');
  const silenced = applied(editor, silence);
  assert.equal(
    silenced,
    valid.replace(
      '            add_header',
      '            # tsproxy-ignore: header-content-type\n            add_header',
    ),
  );
  await editor.replace('nginx.conf', silenced);
  assert.ok(!(await editor.diagnostics('nginx.conf')).some(({ code }) => code === 'header-content-type'));

  const other = silenced.replace('header-content-type\n', 'sse-buffering\n');
  await editor.replace('nginx.conf', other);
  const again = (await editor.diagnostics('nginx.conf')).find(({ code }) => code === 'header-content-type');
  assert.ok(again);
  const added = (await actionsFor(editor, again)).find(({ title }) => title.startsWith('Silence header-content-type'));
  assert.equal(applied(editor, added), other.replace('sse-buffering\n', 'sse-buffering, header-content-type\n'));
});

test('errors cannot be silenced', async (t) => {
  const editor = await Editor.start(t, {});
  await editor.open('nginx.conf', TEXT);
  const error = (await editor.diagnostics('nginx.conf')).find(({ code }) => code === 'unknown-directive');
  assert.ok(error);
  assert.ok(!(await actionsFor(editor, error)).some(({ title }) => title.startsWith('Silence unknown-directive')));
});

test('fixes of a template keep its tags', async (t) => {
  const template = 'server {\n    listen 127.0.0.1:8080;\n    server_name {{ name }};\n    retrun 200;\n}\n';
  const editor = await Editor.start(t, {});
  await editor.open('site.conf.j2', template);
  const [misspelt] = await editor.diagnostics('site.conf.j2');
  assert.equal(misspelt?.code, 'unknown-directive');
  const [action] = await actionsFor(editor, misspelt, [CodeActionKind.SourceFixAll], 'site.conf.j2');
  assert.equal(applied(editor, action, 'site.conf.j2'), template.replace('retrun', 'return'));
});
