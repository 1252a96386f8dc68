/** Source files of the project and their imports. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the checkout: tests run from `dist/test/structure`. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface Import {
  /** Path of the imported file from the root, ending in `.ts`; the package's name if it is not part of the project. */
  readonly path: string;
  readonly own: boolean;
  /** Erased by the compiler. */
  readonly typeOnly: boolean;
}

/** All files below a directory of the checkout with that ending, as paths from the root. */
export function filesIn(directory: string, ending: string): string[] {
  let entries: import('node:fs').Dirent[];
  try {
    entries = readdirSync(join(ROOT, directory), { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) {
      return entry.name === 'node_modules' ? [] : filesIn(path, ending);
    }
    return entry.name.endsWith(ending) ? [path] : [];
  });
}

export function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

const STATEMENT = /^\s*(?:import|export)\s+(type\s+)?(?:([^'";]*?)\s*from\s*)?['"]([^'"]+)['"]/gm;
const CALL = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

/** Static and dynamic imports and re-exports of a file. */
export function importsOf(path: string, text: string): Import[] {
  const imports = [...text.matchAll(STATEMENT)].map(([, type, names = '', from = '']) =>
    resolve(path, from, type !== undefined || isTypesOnly(names)),
  );
  const later = [...text.matchAll(CALL)].map(([, from = '']) => resolve(path, from, false));
  return [...imports, ...later];
}

/** `{ type A, type B }` */
function isTypesOnly(names: string): boolean {
  const inner = /^\{(.*)\}$/s.exec(names.trim())?.[1];
  if (inner === undefined) {
    return false;
  }
  const each = inner.split(',').map((name) => name.trim());
  return each.every((name) => name === '' || name.startsWith('type '));
}

function resolve(importer: string, from: string, typeOnly: boolean): Import {
  if (!from.startsWith('.')) {
    return { path: from, own: false, typeOnly };
  }
  return { path: posix.join(dirname(importer), from).replace(/\.js$/, '.ts'), own: true, typeOnly };
}
