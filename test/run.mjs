// Runs the compiled tests with node:test. Arguments narrow them: `node test/run.mjs routing http/reader` runs the test files
// whose path contains one of the words. TEST_REPORTER names another reporter of node:test (`tap`, `spec`). Written as plain
// JavaScript: it must run before anything is known to compile.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
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
// Maximum number of files in a batch.
const BATCH = 8;
// Directories whose files take long: most of them start processes.
const LONG = /^(?:$|process|stress|oracle|cli|lsp|recipes|example-configurations|editors)/;
// A file has a process of its own if it changes or measures the process, or starts others.
const NEEDS_PROCESS = new RegExp(
  [
    'child_process|worker_threads|node:v8|/proc/|memoryUsage|bufferedMemory|worker_connections',
    '_getActive|getActiveResources|monitorEventLoopDelay|\\bgc\\(|\\bmock\\b|\\bbeforeEach\\b',
    'process\\.(?:chdir|cpuUsage|emit|env|exitCode|on|once|resourceUsage|setuid|umask)\\b',
  ].join('|'),
);
// A failed test may leave a server open, which would keep its batch, and the whole run, from ever ending.
const timeout = 400_000;
const options = [
  `--import=${pathToFileURL(join(root, 'test', 'open-handles.mjs'))}`,
  '--test',
  `--test-concurrency=${concurrency}`,
  `--test-timeout=${timeout}`,
  `--test-reporter=${process.env.TEST_REPORTER ?? pathToFileURL(join(root, 'test', 'reporter.mjs'))}`,
];
/** Files of batches, which are beside those that they import: the runner sorts all by their paths. */
const batches = [];
process.on('exit', () => {
  for (const file of batches) rmSync(file, { force: true });
});
const child = spawn(process.execPath, [...options, ...batched(files)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, NODE_NO_WARNINGS: '1', TEST_TIMEOUT: String(timeout) },
});
child.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));

/**
 * Replaces most files by batches, which import several of one directory: with a process per file, most of them would take more
 * time to start and to compile the proxy than to test it.
 */
function batched(paths) {
  const groups = [];
  const open = new Map();
  for (const path of paths) {
    const directory = relative(compiled, dirname(path));
    const isAlone = LONG.test(directory) || NEEDS_PROCESS.test(readFileSync(path, 'latin1'));
    const group = isAlone ? undefined : open.get(directory);
    if (group !== undefined && group.length < BATCH) {
      group.push(path);
      continue;
    }
    const started = [path];
    groups.push(started);
    if (!isAlone) open.set(directory, started);
  }
  return groups.map((group) => {
    const [first] = group;
    if (group.length === 1) return first;
    // The name tells which files a report about the process is about; another run may have the same batch.
    const names = group.map((path) => basename(path, '.test.js'));
    const file = join(dirname(first), `${names.join('+').slice(0, 200)}.${process.pid}.test.mjs`);
    batches.push(file);
    writeFileSync(file, group.map((path) => `import './${basename(path)}';\n`).join(''));
    return file;
  });
}

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
