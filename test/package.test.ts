/** package.json: what is published, and what is optional. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { installCommand } from '../src/config/optional-package.js';
import { documentUrl, REPOSITORY } from '../src/diagnostics/documents.js';
import { modules } from '../src/modules/index.js';
import { ROOT } from './structure/sources.js';

const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly repository: { readonly url: string };
  readonly homepage: string;
  readonly bugs: { readonly url: string };
  readonly keywords: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
};

test('package.json and the addresses in messages name the same repository', () => {
  assert.equal(PACKAGE.repository.url, `git+${REPOSITORY}.git`);
  assert.equal(PACKAGE.homepage, `${REPOSITORY}#readme`);
  assert.equal(PACKAGE.bugs.url, `${REPOSITORY}/issues`);
  assert.equal(documentUrl('docs/codes.md#syntax'), `${REPOSITORY}/blob/main/docs/codes.md#syntax`);
  assert.ok(PACKAGE.keywords.includes('nginx'));
});

test('every peer dependency is optional, and installed in a checkout', () => {
  const names = Object.keys(PACKAGE.peerDependencies);
  assert.deepEqual(
    names.filter((name) => PACKAGE.peerDependenciesMeta[name]?.optional !== true),
    [],
  );
  assert.deepEqual(
    names.filter((name) => !(name in PACKAGE.devDependencies)),
    [],
  );
  assert.deepEqual(
    names.filter((name) => name in PACKAGE.dependencies),
    [],
  );
});

test('packages that directives need are peer dependencies', () => {
  const needed = modules.flatMap(({ directives }) =>
    Object.values(directives).flatMap(({ packages = [] }) => packages),
  );
  assert.ok(needed.includes('jose'));
  assert.deepEqual(
    needed.filter((name) => !(name in PACKAGE.peerDependencies)),
    [],
  );
});

test('docs/installing.md has the command for the packages of each directive', () => {
  const page = readFileSync(join(ROOT, 'docs/installing.md'), 'utf8');
  for (const { directives } of modules) {
    for (const [name, { packages }] of Object.entries(directives)) {
      if (packages === undefined) continue;
      assert.ok(page.includes(`\`${installCommand(packages)}\``), name);
      assert.ok(page.includes(`#${name})`), name);
    }
  }
});
