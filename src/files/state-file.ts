/** State files: written as a whole, so that a reader or a crash finds either the earlier content or the new one. */
import { closeSync, fsync, fsyncSync, readFileSync, renameSync, unlinkSync, write, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { errnoText } from '../diagnostics/errno.js';
import { nativePath } from './native-path.js';
import { createFile, openForReading, trustedPath } from './trusted-files.js';

const writeAt = promisify(write);
const flush = promisify(fsync);

/** Error of reading or writing a state file; the message is nginx's. */
export class StateFileError extends Error {}

let count = 0;

/** Content of a state file, a byte string; null if it does not exist. Throws StateFileError. */
export function readStateFile(path: string): string | null {
  try {
    const fd = openForReading(path);
    try {
      return readFileSync(fd, 'latin1');
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new StateFileError(`open() "${path}" failed (${errnoText(error)})`);
  }
}

/**
 * Entries of the state file of a zone; an invalid one is reported, renamed, and then treated like a missing one.
 *
 * @param zone its directive
 * @param parse entries of a byte string; null if it is invalid
 * @param onlyTest the file is not renamed
 */
export function readEntries<T>(
  path: string,
  zone: string,
  parse: (text: string) => T[] | null,
  onlyTest: boolean,
  report: (message: string) => void,
): T[] {
  try {
    const text = readStateFile(path);
    const entries = text === null ? [] : parse(text);
    if (entries !== null) return entries;
    const effect = setAside(path, onlyTest);
    report(`invalid state file "${path}" of a ${zone}: ${effect}, and the zone is empty`);
  } catch (error) {
    if (!(error instanceof StateFileError)) throw error;
    report(error.message);
  }
  return [];
}

/** Members of a JSON object whose values are objects; null for another text. */
export function parseObjects(text: string): [key: string, value: Readonly<Record<string, unknown>>][] | null {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return null;
  const members = Object.entries(content as Readonly<Record<string, unknown>>);
  const areObjects = members.every(([, value]) => typeof value === 'object' && value !== null);
  return areObjects ? (members as ReturnType<typeof parseObjects>) : null; // checked above
}

/** A new file that will replace a state file. */
class Replacement {
  private temporary: string | null = null;

  constructor(private readonly path: string) {}

  /** Returns its descriptor. A symbolic link is followed, so that the file that it names is replaced, and not the link. */
  create(): number {
    return createFile((this.temporary = `${trustedPath(this.path)}.${process.pid}.${++count}.tmp`));
  }

  put(): void {
    if (this.temporary !== null) renameSync(nativePath(this.temporary), nativePath(trustedPath(this.path)));
  }

  /** Removes it; returns the error to throw. */
  failed(error: unknown): StateFileError {
    if (this.temporary !== null) removeIfPresent(this.temporary);
    return new StateFileError(`the state file "${this.path}" could not be written (${errnoText(error)})`);
  }
}

/** Replaces the content of a state file. The text is a byte string. Throws StateFileError. */
async function writeStateFile(path: string, text: string): Promise<void> {
  const replacement = new Replacement(path);
  try {
    const fd = replacement.create();
    try {
      const bytes = Buffer.from(text, 'latin1');
      for (let at = 0; at < bytes.length; ) at += (await writeAt(fd, bytes, at, bytes.length - at, null)).bytesWritten;
      await flush(fd);
    } finally {
      closeSync(fd);
    }
    replacement.put();
  } catch (error) {
    throw replacement.failed(error);
  }
}

/** Synchronous variant of `writeStateFile`, for a process that is about to exit. */
export function writeStateFileNow(path: string, text: string): void {
  const replacement = new Replacement(path);
  try {
    const fd = replacement.create();
    try {
      writeFileSync(fd, text, 'latin1');
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    replacement.put();
  } catch (error) {
    throw replacement.failed(error);
  }
}

function removeIfPresent(path: string): void {
  try {
    unlinkSync(nativePath(path));
  } catch {
    // The temporary file was not created, or cannot be removed either.
  }
}

/**
 * Renames an invalid state file, so that nothing overwrites it. Returns the effect, for a message. `onlyTest`: the file is
 * not touched.
 */
export function setAside(path: string, onlyTest: boolean): string {
  if (onlyTest) return 'it would be renamed';
  const aside = `${path}.invalid-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`;
  try {
    renameSync(nativePath(trustedPath(path)), nativePath(aside));
    return `it is renamed to "${aside}"`;
  } catch {
    return 'it is ignored';
  }
}

/** The state at some time, as it is written. */
export interface SavedState {
  /** Increases with each change. */
  readonly version: number;
  readonly text: string;
}

/**
 * Keeps a state file up to date. Several processes may write the same file: after each write the state is compared with
 * the current one, so that the last write of all contains the last change.
 */
export class StateFile {
  private running: Promise<void> | null = null;
  private next: Promise<void> | null = null;

  constructor(
    readonly path: string,
    /** Returns the current state of all processes; null if it is unknown. */
    private readonly current: () => Promise<SavedState | null>,
  ) {}

  /** Writes the state, with all changes made before the call. Rejects with StateFileError. */
  save(): Promise<void> {
    if (this.running === null) {
      this.running = this.write();
      return this.running;
    }
    // One further write covers the changes of all callers that are waiting.
    this.next ??= this.running
      .catch(() => {})
      .then(() => {
        this.next = null;
        this.running = this.write();
        return this.running;
      });
    return this.next;
  }

  private async write(): Promise<void> {
    try {
      let written = -1;
      for (
        let state = await this.current();
        state !== null && state.version !== written;
        state = await this.current()
      ) {
        await writeStateFile(this.path, state.text);
        written = state.version;
      }
    } finally {
      this.running = null;
    }
  }
}
