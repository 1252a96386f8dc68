/** Index of modules: the list of module files, and the text of `src/modules/index.ts`. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Modules of `src/modules` as import paths from there (`./map.js`, `./proxy/index.js`), sorted. */
export function modulePaths(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .flatMap((entry) => {
      if (entry.isDirectory()) {
        return existsSync(join(directory, entry.name, 'index.ts')) ? [`./${entry.name}/index.js`] : [];
      }
      return entry.name.endsWith('.ts') && entry.name !== 'index.ts' ? [`./${entry.name.replace(/ts$/, 'js')}`] : [];
    })
    .sort((a, b) => (a < b ? -1 : 1));
}

/** Text of the index. */
export function moduleIndex(paths: readonly string[]): string {
  const imports = paths.map((path) => `import ${localName(path)} from '${path}';`);
  const names = paths.map((path) => `  ${localName(path)},`);
  return `// Generated from the names of the files in this directory by \`npm run generate\`; do not edit.
import type { Module } from '../program/module.js';
${imports.join('\n')}

/** Every module, in the order of their files' names. */
export const modules: readonly Module[] = [
${names.join('\n')}
];
`;
}

/** Some module names of nginx are reserved words in JavaScript (\`static\`). */
function localName(path: string): string {
  return `${path.replace(/^\.\//, '').replace(/(\/index)?\.js$/, '')}_module`;
}
