/** Password files: lines `user:hash`, as Apache's htpasswd writes them. */
import { readFileSync, type Stats, statSync } from 'node:fs';

/** Files that are kept in memory; names with variables could otherwise fill it. */
const MAX_FILES = 64;
/**
 * Age in ms below which a modification time does not identify a content: another write may follow within the same tick of
 * the file system's clock.
 */
const MIN_STABLE_AGE = 100;

/** One user of a file. */
export interface PasswordEntry {
  readonly hash: string;
  /** Line of the file, from 1. */
  readonly line: number;
}

/** Content of a password file. Byte strings. */
export class PasswordFile {
  readonly entries = new Map<string, PasswordEntry>();
  /** Numbers of lines that are neither empty, nor comments, nor `user:hash`. */
  readonly malformed: number[] = [];
  /** Keys of credentials that were found to be correct. */
  readonly verified = new Set<string>();

  constructor(text: string) {
    let number = 0;
    for (const line of text.split('\n')) {
      number++;
      if (line === '' || line.startsWith('#') || line.startsWith('\r')) continue;
      // As in nginx, a hash ends at a colon (further fields may follow) and at CR.
      const [, user, hash] = /^([^:]+):([^:\r]+)/.exec(line) ?? [];
      if (user === undefined || hash === undefined) this.malformed.push(number);
      // As in nginx, the first line of a user applies.
      else if (!this.entries.has(user)) this.entries.set(user, { hash, line: number });
    }
  }
}

interface Cached {
  readonly file: PasswordFile;
  readonly stats: Stats;
  /** Whether the content may differ from another one with the same modification time. */
  readonly unstable: boolean;
  checkedAt: number;
}

/** Cache of password files, which are read again when they change. */
export class PasswordFiles {
  private readonly cached = new Map<string, Cached>();

  /**
   * Current content of a file; `now` is a time in ms, in each of which a file is checked once. Throws the system's error,
   * with the failed call as `syscall`.
   */
  get(path: string | Buffer, now: number): PasswordFile {
    const key = typeof path === 'string' ? path : path.toString('latin1');
    const known = this.cached.get(key);
    if (known !== undefined && known.checkedAt === now) return known.file;
    let stats: Stats;
    try {
      stats = statSync(path);
    } catch (error) {
      this.cached.delete(key);
      throw error;
    }
    if (known !== undefined && !known.unstable && isSame(stats, known.stats)) {
      known.checkedAt = now;
      return known.file;
    }
    const text = readFileSync(path, 'latin1');
    const file = new PasswordFile(text);
    this.cached.delete(key);
    for (const oldest of this.cached.keys()) {
      if (this.cached.size < MAX_FILES) break;
      this.cached.delete(oldest);
    }
    const unstable = Math.abs(Date.now() - stats.mtimeMs) < MIN_STABLE_AGE;
    this.cached.set(key, { file, stats, unstable, checkedAt: now });
    return file;
  }
}

function isSame(a: Stats, b: Stats): boolean {
  return a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.size === b.size && a.ino === b.ino && a.dev === b.dev;
}
