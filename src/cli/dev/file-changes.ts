/**
 * Changes of the files of a configuration, also of files that a pattern matches from now on. Compared by status at
 * intervals, so that it works with editors that replace files by renaming, links, and remote file systems.
 */
import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { hasWildcard } from '../../config/glob.js';
import { diskReader } from '../../config/reader.js';
import { nativePath } from '../../files/native-path.js';

/** ms between two comparisons. */
const INTERVAL = 250;

/**
 * Versions by path or pattern: the status of a file, or the paths that a pattern matches. Missing files have an empty one.
 */
export type FileVersions = ReadonlyMap<string, string>;

interface FileStatus {
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly size: number;
  readonly ino: number;
}

function versionOf({ mtimeMs, ctimeMs, size, ino }: FileStatus): string {
  return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
}

function matches(pattern: string): string {
  return diskReader.expand(pattern).join('\n');
}

/** Collects versions of files before they are read, so that a later change is seen. */
export class ReadFiles {
  private readonly found = new Map<string, string>();

  get versions(): FileVersions {
    return this.found;
  }

  /** Adds a path or a pattern. */
  add(path: string): void {
    if (this.found.has(path)) return;
    if (hasWildcard(path)) {
      this.found.set(path, matches(path));
      return;
    }
    const status = statSync(nativePath(path), { throwIfNoEntry: false });
    this.found.set(path, status === undefined ? '' : versionOf(status));
  }
}

export class FileChanges {
  private known: FileVersions = new Map();
  /** Versions at the last comparison, if they differed: a change is reported when they are the same twice. */
  private pending: FileVersions | null = null;
  private timer: NodeJS.Timeout | undefined;

  /** `changed` receives the paths of changed files. */
  constructor(private readonly changed: (paths: readonly string[]) => void) {}

  /** Replaces the watched files and patterns. */
  watch(versions: FileVersions): void {
    this.known = versions;
    this.pending = null;
    this.schedule();
  }

  /** Watches further files, and those that were read again with their new versions. */
  add(versions: FileVersions): void {
    this.watch(new Map([...this.known, ...versions]));
  }

  stop(): void {
    clearTimeout(this.timer);
    this.known = new Map();
  }

  private schedule(): void {
    clearTimeout(this.timer);
    if (this.known.size > 0) this.timer = setTimeout(() => void this.compare(), INTERVAL);
  }

  private async compare(): Promise<void> {
    const { known } = this;
    const now = await currentVersions(known.keys());
    // Other files are watched by now, or none.
    if (this.known !== known) return;
    const changed = differences(known, now);
    if (changed.length === 0) this.pending = null;
    else if (this.pending !== null && differences(this.pending, now).length === 0) {
      this.known = now;
      this.pending = null;
      this.changed(changed);
    } else this.pending = now;
    this.schedule();
  }
}

async function currentVersions(paths: Iterable<string>): Promise<FileVersions> {
  const versions = [...paths].map(async (path) => {
    if (hasWildcard(path)) return [path, matches(path)] as const;
    try {
      return [path, versionOf(await stat(nativePath(path)))] as const;
    } catch {
      return [path, ''] as const;
    }
  });
  return new Map(await Promise.all(versions));
}

/** Paths with different versions, and those that a pattern matches in one of the cases only. */
function differences(before: FileVersions, after: FileVersions): string[] {
  const changed = [...before.keys()].filter((path) => before.get(path) !== after.get(path));
  return [
    ...new Set(
      changed.flatMap((path) => {
        if (!hasWildcard(path)) return [path];
        const [old, current] = [before, after].map((versions) => new Set((versions.get(path) ?? '').split('\n')));
        return [...(old ?? []), ...(current ?? [])].filter((each) => old?.has(each) !== current?.has(each));
      }),
    ),
  ].filter((path) => path !== '');
}
