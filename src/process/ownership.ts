/**
 * What the master, started by root, does for workers that serve as somebody else (`user`): files that they write are theirs.
 * nginx opens logs in its master and hands the descriptors down; here workers open them themselves.
 */
import { execFileSync } from 'node:child_process';
import { chownSync, closeSync, openSync, statSync } from 'node:fs';
import type { CheckedBlock, CheckedConfig, Place } from '../config/checked-config.js';
import { errnoText } from '../diagnostics/errno.js';
import { StartError } from '../exchange/compiler.js';
import { defaultFile, type MainSettings } from './main-settings.js';

/** As whom workers serve. */
export interface Owner {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Looks up the user and the group; null where there is none, or where this is not root. Throws StartError with nginx's
 * sentence; `at` is where they are named.
 */
export function ownerOf(user: MainSettings['user'], at: Place | null): Owner | null {
  if (user === null || process.geteuid?.() !== 0) return null;
  const { name, group } = user;
  const uid = numberFrom(['id', '-u', '--', name], /^(\d+)/);
  if (uid === null) throw new StartError(`getpwnam("${name}") failed`, at);
  const gid = numberFrom(['getent', 'group', group], /^[^:]*:[^:]*:(\d+)/);
  if (gid === null) throw new StartError(`getgrnam("${group}") failed`, at);
  return { name, uid, gid };
}

/** The system's own tools know of every source of users; Node has no function that does. */
function numberFrom([command = '', ...words]: readonly string[], pattern: RegExp): number | null {
  try {
    const said = execFileSync(command, words, { encoding: 'latin1', stdio: ['ignore', 'pipe', 'ignore'] });
    const number = pattern.exec(said)?.[1];
    return number === undefined ? null : Number(number);
  } catch {
    return null;
  }
}

/** Makes each file where it is missing, and gives it to the owner; throws nginx's sentence. */
export function giveFiles(paths: Iterable<string>, { uid, gid }: Owner): void {
  for (const path of paths) {
    const file = Buffer.from(path, 'latin1');
    try {
      closeSync(openSync(file, 'a', 0o644));
    } catch (error) {
      throw new Error(`open() "${path}" failed (${errnoText(error)})`);
    }
    giveFile(path, uid, gid);
  }
}

/** Gives a file or a directory, unless it is theirs already. */
export function giveFile(path: string, uid: number, gid: number): void {
  const file = Buffer.from(path, 'latin1');
  try {
    const status = statSync(file);
    // A pipe or a terminal under /dev is not ours to give.
    if (status.uid !== uid && (status.isFile() || status.isDirectory())) chownSync(file, uid, gid);
  } catch (error) {
    throw new Error(`chown("${path}", ${uid}) failed (${errnoText(error)})`);
  }
}

/** The log files of a configuration, as far as their paths are known before any request. */
export function logFilesOf(config: CheckedConfig, prefix: string): Set<string> {
  const found = new Set<string>();
  const standard = defaultFile(prefix, 'logs/access.log');
  const isUsed = config.blocks.some(({ context, own }) => context === 'http' && !own.includes('access_log'));
  if (standard !== null && isUsed) found.add(standard);
  collect(config, found);
  return found;
}

function collect(block: CheckedBlock, found: Set<string>): void {
  for (const name of block.own) {
    if (name !== 'access_log' && name !== 'error_log') continue;
    for (const log of block.values[name] as Iterable<object>) {
      const path = 'path' in log ? log.path : 'destination' in log ? log.destination : null;
      if (typeof path === 'string' && path.startsWith('/') && !('syslog' in log && log.syslog)) found.add(path);
    }
  }
  for (const inner of block.blocks) collect(inner, found);
  for (const { block: body } of block.steps) if (body !== null) collect(body, found);
}
