/** Files that a run creates, such as passwords. */
import { lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBytes } from '../../diagnostics/byte-string.js';

const PREFIX = 'tsproxy-dev-';

/** Name of a directory of a run, with the id of its process. */
const NAME = new RegExp(`^${PREFIX}(\\d+)-\\w{6}$`);

/** Files of a run; removed when it ends, also by an exception, and by the next run if it was killed. */
export class RunFiles {
  private directory: string | null = null;
  private readonly onExit = (): void => this.remove();

  /** Absolute path of a new file with that content, or of a name for a socket (null). Bytes. */
  path(name: string, content: string | null): string {
    const path = join(this.directory ?? this.create(), name);
    if (content !== null) writeFileSync(path, content, { mode: 0o600 });
    return toBytes(path);
  }

  remove(): void {
    process.off('exit', this.onExit);
    if (this.directory !== null) rmSync(this.directory, { recursive: true, force: true });
    this.directory = null;
  }

  private create(): string {
    removeLeftOver();
    const directory = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
    this.directory = directory;
    process.on('exit', this.onExit);
    return directory;
  }
}

/** Removes directories of this user's runs whose processes have ended without removing them. */
function removeLeftOver(): void {
  const user = process.getuid?.();
  const ended = readdirSync(tmpdir()).filter((name) => {
    const [, pid] = NAME.exec(name) ?? [];
    return pid !== undefined && !isRunning(Number(pid));
  });
  for (const name of ended) {
    const path = join(tmpdir(), name);
    try {
      const stats = lstatSync(path);
      if (stats.isDirectory() && (user === undefined || stats.uid === user)) rmSync(path, { recursive: true });
    } catch {
      // Another run has removed it.
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
