import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import { languageOf, RETIRED_CONSTANT, RETIRED_NAMES, UNNAMED_SUBJECT } from './structure/language.js';
import { cycleIn, directoryOf, LAYERS, layerOf, nodesInCycles } from './structure/layers.js';
import { filesIn, type Import, importsOf, textOf } from './structure/sources.js';

const sources = ['grammar', 'src'].flatMap((directory) => filesIn(directory, '.ts'));
const imports = new Map<string, Import[]>(
  [...sources, 'bin/tsproxy'].map((path) => [path, importsOf(path, textOf(path)).filter(({ own }) => own)]),
);

/** Every import of one source file by another. */
function* dependencies(): Generator<{ from: string; to: Import }> {
  for (const [from, targets] of imports) {
    for (const to of targets) {
      yield { from, to };
    }
  }
}

test('every source file belongs to a layer', () => {
  assert.deepEqual(
    sources.filter((path) => directoryOf(path) === undefined),
    [],
  );
});

test('imports point to the same or a lower layer', () => {
  const wrong: string[] = [];
  for (const { from, to } of dependencies()) {
    const [above, below] = [directoryOf(from), directoryOf(to.path)];
    if (above === undefined || below === undefined) {
      // The executable runs what was compiled.
      if (!to.path.startsWith('dist/')) wrong.push(`${from} imports ${to.path}, which belongs to no layer`);
    } else if (layerOf(above) > layerOf(below)) {
      wrong.push(`${from} imports ${to.path}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('directories of one layer do not import each other in a cycle', () => {
  for (const directories of LAYERS) {
    const edges = new Map(directories.map((directory) => [directory, new Set<string>()]));
    for (const { from, to } of dependencies()) {
      const [above = '', below = ''] = [directoryOf(from), directoryOf(to.path)];
      if (above !== below && directories.includes(above) && directories.includes(below)) {
        edges.get(above)?.add(below);
      }
    }
    assert.equal(cycleIn(edges), null);
  }
});

test('files do not import each other in a cycle, not even types', () => {
  const edges = new Map(sources.map((path) => [path, (imports.get(path) ?? []).map((to) => to.path)]));
  assert.deepEqual(nodesInCycles(edges), []);
  assert.deepEqual(
    nodesInCycles(
      new Map([
        ['a', ['b']],
        ['b', ['c', 'd']],
        ['c', ['a']],
        ['d', []],
      ]),
    ),
    ['a', 'b', 'c'],
  );
});

test('the grammar imports nothing else of the project', () => {
  const wrong = [...dependencies()].filter(
    ({ from, to }) => from.startsWith('grammar/') && !to.path.startsWith('grammar/'),
  );
  assert.deepEqual(wrong, []);
});

test('a module imports no other module', () => {
  const moduleOf = (path: string) => /^src\/modules\/([^/.]+)/.exec(path)?.[1];
  const wrong = [...dependencies()].filter(({ from, to }) => {
    const [importer, imported] = [moduleOf(from), moduleOf(to.path)];
    return from !== 'src/modules/index.ts' && importer !== undefined && imported !== undefined && importer !== imported;
  });
  assert.deepEqual(
    wrong.map(({ from, to }) => `${from} imports ${to.path}`),
    [],
  );
});

test('code that serves traffic loads neither the grammar nor the command line', () => {
  const serving =
    /^src\/(modules|server|upstream|tunnel|exchange|program|routing|http|http1|http2|websocket|net|logging|files|zones|tls|encoding|passwords)\//;
  const reachedFrom = new Map(sources.filter((path) => serving.test(path)).map((path) => [path, '']));
  for (const path of reachedFrom.keys()) {
    for (const { path: next, typeOnly } of imports.get(path) ?? []) {
      if (!typeOnly && !reachedFrom.has(next)) reachedFrom.set(next, path);
    }
  }
  const wrong = [...reachedFrom].filter(([path]) => path.startsWith('grammar/') || path.startsWith('src/cli/'));
  assert.deepEqual(
    wrong.map(([path, by]) => `${by} loads ${path}`),
    [],
  );
});

test('a proxy of the library loads no tool', () => {
  const reached = new Map([['src/library/proxy.ts', '']]);
  for (const path of reached.keys()) {
    for (const { path: next, typeOnly } of imports.get(path) ?? []) {
      if (!typeOnly && !reached.has(next)) reached.set(next, path);
    }
  }
  const wrong = [...reached].filter(([path]) => /^src\/(?:lints|format|explain|cli)\//.test(path));
  assert.deepEqual(
    wrong.map(([path, by]) => `${by} loads ${path}`),
    [],
  );
  assert.ok(reached.size > 100);
});

test('file names are specific', () => {
  const vague = /(^|[-_.])(utils?|helpers?|common|managers?|misc|stuff)([-_.]|$)/i;
  const all = ['grammar', 'src', 'test', 'bench'].flatMap((directory) => filesIn(directory, '.ts'));
  assert.deepEqual(
    all.filter((path) => path.split('/').some((part) => vague.test(part))),
    [],
  );
});

test('files are named in kebab-case, modules in snake_case as nginx names them', () => {
  const wrong = sources.filter((path) => {
    const form = /^src\/modules\/[^/]+$/.test(path) ? /^[a-z0-9_]+\.ts$/ : /^[a-z0-9-]+\.ts$/;
    return !form.test(basename(path));
  });
  assert.deepEqual(wrong, []);
});

test('no file is longer than 500 lines', () => {
  const all = ['grammar', 'src', 'test', 'bench'].flatMap((directory) => filesIn(directory, '.ts'));
  const long = all
    .map((path) => ({ path, lines: textOf(path).split('\n').length - 1 }))
    .filter(({ lines }) => lines > 500);
  assert.deepEqual(long, []);
});

test('imports of all forms are found', () => {
  const text = `
import a from './a.js';
import type { B } from '../b/b.js';
import { type C, type D } from './c.js';
import {
  e,
  type F,
} from './e.js';
import './g.js';
export { h } from './h.js';
export * from './i.js';
const j = await import('./j.js');
import k from 'node:fs';
`;
  const found = importsOf('src/x/y.ts', text).map(({ path, typeOnly }) => `${path}${typeOnly ? ' (types)' : ''}`);
  assert.deepEqual(found, [
    'src/x/a.ts',
    'src/b/b.ts (types)',
    'src/x/c.ts (types)',
    'src/x/e.ts',
    'src/x/g.ts',
    'src/x/h.ts',
    'src/x/i.ts',
    'node:fs',
    'src/x/j.ts',
  ]);
});

test('comments name their subject, and replaced names are not used again', () => {
  const wrong: string[] = [];
  for (const path of ['grammar', 'src', 'bench', 'test/kit'].flatMap((directory) => filesIn(directory, '.ts'))) {
    const { comments, names } = languageOf(textOf(path));
    for (const { line, text } of comments) {
      if (UNNAMED_SUBJECT.test(text)) wrong.push(`${path}:${line}: ${text.split('\n', 1)[0]}`);
    }
    for (const { line, text } of names) {
      if (RETIRED_NAMES.has(text) || RETIRED_CONSTANT.test(text)) wrong.push(`${path}:${line}: ${text}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('comments of all forms are found, but not in literals', () => {
  const text = `
/** Who reads this. */
const url = 'http://example.com'; // What follows
const pattern = /"\\/\\*/;
  // Those lines
  // are one comment.
const page = \`/** What */ \${url} // Who\`;
`;
  const { comments, names } = languageOf(text);
  assert.deepEqual(
    comments.filter((comment) => UNNAMED_SUBJECT.test(comment.text)).map(({ line }) => line),
    [2, 3, 5],
  );
  assert.deepEqual(
    names.map((name) => name.text),
    ['const', 'url', 'const', 'pattern', 'const', 'page'],
  );
});

test('the glossary lists the exported types of the data path', () => {
  const glossary = textOf('docs/glossary.md');
  const tools =
    /^src\/(?:cli|config|convert|diagnostics|difference|explain|format|fragments|library|lints|lsp|modules|process)$/;
  const directories = LAYERS.flat().filter((path) => /^src\/\w+$/.test(path) && !tools.test(path));
  const missing = directories
    .flatMap((directory) => filesIn(directory, '.ts'))
    // Scripts of the page run in browsers, not in the data path.
    .filter((path) => !path.startsWith('src/console/page/'))
    .flatMap((path) =>
      [...textOf(path).matchAll(/^export (?:abstract )?(?:class|interface|type) (\w+)/gm)]
        .filter(([, name]) => !glossary.includes(`\`${name}\``))
        .map(([, name]) => `${name} of ${path}`),
    );
  assert.deepEqual(missing, []);
});
