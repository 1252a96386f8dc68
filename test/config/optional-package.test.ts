import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importOptional, installCommand, MissingPackage } from '../../src/config/optional-package.js';

test('an optional package that is installed is imported', async () => {
  const loaded = await importOptional(
    '"tsproxy lsp"',
    ['vscode-languageserver'],
    () => import('vscode-languageserver'),
  );
  assert.equal(typeof loaded.TextDocuments, 'function');
});

test('the error about a package that is not installed names the feature and the command that installs it', async () => {
  const name = 'tsproxy-package-that-does-not-exist';
  await assert.rejects(
    importOptional('directive "auth_jwt"', [name], () => import(name)),
    (error) => {
      assert.ok(error instanceof MissingPackage);
      assert.equal(
        error.message,
        `directive "auth_jwt" needs the npm package "${name}", which is not installed: npm install ${name}`,
      );
      return true;
    },
  );
});

test('a file of a package that is not installed counts as the package', async () => {
  const name = 'tsproxy-package-that-does-not-exist';
  await assert.rejects(
    importOptional('it', ['other', name], () => import(`${name}/dist/file.js`)),
    /it needs the npm packages "other", "tsproxy-package-that-does-not-exist", which are not installed/,
  );
});

test('other errors of an import are passed on', async () => {
  await assert.rejects(
    importOptional('it', ['jose'], () => import('tsproxy-package-that-does-not-exist' as string)),
    (error) => !(error instanceof MissingPackage),
  );
  await assert.rejects(
    importOptional('it', ['jose'], () => Promise.reject(new SyntaxError('broken'))),
    SyntaxError,
  );
});

test('the version to install is that of the peer dependencies', () => {
  assert.equal(
    installCommand(['vscode-languageserver', 'vscode-languageserver-textdocument']),
    'npm install vscode-languageserver@11 vscode-languageserver-textdocument@1',
  );
});
