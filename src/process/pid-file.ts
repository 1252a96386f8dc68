/** The pid file, which names the process that `-s` and scripts send signals to. */
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
import { nativePath } from '../files/native-path.js';
import { isOwn, openForReading, openForWriting } from '../files/trusted-files.js';

/** `pid_t` has 32 bits. */
const MAX_PID = 2 ** 31 - 1;

/** A pid file without a usable process id. The message is nginx's. */
export class PidFileError extends Error {
  constructor(
    message: string,
    /** nginx's log level for it. */
    readonly level: 'error' | 'crit',
  ) {
    super(message);
  }
}

/** The pid file of a serving process; a reload may move it. */
export class PidFile {
  private path: string | null = null;

  /**
   * Writes the file at that path (null: none) and removes the previous one. Throws nginx's message, and then has changed
   * nothing.
   */
  moveTo(path: string | null): void {
    if (path === this.path) return;
    if (path !== null) writePidFile(path);
    const before = this.path;
    this.path = path;
    // A file that cannot be removed stays; the new one has been written, which is the essential part.
    if (before !== null) removePidFile(before);
  }

  /** Removes it. Returns nginx's message on failure. */
  remove(): string | null {
    return this.path === null ? null : removePidFile(this.path);
  }
}

/** Writes this process's id; throws nginx's message on failure. */
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

/** Checks that the pid file could be written, without changing it; throws nginx's message otherwise. */
export function checkPidFile(path: string): void {
  const existed = existsSync(nativePath(path));
  try {
    closeSync(openForWriting(path, constants.O_WRONLY, 0o644));
    if (!existed) unlinkSync(nativePath(path));
  } catch (error) {
    throw new Error(`open() "${path}" failed (${errnoText(error)})`);
  }
}

/**
 * Reads a process id; throws PidFileError if the file is missing or holds none, or if it belongs to another user and names a
 * process that does not: that user could otherwise choose the process that root signals.
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
  // 0 would be the sender's process group.
  if (pid === 0 || pid > MAX_PID) throw new PidFileError(`invalid PID number "${digits}" in "${path}"`, 'error');
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

/** Real uid of a process; null if there is no such process, and on systems without /proc. */
function userOf(pid: number): number | null {
  try {
    return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
  } catch {
    return null;
  }
}

/**
 * Removes the file if it still names this process, because a successor may have written its own. Returns nginx's message on
 * failure.
 */
export function removePidFile(path: string): string | null {
  try {
    if (readPidFile(path) === process.pid) unlinkSync(Buffer.from(path, 'latin1'));
    return null;
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    return cause.syscall === 'unlink' ? `unlink() "${path}" failed (${errnoText(error)})` : cause.message;
  }
}
