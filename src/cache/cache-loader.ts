/**
 * Reads the directory of a cache into its ledger, in parts, while requests are served. Foreign files, and those that an
 * earlier process has not completed, are removed. nginx: ngx_http_file_cache_loader.
 */
import { lstatSync } from 'node:fs';
import { opendir, unlink } from 'node:fs/promises';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { errnoText } from '../diagnostics/errno.js';
import { nativePath } from '../files/native-path.js';
import type { TaskLimits } from './cache-path.js';
import { type CacheDirectory, entryPath, sizeOnDisk } from './entry-path.js';
import { MIN_LENGTH } from './head-format.js';

/** ms of work without a pause: requests wait so long for it. */
const SLICE = 1;
/** A temporary file that was not changed for so long is abandoned, ms. */
const ABANDONED = 300_000;
/** Lines of the log about foreign files. */
const MAX_LINES = 10;
/** Files of which the names are read at once. */
const READ_AHEAD = 128;

export type KeeperLog = (level: 'notice' | 'warn' | 'crit', message: string) => void;

export class CacheLoader {
  private hashes: string[] = [];
  private sizes: number[] = [];
  private handled = 0;
  private resumed = performance.now();
  private sliceStart = performance.now();
  private lines = 0;

  constructor(
    private readonly directory: CacheDirectory,
    private readonly limits: TaskLimits,
    /** Adds files to the ledger; returns those for which it has no room, null if it does not respond. */
    private readonly add: (hashes: string[], sizes: number[]) => Promise<readonly string[] | null>,
    private readonly log: KeeperLog,
    private readonly isOver: () => boolean,
  ) {}

  /** Resolves with whether everything was loaded. */
  async load(): Promise<boolean> {
    await this.walk(this.directory.path);
    return !this.isOver() && (await this.pass());
  }

  private async walk(path: string): Promise<void> {
    // As in nginx: a directory of this name has temporary files.
    if (path !== this.directory.path && path.endsWith('/temp')) return;
    let opened: Awaited<ReturnType<typeof opendir>>;
    try {
      opened = await opendir(nativePath(path) as string, {
        encoding: 'latin1' as BufferEncoding,
        bufferSize: READ_AHEAD,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.log('crit', `opendir() "${path}" failed (${errnoText(error)})`);
      return;
    }
    for await (const entry of opened) {
      if (this.isOver()) return;
      const name = `${path}/${entry.name}`;
      if (entry.isDirectory()) await this.walk(name);
      else await this.file(name, entry.name, entry.isFile());
    }
  }

  private async file(path: string, name: string, isRegular: boolean): Promise<void> {
    if (!isRegular) await this.remove(path, 'is not a regular file');
    else if (/^[0-9a-f]{32}$/.test(name) && entryPath(this.directory, name) === path) {
      const length = this.statusOf(path)?.size;
      if (length !== undefined && length < MIN_LENGTH) await this.remove(path, 'is too small');
      else if (length !== undefined) {
        this.hashes.push(name);
        this.sizes.push(sizeOnDisk(length));
      }
    } else if (/\.[0-9]{10}$/.test(name)) {
      const status = this.statusOf(path);
      if (status !== undefined && Date.now() - status.mtimeMs > ABANDONED) await this.remove(path, null);
    } else await this.remove(path, 'is not a file of this cache');
    await this.yieldToRequests();
  }

  private statusOf(path: string): { readonly size: number; readonly mtimeMs: number } | undefined {
    try {
      return lstatSync(nativePath(path), { throwIfNoEntry: false });
    } catch {
      // Removed together with its directory.
      return undefined;
    }
  }

  private async yieldToRequests(): Promise<void> {
    const now = performance.now();
    if (++this.handled >= this.limits.files || now - this.resumed >= this.limits.threshold) {
      while (!(await this.pass()) && !this.isOver()) await setTimeout(1000, undefined, { ref: false });
      await setTimeout(this.limits.sleep, undefined, { ref: false });
      this.handled = 0;
      this.resumed = performance.now();
    } else if (now - this.sliceStart >= SLICE) await setImmediate();
    else return;
    this.sliceStart = performance.now();
  }

  /** Passes the files on; returns false if the ledger does not respond. */
  private async pass(): Promise<boolean> {
    const { hashes, sizes } = this;
    if (hashes.length === 0) return true;
    const excess = await this.add(hashes, sizes);
    if (excess === null) return false;
    this.hashes = [];
    this.sizes = [];
    for (const hash of excess) await this.remove(entryPath(this.directory, hash), null);
    return true;
  }

  /** `reason`: the text for the log; null: it is not logged. */
  private async remove(path: string, reason: string | null): Promise<void> {
    if (reason !== null && this.lines++ < MAX_LINES) this.log('crit', `cache file "${path}" ${reason}`);
    try {
      await unlink(nativePath(path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      if (this.lines++ < MAX_LINES) this.log('crit', `unlink() "${path}" failed (${errnoText(error)})`);
    }
  }
}
