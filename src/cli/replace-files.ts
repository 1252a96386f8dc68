/** Replaces files as a whole and together: each is written beside the old one, and takes its place when all are written. */
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { writeBeside } from '../format/replace-file.js';

/** A file with its text, before and after. Bytes. */
export interface Replacement {
  /** Absolute, and no symbolic link. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/**
 * Replaces all files or none; mode and owner stay. Throws a system error, or an error that says which file was changed by
 * someone else meanwhile; then every file is as it was.
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
