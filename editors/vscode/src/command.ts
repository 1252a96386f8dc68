/** The command that starts tsproxy. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export interface CommandOptions {
  /** The setting `tsproxy.command`; empty: not set. */
  readonly configured: string;
  /** Directories of the workspace. */
  readonly folders: readonly string[];
  /** Whether programs of the workspace may be run. */
  readonly trusted: boolean;
  readonly platform: NodeJS.Platform;
}

/** A program, and whether it is a script that a shell has to start. */
export interface StartCommand {
  readonly command: string;
  readonly shell: boolean;
}

/** The configured one, that in `node_modules` of a trusted workspace, or that of `PATH`. */
export function startCommand({ configured, folders, trusted, platform }: CommandOptions): StartCommand {
  const isWindows = platform === 'win32';
  if (configured !== '') return { command: configured, shell: isWindows && /\.(?:cmd|bat)$/i.test(configured) };
  const name = isWindows ? 'tsproxy.cmd' : 'tsproxy';
  const local = folders.map((folder) => join(folder, 'node_modules', '.bin', name)).find((path) => existsSync(path));
  return { command: trusted && local !== undefined ? local : name, shell: isWindows };
}
