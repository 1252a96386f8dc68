/** Sources of configuration texts: the file system, or an embedding caller. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { errnoText } from '../diagnostics/errno.js';
import { hasWildcard, matchPath, matchSegment } from './glob.js';

/**
 * Returns texts by path. Paths and texts are byte strings (latin1). `read` throws a system error if there is no such
 * file; `expand` returns the paths that match a pattern with `*`, `?` or `[...]`, sorted by bytes, or an empty list.
 */
export interface ConfigReader {
  read(path: string): string;
  expand(pattern: string): readonly string[];
  /** The files that stand for those that an `include` names, where files are not read from where they will be installed. */
  resolve?(path: string): readonly string[];
}

/** nginx's message for a text that could not be read: a directory can be opened, but not read. */
export function readFailure(path: string, error: unknown): string {
  const isDirectory = (error as NodeJS.ErrnoException).code === 'EISDIR';
  return `${isDirectory ? 'pread' : 'open'}() "${path}" failed (${errnoText(error)})`;
}

/** Reads from the file system. */
export const diskReader: ConfigReader = {
  read: (path) => readFileSync(bytes(path), 'latin1'),
  expand: (pattern) => expandOnDisk(pattern),
};

/** Reads from a map of texts by path; all other paths are missing. */
export function textReader(texts: ReadonlyMap<string, string>): ConfigReader {
  return {
    read(path) {
      const text = texts.get(path);
      if (text === undefined) {
        const error: NodeJS.ErrnoException = new Error(`ENOENT: no such file or directory, open '${path}'`);
        error.code = 'ENOENT';
        error.errno = -2;
        throw error;
      }
      return text;
    },
    expand(pattern) {
      return [...texts.keys()].filter((path) => matchPath(pattern, path)).sort(byBytes);
    },
  };
}

function expandOnDisk(pattern: string): string[] {
  const absolute = pattern.startsWith('/');
  let found = [absolute ? '/' : ''];
  const segments = pattern.split('/').filter((segment) => segment !== '');
  segments.forEach((segment, i) => {
    const last = i === segments.length - 1;
    found = found.flatMap((directory) => {
      const names = hasWildcard(segment) ? namesIn(directory).filter((name) => matchSegment(segment, name)) : [segment];
      return names
        .map((name) => directory + name)
        .filter(exists)
        .map((path) => (last ? path : `${path}/`));
    });
  });
  return found.sort(byBytes);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(bytes(directory === '' ? '.' : directory), { encoding: 'latin1' });
  } catch {
    // glob(3) ignores directories that it cannot read.
    return [];
  }
}

function exists(path: string): boolean {
  return statSync(bytes(path), { throwIfNoEntry: false }) !== undefined;
}

function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Files named by an `include`: a path, absolute or relative to `directory` (with its slash), or a pattern. */
export function includedFiles(written: string, directory: string, reader: ConfigReader): readonly string[] {
  const path = written.startsWith('/') ? written : directory + written;
  return reader.resolve?.(path) ?? (hasWildcard(path) ? reader.expand(path) : [path]);
}
