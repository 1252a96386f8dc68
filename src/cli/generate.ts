/**
 * Generates files from the declarations of the modules: `src/modules/index.ts`, `src/process/module-names.ts`,
 * `docs/directives/`, the indexes of the lints, `docs/codes.md`, `man/tsproxy.1`, and the grammar of editors. With `--check` it writes nothing and fails
 * if a file is out of date. Run by `npm run generate`, from a checkout.
 */
import { mkdirSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Lint } from '../lints/engine/lint.js';
import type { Module } from '../program/module.js';
import { codeStories } from './code-stories.js';
import { codePage } from './generate/code-page.js';
import { directivePages } from './generate/directive-pages.js';
import { grammarText } from './generate/grammar.js';
import { lintIndex, lintPaths, namedLints } from './generate/lint-index.js';
import { manPage } from './generate/man-page.js';
import { moduleIndex, modulePaths } from './generate/module-index.js';
import { moduleNames } from './generate/module-names.js';
import { declaredProgram } from './program.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Returns the outdated files, after rewriting them unless `check`. Paths are relative to the checkout. */
export async function generate(check: boolean): Promise<string[]> {
  const paths = modulePaths(join(ROOT, 'src/modules'));
  const stale = [...outdated('src/modules', new Map([['index.ts', moduleIndex(paths)]]), check)];
  // Imported individually, because the index may not be compiled yet.
  const modules = await Promise.all(paths.map((path) => load<Module>(path, '../modules/')));
  const byPath = new Map(modules.map((module, i) => [paths[i] ?? '', module]));
  const lints = lintPaths(join(ROOT, 'src/lints'));
  stale.push(...outdated('src/lints', new Map([['index.ts', lintIndex(lints)]]), check));
  const lintsByPath = new Map<string, Lint>();
  for (const path of lints) lintsByPath.set(path, await load<Lint>(path, '../lints/'));
  return [
    ...stale,
    ...outdated('src/lints/engine', new Map([['named-lints.ts', namedLints(lintsByPath)]]), check),
    ...outdated('src/process', new Map([['module-names.ts', moduleNames(byPath)]]), check),
    ...outdated('docs', new Map([['codes.md', codePage(codeStories([...lintsByPath.values()]))]]), check),
    ...outdated('man', new Map([['tsproxy.1', manPage(declaredProgram(() => {}))]]), check),
    ...outdated('editors/vscode/syntaxes', new Map([['nginx.tmLanguage.json', grammarText(modules)]]), check),
    ...outdated('docs/directives', directivePages(modules), check, '.md'),
  ];
}

/** Loads a file's default export. */
async function load<T>(path: string, room: string): Promise<T> {
  const url = new URL(path.replace('./', room), import.meta.url);
  return ((await import(url.href)) as { default: T }).default;
}

/** Files of a directory that differ from their expected texts, including surplus files with `ending`. */
function* outdated(
  directory: string,
  files: ReadonlyMap<string, string>,
  check: boolean,
  ending?: string,
): Generator<string> {
  const place = join(ROOT, directory);
  if (!check) {
    mkdirSync(place, { recursive: true });
  }
  for (const [name, text] of files) {
    const path = join(place, name);
    if (textOf(path) !== text) {
      yield relative(ROOT, path);
      if (!check) {
        writeFileSync(path, text);
      }
    }
  }
  for (const name of ending === undefined ? [] : namesIn(place)) {
    if (ending !== undefined && name.endsWith(ending) && !files.has(name)) {
      yield `${directory}/${name}`;
      if (!check) {
        unlinkSync(join(place, name));
      }
    }
  }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes('--check');
  const stale = await generate(check);
  for (const path of stale) {
    console.log(check ? `${path} is out of date: run npm run generate` : `wrote ${path}`);
  }
  process.exitCode = check && stale.length > 0 ? 1 : 0;
}
