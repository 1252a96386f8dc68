// Packages whose used part is published within tsproxy's own files, because it is a small part of them. They are development
// dependencies; their licences are published in dist/src/bundle.
import { readFileSync } from 'node:fs';
import { build } from 'esbuild';

/** Packages, each with the file of its licence. */
export const LICENSES = {
  chevrotain: 'LICENSE.txt',
  diff: 'LICENSE',
  'lodash-es': 'LICENSE',
  'prom-client': 'LICENSE',
};

/** Replaces the only match of a pattern. */
export function replaceOnce(text, pattern, replacement) {
  if (text.split(pattern).length !== 2) throw new Error(`not exactly once: ${pattern}`);
  return text.replace(pattern, replacement);
}

/** The texts of the licences. */
export function licenses() {
  return Object.entries(LICENSES)
    .map(([name, file]) => `${name}\n\n${readFileSync(`node_modules/${name}/${file}`, 'utf8').trim()}\n`)
    .join(`\n${'='.repeat(78)}\n\n`);
}

/**
 * The used part of chevrotain and lodash as one ES module: as several hundred, each of which is initialized at the start, they
 * take 4 ms longer.
 */
export async function bundledChevrotain() {
  const { outputFiles } = await build({
    stdin: {
      contents: "export { createToken, EmbeddedActionsParser, EOF, Lexer } from 'chevrotain';",
      resolveDir: '.',
    },
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'warning',
    plugins: [
      {
        name: 'lexer',
        setup({ onLoad }) {
          // A table of 65,536 numbers takes 5 ms to fill; each of them is computed as fast as it is read.
          onLoad({ filter: /\/chevrotain\/lib\/src\/scan\/lexer\.js$/ }, ({ path }) => {
            const text = readFileSync(path, 'utf8');
            const computed = ': charCode > 255 ? 255 + ~~(charCode / 255) : charCode;';
            const read = replaceOnce(text, /: charCodeToOptimizedIdxMap\[charCode\];/, computed);
            return {
              contents: replaceOnce(read, /(?<=function initCharCodeToOptimizedIndexMap\(\) \{\n)/, 'return;\n'),
            };
          });
        },
      },
    ],
  });
  return outputFiles[0].text;
}

/** The registry of prom-client without its metrics, which need further packages. */
export const registryOnly = {
  name: 'prom-client',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^prom-client$/ }, () => ({ path: 'prom-client', namespace: 'registry' }));
    onLoad({ filter: /.*/, namespace: 'registry' }, () => ({
      contents: "exports.Registry = require('prom-client/lib/registry.js');",
      resolveDir: '.',
    }));
  },
};
