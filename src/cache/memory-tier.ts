/**
 * Copies of small entries in the memory of this process: `proxy_cache_memory`. The ledger announces what other processes store
 * and remove; besides, the file is looked at once a second, so that one that was removed by hand is noticed.
 */
import { statSync } from 'node:fs';
import { nativePath } from '../files/native-path.js';
import { callbackNow } from '../net/callback-clock.js';
import { OpenEntry } from './entry-file.js';

/** ms for which a file is trusted to be unchanged. */
const TRUSTED = 1000;
/** Bytes of memory of an entry besides its file: objects and texts of its head. */
const OVERHEAD = 1024;

/** Identity of a file: another one, or one with another head, differs. */
interface FileVersion {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
}

interface MemoryEntry {
  readonly entry: OpenEntry;
  readonly version: FileVersion;
  /** Monotonic ms at which the file was looked at. */
  checked: number;
  /** Used since it was last considered for removal. */
  used: boolean;
}

export class MemoryTier {
  /** In the order in which they are considered for removal. */
  private readonly entries = new Map<string, MemoryEntry>();
  /** The entries of keys; others are variants. */
  private readonly keys = new Map<string, MemoryEntry>();
  private bytes = 0;

  /** Bytes; grows to the largest size that a location of this cache has. */
  constructor(public limit: number) {}

  /** Number of entries. */
  get size(): number {
    return this.entries.size;
  }

  /** Bytes in use. */
  get usedBytes(): number {
    return this.bytes;
  }

  /** The entry of a key; null if it is not in memory, or its file has changed. */
  findKey(key: string): OpenEntry | null {
    return this.checked(this.keys.get(key));
  }

  /** The entry with this hash and key; null if it is not in memory, or its file has changed. */
  find(hash: string, key: string): OpenEntry | null {
    const found = this.entries.get(hash);
    return found === undefined || found.entry.head.key !== key ? null : this.checked(found);
  }

  private checked(found: MemoryEntry | undefined): OpenEntry | null {
    if (found === undefined) return null;
    const time = callbackNow();
    if (time - found.checked >= TRUSTED) {
      const { version } = found;
      const current = versionOf(found.entry.path);
      const isSame =
        current !== null &&
        current.ino === version.ino &&
        current.mtimeMs === version.mtimeMs &&
        current.size === version.size;
      if (!isSame) {
        this.drop(found.entry.hash);
        return null;
      }
      found.checked = time;
    }
    found.used = true;
    return found.entry;
  }

  /**
   * Opens the entry with `open`, and keeps a copy if it is whole and has at most `maxObject` bytes. Returns the copy, which
   * need not be closed, or the entry. `isMain`: the hash is that of the key, not of a variant.
   */
  load(hash: string, path: string, isMain: boolean, maxObject: number, open: () => OpenEntry | null): OpenEntry | null {
    // Before the file is opened: if it is replaced meanwhile, the copy is newer, and is dropped later.
    const version = versionOf(path);
    if (version === null) return null;
    const entry = open();
    if (entry === null || !entry.isWhole || entry.bodyLength > maxObject) return entry;
    const cost = entry.length + OVERHEAD;
    if (cost > this.limit) return entry;
    this.drop(hash);
    this.makeRoom(cost);
    const bytes = Buffer.allocUnsafeSlow(entry.length);
    entry.bytes.copy(bytes, 0, 0, entry.length);
    const copy = new OpenEntry(path, entry.stored, -1, bytes, entry.length, false);
    entry.close();
    const added: MemoryEntry = { entry: copy, version, checked: callbackNow(), used: false };
    this.entries.set(hash, added);
    if (isMain) this.keys.set(copy.head.key, added);
    this.bytes += cost;
    return copy;
  }

  drop(hash: string): void {
    const found = this.entries.get(hash);
    if (found === undefined) return;
    this.entries.delete(hash);
    const { key } = found.entry.head;
    if (this.keys.get(key) === found) this.keys.delete(key);
    this.bytes -= found.entry.length + OVERHEAD;
  }

  clear(): void {
    this.entries.clear();
    this.keys.clear();
    this.bytes = 0;
  }

  /** Removes entries that were not used since they were last considered. */
  private makeRoom(cost: number): void {
    for (const [hash, each] of this.entries) {
      if (this.bytes + cost <= this.limit) return;
      if (each.used) {
        each.used = false;
        // To the end, where the iteration considers it again if there still is no room.
        this.entries.delete(hash);
        this.entries.set(hash, each);
      } else this.drop(hash);
    }
  }
}

/** Null: there is no such file. */
function versionOf(path: string): FileVersion | null {
  try {
    return statSync(nativePath(path), { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}
