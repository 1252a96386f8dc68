/** Indexes of the lints: `src/lints/index.ts` and `src/lints/engine/named-lints.ts`. */
import { readdirSync } from 'node:fs';
import type { Lint } from '../../lints/engine/lint.js';

const LINT = './engine/lint.js';

/** Line width of the formatter. */
const WIDTH = 120;

/** Files of lints as import paths from `src/lints` (`./error-log-off.js`), sorted. */
export function lintPaths(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.ts') && name !== 'index.ts')
    .map((name) => `./${name.replace(/ts$/, 'js')}`)
    .sort((a, b) => (a < b ? -1 : 1));
}

/** Text of the index. */
export function lintIndex(paths: readonly string[]): string {
  const imports = [...paths, LINT].sort((a, b) => (a < b ? -1 : 1));
  return `// Generated from the names of the files in this directory by \`npm run generate\`; do not edit.
${imports.map((path) => `import ${path === LINT ? 'type { Lint }' : localName(path)} from '${path}';`).join('\n')}

/** Every lint, in the order of their files' names. */
export const lints: readonly Lint[] = [
${paths.map((path) => `  ${localName(path)},`).join('\n')}
];
`;
}

/** @param lints by import path from `src/lints` */
export function namedLints(lints: ReadonlyMap<string, Lint>): string {
  const entries = [...lints].map(([path, { on = '' }]) => {
    const load = `load: () => import('${path.replace('./', '../')}')`;
    const line = `  { on: '${on}', ${load} },`;
    return line.length <= WIDTH ? line : `  {\n    on: '${on}',\n    ${load},\n  },`;
  });
  return `// Generated from the declarations of the lints by \`npm run generate\`; do not edit.
import type { NamedLint } from './lint.js';

/** Every lint, in the order of their files' names. */
export const NAMED_LINTS: readonly NamedLint[] = [
${entries.join('\n')}
];
`;
}

function localName(path: string): string {
  return path.replace(/^\.\/|\.js$/g, '').replaceAll('-', '_');
}
