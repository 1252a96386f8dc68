/** The pid file: who it is that `-s` and scripts send signals to. */
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { errnoText } from '../diagnostics/errno.js';

/** Writes this process' id; throws nginx's sentence where that fails. */
export function writePidFile(path: string): void {
  try {
    writeFileSync(Buffer.from(path, 'latin1'), `${process.pid}\n`, { mode: 0o644 });
  } catch (error) {
    throw new Error(`open() "${path}" failed (${errnoText(error)})`);
  }
}

/** Reads a process id; throws nginx's sentence where the file is missing or holds none. */
export function readPidFile(path: string): number {
  let text: string;
  try {
    text = readFileSync(Buffer.from(path, 'latin1'), 'latin1');
  } catch (error) {
    throw new Error(`open() "${path}" failed (${errnoText(error)})`);
  }
  const digits = text.replace(/[\r\n]+$/, '');
  if (!/^[0-9]+$/.test(digits)) throw new Error(`invalid PID number "${digits}" in "${path}"`);
  return Number(digits);
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
