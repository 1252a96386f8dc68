/**
 * Changes of the files of a configuration, also of files that a pattern matches from now on. Compared by status at
 * intervals, so that it works with editors that replace files by renaming, links, and remote file systems.
 */
import { stat } from 'node:fs/promises';
import { hasWildcard } from '../../config/glob.js';
import { diskReader } from '../../config/reader.js';
import { nativePath } from '../../files/native-path.js';

/** ms between two comparisons. */
const INTERVAL = 250;

export class FileChanges {
  private watched: readonly string[] = [];
  private known: ReadonlyMap<string, string> | null = null;
  /** State at the last comparison, if it differed: a change is reported when it is the same twice. */
  private pending: ReadonlyMap<string, string> | null = null;
  private timer: NodeJS.Timeout | undefined;

  /** `changed` receives the paths of changed files. */
  constructor(private readonly changed: (paths: readonly string[]) => void) {}

  /** Replaces the watched paths and patterns. Resolves when their present state is known. */
  async watch(paths: readonly string[]): Promise<void> {
    clearTimeout(this.timer);
    this.watched = paths;
    this.pending = null;
    this.known = await this.state();
    this.schedule();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.watched = [];
  }

  private schedule(): void {
    clearTimeout(this.timer);
    if (this.watched.length === 0) return;
    this.timer = setTimeout(() => void this.compare(), INTERVAL);
  }

  private async compare(): Promise<void> {
    const { watched } = this;
    const now = await this.state();
    if (this.watched !== watched) return;
    const changed = differences(this.known ?? now, now);
    if (changed.length === 0) this.pending = null;
    else if (this.pending !== null && differences(this.pending, now).length === 0) {
      this.known = now;
      this.pending = null;
      this.changed(changed);
    } else this.pending = now;
    this.schedule();
  }

  /** Versions by path; those of missing files are empty. */
  private async state(): Promise<ReadonlyMap<string, string>> {
    const paths = this.watched.flatMap((path) => (hasWildcard(path) ? diskReader.expand(path) : [path]));
    const versions = await Promise.all(
      [...new Set(paths)].map(async (path) => {
        try {
          const { mtimeMs, ctimeMs, size, ino } = await stat(nativePath(path));
          return [path, `${mtimeMs} ${ctimeMs} ${size} ${ino}`] as const;
        } catch {
          return [path, ''] as const;
        }
      }),
    );
    return new Map(versions);
  }
}

function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path));
}
