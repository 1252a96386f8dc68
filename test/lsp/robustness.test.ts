/** Unfinished texts, and random edits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Diagnostic, PublishDiagnosticsParams } from 'vscode-languageserver-protocol';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { codeActions } from '../../src/lsp/code-actions.js';
import { codeLenses } from '../../src/lsp/code-lenses.js';
import { completionsAt } from '../../src/lsp/completion/completion.js';
import { DiagnosticsPublisher } from '../../src/lsp/diagnostics-publisher.js';
import { formattingEdits } from '../../src/lsp/formatting.js';
import { hoverAt } from '../../src/lsp/hover.js';
import {
  definitionsAt,
  highlightsAt,
  linksIn,
  prepareRename,
  referencesAt,
  renameAt,
} from '../../src/lsp/navigation.js';
import { OpenDocuments } from '../../src/lsp/open-documents.js';
import { foldingRanges, selectionRanges } from '../../src/lsp/ranges.js';
import { semanticTokens } from '../../src/lsp/semantic-tokens.js';
import { documentSymbols, workspaceSymbols } from '../../src/lsp/symbols.js';
import { Workspace } from '../../src/lsp/workspace.js';
import { Editor } from './editor.js';
import { SITE } from './site.js';

const URI = 'file:///nowhere/tsproxy-test/nginx.conf';

/** Uses each feature at the end of a text. */
function useAll(text: string): void {
  const workspace = new Workspace(new OpenDocuments());
  const document = TextDocument.create(URI, 'nginx', 1, text);
  const open = workspace.documents.update(document);
  const position = document.positionAt(text.length);
  const range = { start: { line: 0, character: 0 }, end: position };
  const uriOf = (path: string) => workspace.uriOf(path);
  const target = workspace.analysisOf(open.source.name);
  const { analysis } = target;
  new DiagnosticsPublisher(workspace, () => {}).publish();
  completionsAt(analysis, open, position, true);
  hoverAt(analysis, open, position);
  definitionsAt(analysis, open, position, uriOf);
  referencesAt(analysis, open, position, true, uriOf);
  highlightsAt(analysis, open, position);
  prepareRename(analysis, open, position);
  renameAt(analysis, open, position, 'renamed', uriOf);
  linksIn(analysis, open, uriOf);
  codeActions(workspace.findingsOf(target), open, { range, diagnostics: [], only: undefined }, uriOf);
  codeLenses(analysis, open);
  formattingEdits(open);
  formattingEdits(open, range);
  foldingRanges(open);
  selectionRanges(open, [position]);
  semanticTokens(open);
  documentSymbols(open);
  workspaceSymbols(workspace.known(), 'a', uriOf);
}

const SHORT = `events {}
http {
    map $a $b { default "x$c"; ~^(?<d>\\d) 1; include x; }
    upstream u { server 127.0.0.1:1 weight=2; zone z 64k; }
    server {
        listen [::]:80 default_server; # ä
        location ~* '\\.(a|b)$' {
            if ($http_x = "ä😀") { return 301 https://$host$uri; }
            proxy_pass http://u/; error_page 404 @n;
        }
        location @n { js_content main.f; }
    }
}
`;

test('every feature works at the end of every beginning of a text', () => {
  for (let length = 0; length <= SHORT.length; length++) useAll(SHORT.slice(0, length));
});

test('every feature works in texts without a part', () => {
  for (let from = 0; from < SHORT.length; from += 7) useAll(SHORT.slice(0, from) + SHORT.slice(from + 11));
});

test('the server survives a text that is typed character by character', async (t) => {
  const editor = await Editor.start(t, {});
  await editor.open('nginx.conf', '');
  for (const character of SITE) {
    const end = editor.document('nginx.conf').positionAt(editor.document('nginx.conf').getText().length);
    await editor.edit('nginx.conf', { start: end, end }, character);
  }
  assert.ok((await editor.diagnostics('nginx.conf')).every(({ severity }) => severity !== 1));
});

/** Diagnostics of a text by a new analysis, in a workspace with the editor's folder, so that files above it have no effect. */
function fresh({ directory }: Editor, uri: string, text: string): readonly Diagnostic[] {
  const workspace = new Workspace(new OpenDocuments());
  workspace.folders = [`${directory}/`];
  workspace.documents.update(TextDocument.create(uri, 'nginx', 1, text));
  const published: PublishDiagnosticsParams[] = [];
  new DiagnosticsPublisher(workspace, (params) => published.push(params)).publish();
  return published.find((params) => params.uri === uri)?.diagnostics ?? [];
}

const PIECES = [
  '',
  '\n',
  '\r\n',
  '\r',
  '{',
  '}',
  ';',
  '"',
  "'",
  '#',
  '$',
  '\\',
  'ä',
  '😀',
  '\ud83d',
  ' ',
  'server {',
  'location / {',
  'proxy_pass http://chat;',
  'set $x "$host";',
  'include x/*.conf;',
  '@fallback',
];

test('after random edits, the diagnostics are those of a new analysis', async (t) => {
  const editor = await Editor.start(t, {});
  await editor.open('nginx.conf', SITE);
  const edit = fc.record({ at: fc.nat(), removed: fc.nat({ max: 12 }), piece: fc.constantFrom(...PIECES) });
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 12 }), async (edits) => {
      await editor.replace('nginx.conf', SITE);
      for (const { at, removed, piece } of edits) {
        const document = editor.document('nginx.conf');
        const start = at % (document.getText().length + 1);
        const range = { start: document.positionAt(start), end: document.positionAt(start + removed) };
        await editor.edit('nginx.conf', range, piece);
      }
      const found = await editor.diagnostics('nginx.conf');
      const text = editor.document('nginx.conf').getText();
      assert.deepEqual(found, JSON.parse(JSON.stringify(fresh(editor, editor.uri('nginx.conf'), text))));
    }),
    { numRuns: 25 },
  );
});
