/** Files of this user only: other users must not read keys, or replace a certificate that this one is going to trust. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { NotPrivateError } from './local-ca-error.js';

const OF_OTHERS = 0o077;

/** Creates a directory and its parents if missing. Throws NotPrivateError if it is not of this user only. */
export function privateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const stats = lstatSync(path);
  if (!stats.isDirectory()) throw new NotPrivateError(`"${path}" is not a directory`);
  checkPrivate(path, stats, '0700');
}

/** Text of a private file; null if it does not exist. Throws NotPrivateError. */
export function readPrivate(path: string): string | null {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    if (code === 'ELOOP') throw new NotPrivateError(`"${path}" is a symbolic link`);
    throw error;
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new NotPrivateError(`"${path}" is not a file`);
    checkPrivate(path, stats, '0600');
    return readFileSync(descriptor, 'latin1');
  } finally {
    closeSync(descriptor);
  }
}

/** Writes a file atomically: readers see the old or the new text, also after a power failure. */
export function replacePrivate(path: string, text: string): void {
  replace(path, text, 0o600, true);
}

/** Writes a file atomically that can be created again; others may read it if the mode allows. */
export function replaceDerived(path: string, text: string, mode = 0o600): void {
  replace(path, text, mode, false);
}

function replace(path: string, text: string, mode: number, durable: boolean): void {
  const temporary = writeTemporary(path, text, mode, durable);
  try {
    renameSync(temporary, path);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
}

/** Writes a file unless it exists; returns whether it did not. */
export function createPrivate(path: string, text: string): boolean {
  const temporary = writeTemporary(path, text, 0o600, true);
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(temporary);
  }
}

function writeTemporary(path: string, text: string, mode: number, durable: boolean): string {
  const temporary = join(path, '..', `.${randomBytes(8).toString('hex')}`);
  const descriptor = openSync(temporary, 'wx', mode);
  try {
    writeFileSync(descriptor, text, 'latin1');
    if (durable) fsyncSync(descriptor);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(descriptor);
  }
  return temporary;
}

function checkPrivate(path: string, { uid, mode }: Stats, required: string): void {
  // On Windows the mode does not contain the permissions: the user's directory is private by its access control list.
  const user = process.geteuid?.();
  if (user === undefined) return;
  if (uid !== user)
    throw new NotPrivateError(
      `"${path}" belongs to uid ${uid}, not to this user (uid ${user}): run the command as that user`,
    );
  if ((mode & OF_OTHERS) === 0) return;
  const octal = (mode & 0o7777).toString(8).padStart(4, '0');
  throw new NotPrivateError(`"${path}" has the mode ${octal}: others can access it; run "chmod ${required} ${path}"`);
}
