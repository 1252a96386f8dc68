/** Log files that are kept open between lines, for logs whose paths depend on the request. */
import { statSync } from 'node:fs';
import { LogFile } from './log-file.js';

/** The parameters of `open_log_file_cache`. Times in ms. */
export interface LogFileCacheOptions {
  /** How many files; the one that was used least recently goes. */
  readonly max: number;
  /** After this time without use a file is closed. */
  readonly inactive: number;
  /** How often a file must be used before it is kept open. */
  readonly minUses: number;
  /** After this time it is looked whether the path still leads to the file. */
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
  /** For who reopens logs by their paths: this one stands for many. */
  readonly path = 'open_log_file_cache';
  /** The least recently used first. */
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly options: LogFileCacheOptions) {}

  /** Appends to the file; gives the error of the write, or null. Throws the error of opening, and then pushes no other out. */
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

  /** Opens all files anew at their next lines. */
  reopen(): void {
    this.close();
  }

  close(): void {
    for (const entry of this.entries.values()) entry.file?.close();
    this.entries.clear();
  }

  /** The open file of an entry, if the path still leads to it, or a new one. */
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
