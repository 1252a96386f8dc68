// The command and its worker as one file each: Node takes three times as long to load the modules one by one as it takes to
// check a small configuration. They stand as deep as the compiled sources, so that what is found from there is found by them.
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

rmSync('dist/src/bundle/main.cjs.cache', { force: true });
await build({
  entryPoints: ['dist/src/cli/main.js', 'dist/src/process/worker-main.js'],
  outdir: 'dist/src/bundle',
  entryNames: '[name]',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  // What comes from packages is loaded where it is needed.
  packages: 'external',
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // `import()` needs a loader, which a script with cached code has not.
  supported: { 'dynamic-import': false },
  define: { 'import.meta.url': 'bundleUrl' },
  banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
  logLevel: 'warning',
});

// The code that V8 makes of the command while it tests a configuration is kept beside it.
const { command } = await import('./dist/src/cli/precompiled.js');
const { main, keep } = command();
process.on('exit', keep);
main(['-t', '-q', '-c', 'conf/demo.conf']);
