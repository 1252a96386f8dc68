/** `js_preload_object`: JSON files whose values are constants of scripts. */
import { readFileSync } from 'node:fs';
import type { CheckedBlock } from '../config/checked-config.js';
import type { Place } from '../config/place.js';
import { toText } from '../diagnostics/byte-string.js';
import { errnoText } from '../diagnostics/errno.js';
import { nativePath } from '../files/native-path.js';
import type { Compiler } from '../program/module.js';

/** A `js_preload_object` as written. Plain data. */
export interface PreloadData {
  readonly name: string;
  /** Absolute, bytes. */
  readonly path: string;
  readonly at: Place;
}

/** Values by path: a file is parsed once per table. */
const KEY = 'js_preload_object';

/** Names and values of the objects of a block; the last declaration of a name counts. */
export function preloadedObjects({ values }: CheckedBlock, compiler: Compiler): Map<string, unknown> {
  const files = compiler.shared.get<Map<string, unknown>>(KEY) ?? compiler.shared.set(KEY, new Map<string, unknown>());
  const objects = new Map<string, unknown>();
  for (const { name, path, at } of (values.js_preload_object ?? []) as readonly PreloadData[]) {
    if (!files.has(path)) files.set(path, load(path, at, compiler));
    objects.set(name, files.get(path));
  }
  return objects;
}

function load(path: string, at: Place, compiler: Compiler): unknown {
  try {
    const text = compiler.files.get(path) ?? readFileSync(nativePath(path), 'latin1');
    return parsePreloaded(text);
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : errnoText(error);
    return compiler.fail(`js_preload_object "${path}" could not be loaded (${reason})`, at);
  }
}

/** Parses a file, a byte string; its value cannot be changed. Throws SyntaxError. */
export function parsePreloaded(text: string): unknown {
  const value: unknown = JSON.parse(toText(text));
  freeze(value);
  return value;
}

/** Freezes a value with all its parts, however deeply they are nested. */
function freeze(value: unknown): void {
  const open = [value];
  for (let each = open.pop(); each !== undefined; each = open.pop()) {
    if (typeof each !== 'object' || each === null) continue;
    Object.freeze(each);
    open.push(...Object.values(each).filter((part) => typeof part === 'object' && part !== null));
  }
}
