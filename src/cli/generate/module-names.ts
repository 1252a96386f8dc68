/** Text of `src/process/module-names.ts`, which lists the names that each module declares. */
import type { Module } from '../../program/module.js';

/** Columns of a line. */
const WIDTH = 120;

/** @param modules by import path from `src/modules` */
export function moduleNames(modules: ReadonlyMap<string, Module>): string {
  const entries = [...modules].map(([path, { directives, variables }]) => {
    const load = `load: () => import('${path.replace('./', '../modules/')}')`;
    const names = [...new Set([...Object.keys(directives), ...Object.keys(variables ?? {})])];
    const entry = `  { ${load}, names: '${names.join(' ')}' },`;
    return entry.length <= WIDTH ? entry : `  {\n    ${load},\n    names: \`\n${wrapped(names)}\`,\n  },`;
  });
  return `// Generated from the declarations of the modules by \`npm run generate\`; do not edit.
import type { Module } from '../program/module.js';

/** A module that is not loaded yet. */
export interface NamedModule {
  readonly load: () => Promise<{ readonly default: Module }>;
  /** Its directives and variables, parted by white space; a name that ends in \`*\` is a family of variables. */
  readonly names: string;
}

/** Every module, in the order of their files' names. */
export const MODULE_NAMES: readonly NamedModule[] = [
${entries.join('\n')}
];
`;
}

/** Names, wrapped into lines. */
function wrapped(names: readonly string[]): string {
  const rows: string[] = [];
  let row = '     ';
  for (const name of names) {
    if (row.length + name.length >= WIDTH) {
      rows.push(row);
      row = '     ';
    }
    row += ` ${name}`;
  }
  return [...rows, row].join('\n');
}
