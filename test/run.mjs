// Runs the compiled tests with node:test. Arguments narrow them: `node test/run.mjs routing http/reader` runs the test files
// whose path contains one of the words. TEST_REPORTER names another reporter of node:test (`tap`, `spec`). Written as plain
// JavaScript: it must run before anything is known to compile.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiled = join(root, 'dist', 'test');
const source = join(root, 'test');

// Compiled files without a source must not run: tsc never cleans dist.
const sources = new Set(walk(source, '.test.ts').map((path) => relative(source, path).replace(/\.ts$/, '')));
const wanted = process.argv.slice(2);
const files = walk(compiled, '.test.js')
  .filter((path) => sources.has(relative(compiled, path).replace(/\.js$/, '')))
  .filter((path) => wanted.length === 0 || wanted.some((word) => relative(compiled, path).includes(word)))
  .sort();

if (files.length === 0) {
  console.error(
    wanted.length === 0 ? 'no compiled tests: run npm run build' : `no test file matches ${wanted.join(' ')}`,
  );
  process.exit(1);
}

// A file waits for timers and other processes about half of its time: two more than there are cores keep these busy. Many more
// would make tests exceed their timeouts.
const concurrency = Math.min(4, availableParallelism() + 2);
// A failed test may leave a server open, which would keep its file, and the whole run, from ever ending.
const timeout = 180_000;
const options = [
  `--import=${pathToFileURL(join(root, 'test', 'open-handles.mjs'))}`,
  '--test',
  `--test-concurrency=${concurrency}`,
  `--test-timeout=${timeout}`,
  `--test-reporter=${process.env.TEST_REPORTER ?? pathToFileURL(join(root, 'test', 'reporter.mjs'))}`,
];
const child = spawn(process.execPath, [...options, ...files], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, NODE_NO_WARNINGS: '1', TEST_TIMEOUT: String(timeout) },
});
child.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
child.on('exit', (code) => process.exit(code ?? 1));

/** Files below a directory whose names end so. */
function walk(directory, ending) {
  let entries;
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return walk(path, ending);
    return entry.name.endsWith(ending) ? [path] : [];
  });
}
