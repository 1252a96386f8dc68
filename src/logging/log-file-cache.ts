/** Cache of open log files, for logs whose paths depend on the request. */
import { statSync } from 'node:fs';
import { LogFile } from './log-file.js';

/** Parameters of `open_log_file_cache`. Times in ms. */
export interface LogFileCacheOptions {
  /** Maximum number of files; the least recently used one is closed. */
  readonly max: number;
  /** Time without use after which a file is closed. */
  readonly inactive: number;
  /** Number of uses before a file is kept open. */
  readonly minUses: number;
  /** Interval after which it is checked that the path still refers to the file. */
  readonly valid: number;
}

interface Entry {
  uses: number;
  usedAt: number;
  file: LogFile | null;
  checkedAt: number;
  /** Device and inode. */
  identity: string;
}

export class LogFileCache {
  /** Pseudo path for reopening logs: one cache stands for many files. */
  readonly path = 'open_log_file_cache';
  /** Least recently used first. */
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly options: LogFileCacheOptions) {}

  /** Appends to the file; returns the write error, or null. Throws the open error, without evicting another file. */
  append(path: string, line: string): unknown {
    const now = Date.now();
    const entry = this.entries.get(path) ?? { uses: 0, usedAt: now, file: null, checkedAt: now, identity: '' };
    this.entries.delete(path);
    const file = this.fileOf(path, entry, now);
    this.makeRoom(now);
    this.entries.set(path, entry);
    entry.uses++;
    entry.usedAt = now;
    const error = file.write(line);
    if (entry.uses < this.options.minUses) {
      file.close();
      entry.file = null;
    }
    return error;
  }

  /** Reopens all files at their next lines. */
  reopen(): void {
    this.close();
  }

  close(): void {
    for (const entry of this.entries.values()) entry.file?.close();
    this.entries.clear();
  }

  /** Returns the open file of an entry if the path still refers to it, or opens it. */
  private fileOf(path: string, entry: Entry, now: number): LogFile {
    if (entry.file !== null && now - entry.checkedAt >= this.options.valid) {
      entry.checkedAt = now;
      if (identityOf(path) !== entry.identity) {
        entry.file.close();
        entry.file = null;
      }
    }
    if (entry.file === null) {
      entry.file = new LogFile(path);
      entry.identity = identityOf(path);
      entry.checkedAt = now;
    }
    return entry.file;
  }

  private makeRoom(now: number): void {
    for (const [path, { usedAt, file }] of this.entries) {
      if (this.entries.size < this.options.max && now - usedAt < this.options.inactive) break;
      file?.close();
      this.entries.delete(path);
    }
  }
}

function identityOf(path: string): string {
  const stats = statSync(Buffer.from(path, 'latin1'), { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.dev}:${stats.ino}`;
}
