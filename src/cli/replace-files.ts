/** Replaces several files atomically: each text is written to a new file, and the files are renamed when all are written. */
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { writeBeside } from '../format/replace-file.js';

/** A file with its old and new text. Bytes. */
export interface Replacement {
  /** Absolute path that is not a symbolic link. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/**
 * Replaces all files or none; mode and owner are kept. Throws a system error, or an error naming a file that was changed
 * meanwhile by another process; then every file is as before.
 */
export function replaceFiles(replacements: readonly Replacement[]): void {
  const written: Buffer[] = [];
  const replaced: Replacement[] = [];
  try {
    for (const { path, after } of replacements) written.push(writeBeside(bytes(path), after));
    for (const [i, replacement] of replacements.entries()) {
      const { path, before } = replacement;
      if (readFileSync(bytes(path), 'latin1') !== before) throw new Error(`"${path}" was changed meanwhile`);
      renameSync(written[i] ?? '', bytes(path));
      replaced.push(replacement);
    }
  } catch (error) {
    for (const temporary of written) rmSync(temporary, { force: true });
    for (const { path, before } of replaced) renameSync(writeBeside(bytes(path), before), bytes(path));
    throw error;
  }
}

function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}
