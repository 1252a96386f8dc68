/**
 * Files whose changes put the configuration in force again (`Module.watches`). Files are compared by their status, at
 * intervals: that also works for directories of links, as certificate managers use them, and for remote file systems.
 */
import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import { nativePath } from '../files/native-path.js';
import type { Module, WatchedFiles } from '../program/module.js';

/** Identifies the content of a file without reading it. */
type Version = string;

const MISSING: Version = '';

interface FileStatus {
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly size: number;
  readonly ino: number;
}

function versionOf({ mtimeMs, ctimeMs, size, ino }: FileStatus): Version {
  return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
}

/** Files to watch, as they were before they were read. */
export interface WatchPlan {
  /** Versions by path. */
  readonly versions: ReadonlyMap<string, Version>;
  /** ms; infinite if nothing is watched. */
  readonly interval: number;
}

/** Collects the watched files of a configuration. To be called before they are read: a later change is seen. */
export function watchPlan(config: CheckedConfig, modules: readonly Module[]): WatchPlan {
  const watching = modules.filter(({ watches }) => watches !== undefined);
  const versions = new Map<string, Version>();
  let interval = Number.POSITIVE_INFINITY;
  const add = (watched: WatchedFiles): void => {
    interval = Math.min(interval, watched.interval);
    for (const path of watched.paths) if (!versions.has(path)) versions.set(path, currentVersion(path));
  };
  const visit = (block: CheckedBlock): void => {
    for (const module of watching) {
      const watched = module.watches?.(block) ?? null;
      if (watched !== null && watched.paths.length > 0) add(watched);
    }
    for (const inner of block.blocks) visit(inner);
  };
  if (watching.length > 0) visit(config);
  return { versions, interval };
}

function currentVersion(path: string): Version {
  try {
    return versionOf(statSync(nativePath(path)));
  } catch {
    return MISSING;
  }
}

export class FileWatch {
  private versions = new Map<string, Version>();
  private interval = Number.POSITIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  /** Versions of changed files at the previous check. */
  private pending = new Map<string, Version>();

  /** `changed` receives the paths of changed files, once they stay unchanged for an interval. */
  constructor(private readonly changed: (paths: readonly string[]) => void) {}

  /** Replaces the watched files. */
  watch({ versions, interval }: WatchPlan): void {
    this.stop();
    this.versions = new Map(versions);
    this.interval = interval;
    this.schedule();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.pending.clear();
    this.versions.clear();
  }

  private schedule(): void {
    if (this.versions.size === 0) return;
    this.timer = setTimeout(() => void this.check(), this.interval);
    this.timer.unref();
  }

  private async check(): Promise<void> {
    const { versions, pending, timer } = this;
    const found = await Promise.all(
      [...versions.keys()].map(async (path) => {
        try {
          return [path, versionOf(await stat(nativePath(path)))] as const;
        } catch {
          return [path, MISSING] as const;
        }
      }),
    );
    // The watched files have been replaced in the meantime.
    if (this.timer !== timer) return;
    const changed = found.filter(([path, version]) => versions.get(path) !== version);
    const settled = changed.every(([path, version]) => pending.get(path) === version);
    this.pending = new Map(changed);
    if (changed.length > 0 && settled) {
      // Also if the new contents cannot be used: the next change is another attempt.
      for (const [path, version] of changed) versions.set(path, version);
      this.pending.clear();
      this.changed(changed.map(([path]) => path));
    }
    if (this.timer === timer) this.schedule();
  }
}
