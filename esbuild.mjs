// The command and its worker as one file each: Node takes three times as long to load the modules one by one as it takes to
// check a small configuration. They stand as deep as the compiled sources, so that what is found from there is found by them.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { build } from 'esbuild';

rmSync('dist/src/bundle/main.cjs.cache', { force: true });
mkdirSync('dist/src/bundle', { recursive: true });
copyFileSync('node_modules/chevrotain/LICENSE.txt', 'dist/src/bundle/chevrotain.LICENSE.txt');
await build({
  entryPoints: ['dist/src/cli/main.js', 'dist/src/process/worker-main.js', 'dist/src/passwords/thread.js'],
  outdir: 'dist/src/bundle',
  entryNames: '[name]',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  // What comes from other packages is loaded where it is needed; this one is needed each time.
  external: ['@swc/wasm-typescript', 'acorn', 'ajv', 'ajv/dist/2020.js', 'commander', 'diff', 'jose', 'saxes', 'ws'],
  plugins: [
    {
      name: 'chevrotain',
      setup({ onLoad }) {
        const contents = "/*! chevrotain: see chevrotain.LICENSE.txt */ export * from 'chevrotain';";
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

const { command } = await import('./dist/src/cli/precompiled.js');
const { manyServers } = await import('./dist/test/kit/large-configurations.js');

// The code that V8 makes of the command while it tests configurations is kept beside it: what has not run then is compiled
// each time that it is needed.
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-build-'));
const file = join(directory, 'nginx.conf');
writeFileSync(file, manyServers(200).join('\n'));
const { main, keep } = command();
// What has run once must not be forgotten meanwhile.
setFlagsFromString('--no-flush-bytecode');
process.on('exit', () => {
  rmSync(directory, { recursive: true });
  setFlagsFromString('--flush-bytecode');
  keep();
});
for (const conf of ['conf/demo.conf', file]) main(['-t', '-q', '-c', conf]);
