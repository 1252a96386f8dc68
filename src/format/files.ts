/** Formats files and, on request, the files they include. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { diskReader, includedFiles } from '../config/reader.js';
import { errnoText } from '../diagnostics/errno.js';
import type { Finding } from '../diagnostics/finding.js';
import { type Formatted, format, MAX_LENGTH, tooLong } from './format.js';

/** Displayed name of standard input. */
export const STANDARD_INPUT = '<stdin>';

/** One file. Names and texts are bytes. */
export interface FormattedFile {
  readonly name: string;
  /** Current text; null if it could not be read. */
  readonly before: string | null;
  /** Formatted text; null if the file must not be changed. */
  readonly after: string | null;
  /** Reasons why it must not be changed. */
  readonly findings: readonly Finding[];
}

/**
 * Formats the named files, each once, in the order given. With `recursive` also those that they include, directly or
 * indirectly: relative names are resolved against the directory of the named file, as nginx does for its main
 * configuration file. `-` is standard input. Files are read lazily, one after the other; none is written.
 */
export function* formatFiles(names: readonly string[], recursive: boolean): Generator<FormattedFile, undefined> {
  const seen = new Set<string>();
  for (const root of names) {
    const directory = root.slice(0, root.lastIndexOf('/') + 1);
    const waiting = [root];
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      if (seen.size === seen.add(name).size) continue;
      const { includes, ...file } = formatFile(name);
      yield file;
      if (!recursive || name === '-') continue;
      for (const written of includes) waiting.push(...includedFiles(written, directory, diskReader));
    }
  }
}

function formatFile(path: string): FormattedFile & Pick<Formatted, 'includes'> {
  const name = path === '-' ? STANDARD_INPUT : path;
  const read = readBytes(path, name);
  if (typeof read !== 'string') return { name, before: null, after: null, ...read };
  const { text, ...rest } = format({ name, text: read });
  return { name, before: read, after: text, ...rest };
}

/** The bytes of a file, or the reason why it cannot be read. Reading stops once a file exceeds the size limit. */
function readBytes(path: string, name: string): string | Pick<Formatted, 'findings' | 'includes'> {
  try {
    const file = path === '-' ? 0 : openSync(Buffer.from(path, 'latin1'), 'r');
    try {
      const { size } = fstatSync(file);
      const tooBig = tooLong(name, size);
      if (tooBig !== null) return tooBig;
      const text = readAll(file);
      return tooLong(name, text.length) ?? text;
    } finally {
      if (file !== 0) closeSync(file);
    }
  } catch (error) {
    const message = `open() "${name}" failed (${errnoText(error)})`;
    return { findings: [{ code: 'file-not-found', severity: 'error', message, at: null }], includes: [] };
  }
}

/** Reads standard input to its end. Bytes. */
export function readStandardInput(): string {
  return readAll(0);
}

function readAll(file: number): string {
  const parts: string[] = [];
  const buffer = Buffer.allocUnsafe(1 << 16);
  for (let length = 0; length <= MAX_LENGTH; ) {
    const count = readSome(file, buffer);
    if (count === 0) break;
    length += count;
    parts.push(buffer.latin1Slice(0, count));
  }
  return parts.join('');
}

/** Retries on EAGAIN: standard input may be a terminal or pipe that another process has made non-blocking. */
function readSome(file: number, buffer: Buffer): number {
  for (;;) {
    try {
      return readSync(file, buffer);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(SLEEP_CELL, 0, 0, 10);
    }
  }
}

const SLEEP_CELL = new Int32Array(new SharedArrayBuffer(4));
