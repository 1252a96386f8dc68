/** Exceptions of scripts as text: stacks refer to the files as written. */
import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isNativeError } from 'node:util/types';
import type { ModuleGraph, UserModule } from './module-graph.js';

/** A place of a stack in a user module. */
interface UserFrame {
  readonly module: UserModule;
  /** From 1, in the file as written. */
  readonly line: number;
  readonly column: number;
}

/** Number of frames in a log line, which is cut at 2,048 bytes. */
const MAX_FRAMES = 10;

/** Directories of this program, whose frames are left out: compiled, and as source maps name them. */
const OWN_DIRECTORIES = ['../', '../../../src/'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

/** First line of an exception: `TypeError: x is not a function`. */
export function reasonOf(error: unknown): string {
  try {
    if (!isError(error)) return typeof error === 'string' ? error : String(error);
    return `${error.name}: ${error.message}`.split('\n', 1)[0] ?? '';
  } catch {
    return 'an exception that cannot be converted to a string';
  }
}

function isError(error: unknown): error is Error {
  return (
    isNativeError(error) || (typeof error === 'object' && error !== null && 'stack' in error && 'message' in error)
  );
}

/** `TypeError: x is not a function at check (/etc/nginx/njs/main.ts:3:9) at …`, on one line. */
export function exceptionText(error: unknown, graphs: Iterable<ModuleGraph>): string {
  const reason = reasonOf(error);
  const stack = stackOf(error);
  if (stack === null) return reason;
  const frames: string[] = [];
  const all = [...graphs];
  for (const line of stack.split('\n')) {
    const frame = /^\s+at (.*)$/.exec(line)?.[1];
    if (frame === undefined || frame.includes('node:internal')) continue;
    if (OWN_DIRECTORIES.some((directory) => frame.includes(directory))) continue;
    frames.push(`at ${mapped(frame, all)}`);
    if (frames.length === MAX_FRAMES) break;
  }
  return [reason, ...frames].join(' ');
}

function stackOf(error: unknown): string | null {
  try {
    return isError(error) && typeof error.stack === 'string' ? error.stack : null;
  } catch {
    return null;
  }
}

/** Frames in user modules, innermost first. */
export function userFrames(error: unknown, graph: ModuleGraph): UserFrame[] {
  const frames: UserFrame[] = [];
  for (const line of stackOf(error)?.split('\n') ?? []) {
    for (const module of graph.modules.values()) {
      const place = placeIn(line, module);
      if (place !== null) frames.push({ module, ...place });
    }
  }
  return frames;
}

function placeIn(
  line: string,
  { name, parsed }: UserModule,
): { readonly line: number; readonly column: number } | null {
  const at = line.indexOf(`${name}:`);
  if (at < 0) return null;
  const match = /^(\d+):(\d+)/.exec(line.slice(at + name.length + 1));
  return match === null ? null : parsed.script.originalPosition(Number(match[1]), Number(match[2]));
}

/** A frame with the place in the file as written, or in the source that the file was compiled from. */
function mapped(frame: string, graphs: readonly ModuleGraph[]): string {
  for (const graph of graphs) {
    for (const module of graph.modules.values()) {
      const place = placeIn(frame, module);
      if (place === null) continue;
      const start = frame.indexOf(`${module.name}:`);
      const rest = frame.slice(start + module.name.length + 1).replace(/^\d+:\d+/, '');
      return `${frame.slice(0, start)}${sourcePlace(module, place)}${rest}`;
    }
  }
  return frame;
}

/** A place in a module as `file:line:column`, in the original source file if there is a source map. */
export function sourcePlace(
  module: UserModule,
  { line, column }: { readonly line: number; readonly column: number },
): string {
  const entry = sourceMapOf(module)?.findEntry(line - 1, column - 1);
  if (entry !== undefined && 'originalSource' in entry) {
    const source = entry.originalSource.startsWith('file:')
      ? fileURLToPath(entry.originalSource)
      : resolve(dirname(module.name), entry.originalSource);
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  }
  return `${module.name}:${line}:${column}`;
}

const sourceMaps = new WeakMap<UserModule, SourceMap | null>();

/** Source map that the file names in its last comment; null if there is none that can be read. */
function sourceMapOf(module: UserModule): SourceMap | null {
  let map = sourceMaps.get(module);
  if (map === undefined) {
    map = null;
    const url = /\/\/[#@] sourceMappingURL=(\S+)\s*$/.exec(module.text)?.[1];
    try {
      if (url !== undefined) map = new SourceMap(JSON.parse(textOf(url, module.name)) as SourceMapPayload);
    } catch {
      // Positions are those in the file itself.
    }
    sourceMaps.set(module, map);
  }
  return map;
}

function textOf(url: string, file: string): string {
  const data = /^data:[^,]*?(;base64)?,(.*)$/.exec(url);
  if (data === null) return readFileSync(resolve(dirname(file), url), 'utf8');
  const content = data[2] ?? '';
  return data[1] === undefined ? decodeURIComponent(content) : Buffer.from(content, 'base64').toString('utf8');
}
