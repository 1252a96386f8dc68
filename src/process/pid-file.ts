/** The pid file: who it is that `-s` and scripts send signals to. */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { readFailure } from '../config/reader.js';
import { errnoText } from '../diagnostics/errno.js';
import { nativePath } from '../exchange/file-path.js';
import { isOwn, openForReading, openForWriting } from '../exchange/trusted-files.js';

/** `pid_t` has 32 bits. */
const LARGEST_PID = 2 ** 31 - 1;

/** A pid file that tells nothing. The message is nginx's sentence. */
export class PidFileError extends Error {
  constructor(
    message: string,
    /** nginx's level for it. */
    readonly level: 'error' | 'crit',
  ) {
    super(message);
  }
}

/** The pid file of a process that serves, which a reload may want somewhere else. */
export class PidFile {
  private path: string | null = null;

  /** Writes the file at that path (null: nowhere), and removes it where it was. Throws nginx's sentence, and then leaves all as it was. */
  moveTo(path: string | null): void {
    if (path === this.path) return;
    if (path !== null) writePidFile(path);
    const before = this.path;
    this.path = path;
    // What cannot be removed stays; the new one is there, and that is what counts.
    if (before !== null) removePidFile(before);
  }

  /** Removes it. Returns nginx's sentence on failure. */
  remove(): string | null {
    return this.path === null ? null : removePidFile(this.path);
  }
}

/** Writes this process' id; throws nginx's sentence where that fails. */
export function writePidFile(path: string): void {
  try {
    const descriptor = openForWriting(path, constants.O_WRONLY, 0o644);
    try {
      ftruncateSync(descriptor);
      writeSync(descriptor, `${process.pid}\n`);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new Error(`open() "${path}" failed (${errnoText(error)})`);
  }
}

/** Tries whether the pid file could be written, and leaves it as it is; throws nginx's sentence where it could not. */
export function tryPidFile(path: string): void {
  const existed = existsSync(nativePath(path));
  try {
    closeSync(openForWriting(path, constants.O_WRONLY, 0o644));
    if (!existed) unlinkSync(nativePath(path));
  } catch (error) {
    throw new Error(`open() "${path}" failed (${errnoText(error)})`);
  }
}

/**
 * Reads a process id; throws PidFileError where the file is missing or holds none, or where it belongs to another user and
 * names a process that does not: with such a file that user would choose which process root signals.
 */
export function readPidFile(path: string): number {
  let text: string;
  let owner: number;
  try {
    ({ text, owner } = readText(path));
  } catch (error) {
    const isDirectory = (error as NodeJS.ErrnoException).code === 'EISDIR';
    throw new PidFileError(readFailure(path, error), isDirectory ? 'crit' : 'error');
  }
  const digits = text.replace(/[\r\n]+$/, '');
  const pid = /^[0-9]+$/.test(digits) ? Number(digits) : 0;
  // 0 would be the group of whoever asks.
  if (pid === 0 || pid > LARGEST_PID) throw new PidFileError(`invalid PID number "${digits}" in "${path}"`, 'error');
  const user = isOwn(owner) ? null : userOf(pid);
  if (user !== null && user !== owner) {
    const message = `not trusted: "${path}" of uid ${owner} names process ${pid} of uid ${user}`;
    throw new PidFileError(message, 'error');
  }
  return pid;
}

function readText(path: string): { readonly text: string; readonly owner: number } {
  const descriptor = openForReading(path);
  try {
    return { text: readFileSync(descriptor, 'latin1'), owner: fstatSync(descriptor).uid };
  } finally {
    closeSync(descriptor);
  }
}

/** The real uid of a process; null where there is none, and on systems without /proc. */
function userOf(pid: number): number | null {
  try {
    return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
  } catch {
    return null;
  }
}

/** Removes the file if it still names this process: a successor may have written its own. Returns nginx's sentence on failure. */
export function removePidFile(path: string): string | null {
  try {
    if (readPidFile(path) === process.pid) unlinkSync(Buffer.from(path, 'latin1'));
    return null;
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    return cause.syscall === 'unlink' ? `unlink() "${path}" failed (${errnoText(error)})` : cause.message;
  }
}
