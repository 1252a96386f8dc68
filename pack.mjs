// Prepares `dist` for publication, and restores it: `npm pack` and `npm publish` run it before and after (package.json).
//
// A package contains the modules that its entry points reach, without comments and indentation and with the used parts of the
// bundled packages, and the declarations that its public types reach. The command and its worker are files of their own
// (esbuild.mjs), so that the modules of the command line are not among them.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { argv } from 'node:process';
import { build, transform } from 'esbuild';
import { bundledChevrotain, LICENSES, registryOnly } from './bundled-packages.mjs';

/** Entry points: those of package.json's `exports`, of the command, of processes, and files that are loaded by name. */
const ENTRIES = ['src/index', 'src/library/proxy', 'src/module-api', 'src/testing'];
const PROGRAMS = ['src/cli/precompiled.js', 'src/process/worker-main.js', 'src/process/import-module.cjs'];
/** Directories whose files are built, and published as they are. */
const BUILT = ['src/bundle', 'src/console/page'];

/** The original modules while `dist` is prepared. */
const ORIGINALS = 'dist/.originals';
const LIST = '.npmignore';

/** The files that `entries` reach by relative imports. */
function reached(entries, importsOf) {
  const files = new Set(entries);
  for (const file of files) {
    for (const specifier of importsOf(readFileSync(join('dist', file), 'utf8'))) {
      const target = join(dirname(file), specifier);
      if (BUILT.some((directory) => target.startsWith(`${directory}/`))) continue;
      files.add(target);
    }
  }
  return [...files];
}

function modules() {
  const imports = /(?:\bfrom|\bimport\(?|\brequire\(|\(import\.meta\.url\)\()\s*'(\.[^']+\.c?js)'/g;
  return reached([...ENTRIES.map((entry) => `${entry}.js`), ...PROGRAMS], (text) =>
    [...text.matchAll(imports)].map(([, specifier]) => specifier),
  );
}

function declarations() {
  return reached(
    ENTRIES.map((entry) => `${entry}.d.ts`),
    (text) => [...text.matchAll(/(?:\bfrom |\bimport\()'(\.[^']+)\.js'/g)].map(([, specifier]) => `${specifier}.d.ts`),
  );
}

/**
 * Patterns for `.npmignore` by directory, which include what is published: one list for all would be compared as a whole with each
 * file, which takes npm ten seconds.
 */
function published(files) {
  const lists = new Map();
  const include = (directory, pattern) => {
    if (!lists.has(directory)) lists.set(directory, new Set());
    lists.get(directory).add(pattern);
  };
  const withParents = (directory) => {
    if (directory === '.') return;
    include(dirname(directory), `!/${basename(directory)}/`);
    withParents(dirname(directory));
  };
  for (const file of files) {
    include(dirname(file), `!/${basename(file)}`);
    withParents(dirname(file));
  }
  for (const directory of BUILT) withParents(directory);
  return lists;
}

/** Writes a file in one step: other processes may run the modules. */
function replace(path, text) {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

const BUNDLED = Object.keys(LICENSES);

/** Leaves the imports of other modules of the project as they are. */
const ownModulesAlone = {
  name: 'own modules',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\// }, ({ importer, kind, path }) =>
      kind === 'entry-point' || importer.includes('/node_modules/') ? null : { path, external: true },
    );
  },
};

/** Text of a module as it is published. */
async function publishedText(file) {
  const path = join('dist', file);
  const text = readFileSync(path, 'utf8');
  const options = { minifyWhitespace: true, lineLimit: 160, target: 'es2023' };
  if (file === 'grammar/chevrotain.js') return (await transform(await bundledChevrotain(), options)).code;
  if (BUNDLED.some((name) => text.includes(`'${name}'`))) {
    const { outputFiles } = await build({
      ...options,
      entryPoints: [path],
      write: false,
      bundle: true,
      platform: 'node',
      format: 'esm',
      plugins: [registryOnly, ownModulesAlone],
      logLevel: 'warning',
    });
    return outputFiles[0].text;
  }
  return (await transform(text, options)).code;
}

async function prepare() {
  restore();
  const files = modules();
  for (const [directory, names] of published([...files, ...declarations()])) {
    writeFileSync(join('dist', directory, LIST), ['/*', ...names].join('\n'));
  }
  const texts = await Promise.all(files.map(publishedText));
  for (const [i, file] of files.entries()) {
    const original = join(ORIGINALS, file);
    mkdirSync(dirname(original), { recursive: true });
    writeFileSync(original, readFileSync(join('dist', file)));
    replace(join('dist', file), texts[i]);
  }
}

function restore() {
  if (!existsSync('dist')) return;
  for (const path of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
    if (basename(path) === LIST) rmSync(join('dist', path));
  }
  if (!existsSync(ORIGINALS)) return;
  for (const entry of readdirSync(ORIGINALS, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const original = join(entry.parentPath, entry.name);
    renameSync(original, join('dist', relative(ORIGINALS, original)));
  }
  rmSync(ORIGINALS, { recursive: true });
}

if (argv[2] === 'restore') {
  restore();
} else {
  try {
    await prepare();
  } catch (error) {
    restore();
    throw error;
  }
}
