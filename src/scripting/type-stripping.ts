/** TypeScript without its types: they become blanks, so that lines and columns remain. */
import { createRequire } from 'node:module';
import { missingPackage } from '../config/optional-package.js';
import { ModuleError } from './module-error.js';

/** Same program as in Node, whose own interface (`stripTypeScriptTypes`) warns on standard error and gives no positions. */
interface Stripper {
  transformSync(text: string, options: { mode: 'strip-only'; filename: string }): { readonly code: string };
}

/** Optional package. */
const PACKAGE = '@swc/wasm-typescript';

let stripper: Stripper | null = null;

/** Latest results by path: a file is stripped when it is checked, and when it is compiled. */
const results = new Map<string, { readonly text: string; readonly code: string }>();
const MAX_RESULTS = 100;

/** Whether a file is TypeScript by its name. */
export function isTypeScript(path: string): boolean {
  return /\.[mc]?ts$/.test(path);
}

/** Removes the types of a text; throws ModuleError for invalid syntax, and for syntax that is more than types (`enum`). */
export function withoutTypes(path: string, text: string): string {
  const known = results.get(path);
  if (known?.text === text) return known.code;
  stripper ??= loadStripper(path);
  try {
    const { code } = stripper.transformSync(text, { mode: 'strip-only', filename: path });
    if (results.size >= MAX_RESULTS) results.clear();
    results.set(path, { text, code });
    return code;
  } catch (error) {
    const { message, startLine, startColumn } = error as StripFailure;
    const position = startLine === undefined ? null : { line: startLine, column: (startColumn ?? 0) + 1 };
    throw new ModuleError('syntax', `SyntaxError: ${String(message)}`, path, position, text);
  }
}

function loadStripper(path: string): Stripper {
  const missing = missingPackage(`TypeScript ("${path}")`, [PACKAGE]);
  if (missing !== null) throw new ModuleError('package', missing.message, path, null, null);
  return createRequire(import.meta.url)('@swc/wasm-typescript') as Stripper;
}

interface StripFailure {
  readonly message?: string;
  readonly startLine?: number;
  readonly startColumn?: number;
}
