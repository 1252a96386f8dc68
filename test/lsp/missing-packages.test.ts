import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

test('without its packages, the command says what to install', (t) => {
  const copy = mkdtempSync(join(tmpdir(), 'tsproxy-lsp-'));
  t.after(() => rmSync(copy, { recursive: true }));
  for (const path of ['bin', 'package.json', 'dist/src/bundle', 'dist/src/cli/precompiled.js']) {
    cpSync(join(ROOT, path), join(copy, path), { recursive: true });
  }
  mkdirSync(join(copy, 'node_modules'));
  symlinkSync(join(ROOT, 'node_modules/commander'), join(copy, 'node_modules/commander'));
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(copy, 'bin/tsproxy'), 'lsp'], {
    encoding: 'utf8',
    input: '',
    timeout: 60_000,
  });
  assert.match(stderr, /^tsproxy: "tsproxy lsp" needs the npm packages "vscode-languageserver".* are not installed: /);
  assert.ok(stderr.endsWith(': npm install vscode-languageserver@11 vscode-languageserver-textdocument@1\n'), stderr);
  assert.equal(stdout, '');
  assert.equal(status, 1);
});
