/** Cache of parsed files, which are read again when they change. */
import { readFileSync, type Stats, statSync } from 'node:fs';

/** Files that are kept in memory; names with variables could otherwise fill it. */
const MAX_FILES = 64;
/**
 * Age in ms below which a modification time does not identify a content: another write may follow within the same tick of
 * the file system's clock.
 */
const MIN_STABLE_AGE = 100;

interface Cached<T> {
  readonly content: T;
  readonly stats: Stats;
  /** Whether the content may differ from another one with the same modification time. */
  readonly unstable: boolean;
  /** Turn of the event loop in which the file was last checked. */
  turn: number;
}

/** Number of the current turn of the event loop, as far as it is needed. */
let turn = 0;
let counting = false;

function currentTurn(): number {
  if (!counting) {
    counting = true;
    setImmediate(nextTurn);
  }
  return turn;
}

function nextTurn(): void {
  counting = false;
  turn++;
}

export class ParsedFiles<T> {
  private readonly cached = new Map<string, Cached<T>>();

  /**
   * `parse` receives a byte string, and the previous content while the file exists: it may stay in force if the new one is
   * malformed. It must not throw.
   */
  constructor(private readonly parse: (text: string, previous: T | null) => T) {}

  /**
   * Current content of a file, which is checked once per turn of the event loop. Throws the system's error, with the failed
   * call as `syscall`.
   */
  get(path: string | Buffer): T {
    const now = currentTurn();
    const key = typeof path === 'string' ? path : path.toString('latin1');
    const known = this.cached.get(key);
    if (known !== undefined && known.turn === now) return known.content;
    let stats: Stats;
    try {
      stats = statSync(path);
    } catch (error) {
      this.cached.delete(key);
      throw error;
    }
    if (known !== undefined && !known.unstable && isSame(stats, known.stats)) {
      known.turn = now;
      return known.content;
    }
    const content = this.parse(readFileSync(path, 'latin1'), known?.content ?? null);
    this.cached.delete(key);
    for (const oldest of this.cached.keys()) {
      if (this.cached.size < MAX_FILES) break;
      this.cached.delete(oldest);
    }
    const unstable = Math.abs(Date.now() - stats.mtimeMs) < MIN_STABLE_AGE;
    this.cached.set(key, { content, stats, unstable, turn: now });
    return content;
  }
}

function isSame(a: Stats, b: Stats): boolean {
  return a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.size === b.size && a.ino === b.ino && a.dev === b.dev;
}
