/** Modules loaded by `load_module`: their files, and errors in them. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { errnoText } from '../diagnostics/errno.js';
import { openForReading } from '../files/trusted-files.js';
import type { Module } from '../program/module.js';
import { guarded, mistakeIn } from './module-guard.js';
import { importText } from './module-hooks.js';

/** A file as it was when the configuration was checked. Plain data: all workers load this text. */
export interface ModuleFile {
  /** Absolute path, as bytes. */
  readonly path: string;
  readonly text: string;
  /** Hash of the text. */
  readonly version: string;
}

/** A module file cannot be used; the message is in nginx's form, as bytes. */
export class ModuleFileError extends Error {}

/** Reads a file; throws ModuleFileError. */
export function readModuleFile(path: string): ModuleFile {
  let text: string;
  let descriptor = -1;
  try {
    descriptor = openForReading(path);
    text = readFileSync(descriptor, 'utf8');
  } catch (error) {
    throw new ModuleFileError(`dlopen() "${path}" failed (${errnoText(error)})`);
  } finally {
    if (descriptor >= 0) closeSync(descriptor);
  }
  return { path, text, version: createHash('sha256').update(text).digest('hex').slice(0, 16) };
}

/** Modules by URL; a version that is loaded once stays loaded, as in Node's own cache. */
const loaded = new Map<string, Promise<Module>>();

/** Loads the module of a file; rejects with ModuleFileError. */
export function loadModuleFile(file: ModuleFile): Promise<Module> {
  const url = urlOf(file);
  let module = loaded.get(url);
  if (module === undefined) {
    module = load(file, url);
    loaded.set(url, module);
    // A failure may have its cause in another file, which may be corrected.
    module.catch(() => loaded.delete(url));
  }
  return module;
}

/** Number of failed imports: Node keeps the failure of a URL, so that each attempt has its own. */
let failures = 0;

function urlOf({ path, version }: ModuleFile): string {
  return `${pathToFileURL(toText(path)).href}?version=${version}`;
}

async function load(file: ModuleFile, url: string): Promise<Module> {
  const api = await import('../module-api.js');
  let exported: unknown;
  try {
    const attempt = failures === 0 ? url : `${url}.${failures}`;
    exported = await inTime(importText(attempt, file.text, { ...api }));
  } catch (error) {
    failures++;
    throw new ModuleFileError(`dlopen() "${file.path}" failed (${await describe(error, file)})`);
  }
  const module = (exported as { readonly default?: unknown }).default;
  const mistake = mistakeIn(module);
  if (mistake !== null) throw new ModuleFileError(`dlsym() "${file.path}", "default" failed (${toBytes(mistake)})`);
  return guarded(module as Module, (error) => described(error)); // as checked
}

/** ms for which loading a file may take. */
const LOAD_TIMEOUT = 10_000;

/** Rejects when loading takes too long: a module may wait for something that never happens. */
async function inTime<T>(loading: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it was not loaded in ${LOAD_TIMEOUT / 1000} s`)), LOAD_TIMEOUT);
  });
  try {
    return await Promise.race([loading, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Describes an error of JavaScript with its place, as bytes: `SyntaxError: Unexpected token ';' in /x.js:3:7`. */
function described(error: unknown, place: string | null = null): string {
  if (!(error instanceof Error)) return toBytes(String(error));
  const [first = ''] = `${error.name}: ${error.message}`.split('\n', 1);
  const at = place ?? placeIn(error.stack ?? '');
  return toBytes(at === null ? first : `${first} in ${at}`);
}

/** Likewise for an error of an import. */
async function describe(error: unknown, { path, text }: ModuleFile): Promise<string> {
  // Node does not reveal the place of a syntax error to the importing program.
  if (!(error instanceof SyntaxError) || placeIn(error.stack ?? '') !== null) return described(error);
  const at = placeIn(await checkSyntax(text));
  return described(error, at === null ? null : at.replace('[stdin]', toText(path)));
}

/** First place in a file that a stack names: in a call, or in a line that is followed by a marker of the column. */
function placeIn(stack: string): string | null {
  const match = /(file:\/\/[^\s?)]+?|\[stdin\])(?:\?version=[\w.]+)?:(\d+)(?::(\d+))?(?=[\s)]|$)/m.exec(stack);
  if (match === null) return null;
  const [, url = '', line = '', column] = match;
  const marker = /^( *)\^/m.exec(stack)?.[1]?.length;
  const at = column ?? (marker === undefined ? undefined : String(marker + 1));
  return `${url.startsWith('file:') ? fileURLToPath(url) : url}:${line}${at === undefined ? '' : `:${at}`}`;
}

/** ms for which a check of the syntax may take. */
const SYNTAX_CHECK_TIMEOUT = 5000;

/** Messages of `node --check` about a text; empty if it cannot be run. */
function checkSyntax(text: string): Promise<string> {
  return new Promise((resolve) => {
    const args = ['--check', '--input-type=module', '-'];
    const child = execFile(process.execPath, args, { timeout: SYNTAX_CHECK_TIMEOUT }, (_error, _out, messages) =>
      resolve(messages),
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(text);
  });
}
