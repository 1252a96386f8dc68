// The command and its worker as one file each: Node takes three times as long to load the modules one by one as it takes to
// check a small configuration. They stand as deep as the compiled sources, so that what is found from there is found by them.
import { build } from 'esbuild';

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
  define: { 'import.meta.url': 'bundleUrl' },
  banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
  logLevel: 'warning',
});
