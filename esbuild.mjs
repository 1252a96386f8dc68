// The command and its worker as one file each: Node takes three times as long to load the modules one by one as it takes to
// check a small configuration. They stand as deep as the compiled sources, so that what is found from there is found by them.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { build, transform } from 'esbuild';
import { bundledChevrotain, licenses, registryOnly, replaceOnce } from './bundled-packages.mjs';

rmSync('dist/src/bundle/main.cjs.cache', { force: true });
mkdirSync('dist/src/bundle', { recursive: true });
writeFileSync('dist/src/bundle/LICENSES.txt', licenses());

const chevrotain = await bundledChevrotain();

/** Modules of Node that most tests of a configuration do not need. Each has up to twenty internal modules. */
const LAZY = ['node:child_process', 'node:crypto', 'node:tls', 'node:v8', 'node:worker_threads', 'node:zlib'];

/**
 * Uses Node's own modules directly, where esbuild copies them to an object with a getter for each property. `lazy`: those that
 * are loaded when they are used.
 */
function withBuiltins(text, lazy) {
  const copied = text.replace(/__toESM\((require\("node:[\w/]+"\))(?:, 1)?\)(?=[,;])/g, '$1');
  const modules = new Map();
  for (const [, variable, name] of copied.matchAll(/(\w+) = require\("(node:[\w/]+)"\)/g)) modules.set(variable, name);
  const variables = [...modules.keys()].join('|');
  const direct = copied.replace(new RegExp(`\\b(${variables})\\.default\\b`, 'g'), '$1');
  return direct.replace(new RegExp(`\\b(${variables})\\b( = require\\(|\\.|[,;])?`, 'g'), (use, variable, next) => {
    if (!lazy.includes(modules.get(variable)) || next === ',' || next === ';') return use;
    if (next === '.') return `(${variable}()).`;
    if (next === undefined) throw new Error(`not loaded when it is used: ${variable}`);
    return `${variable} = () => require(`;
  });
}

/**
 * Defines the exports of a module that is imported dynamically when it is imported: esbuild defines those of all at the start,
 * with a function for each export.
 */
function withLateExports(text) {
  const defined = /^__export\((\w+), (\{\n(?: {2}.*\n)*\})\);$/gm;
  const names = [...text.matchAll(defined)].map(([, name]) => name);
  if (names.length === 0) return text;
  const uses = new RegExp(`(?<!\\bvar |__later\\.set\\()\\b(${names.join('|')})\\b`, 'g');
  const late = text.replace(defined, '__later.set($1, () => ($2));').replace(uses, '__exported($1)');
  const helper = `var __later = new Map();
var __exported = (target) => {
  const all = __later.get(target);
  if (all !== undefined) {
    __later.delete(target);
    __export(target, all());
  }
  return target;
};
`;
  return replaceOnce(late, /^(?=var __export = )/m, helper);
}

// The page of the console, for browsers.
await build({
  entryPoints: [
    { in: 'src/console/page/main.ts', out: 'page' },
    { in: 'src/console/page/style/page.css', out: 'page' },
    { in: 'src/console/page/index.html', out: 'index' },
    { in: 'src/console/page/icon.svg', out: 'icon' },
  ],
  outdir: 'dist/src/console/page',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2023',
  loader: { '.html': 'copy', '.svg': 'copy' },
  logLevel: 'warning',
});

const { outputFiles } = await build({
  entryPoints: ['dist/src/cli/main.js', 'dist/src/process/worker-main.js', 'dist/src/passwords/thread.js'],
  write: false,
  outdir: 'dist/src/bundle',
  entryNames: '[name]',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  // What comes from other packages is loaded where it is needed; this one is needed each time.
  external: [
    '@opentelemetry/*',
    '@swc/wasm-typescript',
    'acorn',
    'ajv',
    'ajv/dist/2020.js',
    'commander',
    'ioredis',
    'jose',
    'saxes',
    'vscode-languageserver',
    'vscode-languageserver/node',
    'vscode-languageserver-textdocument',
    'ws',
  ],
  plugins: [
    registryOnly,
    {
      name: 'chevrotain',
      setup({ onLoad }) {
        const contents = `/*! chevrotain: see LICENSES.txt */ ${chevrotain}`;
        onLoad({ filter: /\/grammar\/chevrotain\.js$/ }, () => ({ contents, resolveDir: '.' }));
      },
    },
  ],
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // `import()` needs a loader, which a script with cached code has not.
  supported: { 'dynamic-import': false },
  define: { 'import.meta.url': 'bundleUrl' },
  banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
  logLevel: 'warning',
});

for (const { path, text } of outputFiles) {
  const isCommand = basename(path) === 'main.cjs';
  const complete = withLateExports(withBuiltins(text, isCommand ? LAZY : []));
  // Without indentation the text is a quarter shorter: it is read in a millisecond less, and each worker keeps it in memory.
  const { code } = await transform(complete, { minifyWhitespace: true, lineLimit: 160, target: 'node20' });
  if (!isCommand) {
    writeFileSync(path, code);
    continue;
  }
  // An expression, a function that `src/cli/precompiled.ts` calls, so that it need not copy the text.
  writeFileSync(path, `(function (require, module, __filename) {${code}\n})`);
}

const { command } = await import('./dist/src/cli/precompiled.js');

// The code that V8 makes of the command while it tests a small configuration is kept beside it: other code is compiled when it is
// needed. That of a long configuration would take a small one 3 ms to read, and save a long one not much more.
const { main, keep } = command();
// What has run once must not be forgotten meanwhile.
setFlagsFromString('--no-flush-bytecode');
process.on('exit', () => {
  setFlagsFromString('--flush-bytecode');
  keep();
});
main(['-t', '-q', '-c', 'conf/demo.conf']);
