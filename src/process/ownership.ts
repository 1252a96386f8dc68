/**
 * Ownership of the files that workers write when the master is root and workers run as another user (`user`). nginx opens
 * logs in its master and passes the descriptors on; here workers open them themselves.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, fchownSync, fstatSync, readFileSync } from 'node:fs';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import type { Place } from '../config/place.js';
import { errnoText } from '../diagnostics/errno.js';
import { openLogFile } from '../logging/log-file.js';
import { StartError } from '../program/compiler.js';
import { defaultFile, type MainSettings } from './main-settings.js';

/** uid and gid of the workers. */
export interface Owner {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Default user of a root master's workers, and its group: the first that exists. nginx: NGX_USER, NGX_GROUP. */
const DEFAULT_USER = 'nobody';
const DEFAULT_GROUPS = ['nobody', 'nogroup'];

/**
 * Looks up the user and the group, or nginx's defaults for null; null if this process is not root. Throws StartError with
 * nginx's message; `at` is the place of the directive.
 */
export function ownerOf(user: MainSettings['user'], at: Place | null): Owner | null {
  if (process.geteuid?.() !== 0) return null;
  const name = user?.name ?? DEFAULT_USER;
  const groups = user === null ? DEFAULT_GROUPS : [user.group];
  const uid = idOf('passwd', [name]);
  if (uid === null) throw new StartError(`getpwnam("${name}") failed`, at);
  const gid = idOf('group', groups);
  if (gid === null) throw new StartError(`getgrnam("${groups.at(-1)}") failed`, at);
  return { name, uid, gid };
}

/**
 * Id of the first user or group that exists. Node has no function for it: the system's file is read first, then `getent` is
 * run, which covers every source but is a separate process.
 */
function idOf(database: 'passwd' | 'group', names: readonly string[]): number | null {
  const sources = [() => readFileSync(`/etc/${database}`, 'latin1'), (name: string) => getent(database, name)];
  for (const source of sources) {
    for (const name of names) {
      const id = idIn(() => source(name), name);
      if (id !== null) return id;
    }
  }
  return null;
}

function getent(database: string, name: string): string {
  return execFileSync('getent', [database, name], { encoding: 'latin1', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** The third field of the line that starts with the name. */
function idIn(read: () => string, name: string): number | null {
  let text: string;
  try {
    text = read();
  } catch {
    return null;
  }
  for (const line of text.split('\n')) {
    const [first, , id = ''] = line.split(':');
    if (first === name && /^\d+$/.test(id)) return Number(id);
  }
  return null;
}

/** Creates missing log files and changes their owner; throws nginx's message. */
export function chownFiles(paths: Iterable<string>, owner: Owner): void {
  for (const path of paths) {
    let descriptor: number;
    try {
      descriptor = openLogFile(path);
    } catch (error) {
      throw new Error(`open() "${path}" failed (${errnoText(error)})`);
    }
    try {
      changeOwner(descriptor, path, owner);
    } finally {
      closeSync(descriptor);
    }
  }
}

/**
 * Changes the owner of an open file or directory unless it is set already; throws nginx's message. Takes the descriptor, not
 * the path: in a directory that the owner may write to, the path could meanwhile refer to another file.
 */
export function changeOwner(descriptor: number, path: string, { uid, gid }: Owner): void {
  try {
    const status = fstatSync(descriptor);
    // Pipes and terminals under /dev are left alone.
    if (status.uid === uid || !(status.isFile() || status.isDirectory())) return;
    // The file may be a hard link to a file of another user.
    if (status.isFile() && status.nlink > 1) throw new Error(`the file has ${status.nlink} hard links`);
    fchownSync(descriptor, uid, gid);
  } catch (error) {
    throw new Error(`chown("${path}", ${uid}) failed (${errnoText(error)})`);
  }
}

/** Log files of a configuration whose paths contain no variables. */
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
    if (name !== 'access_log' && name !== 'websocket_log' && name !== 'error_log') continue;
    for (const log of block.values[name] as Iterable<object>) {
      const path = 'path' in log ? log.path : 'destination' in log ? log.destination : null;
      if (typeof path === 'string' && path.startsWith('/') && !('syslog' in log && log.syslog)) found.add(path);
    }
  }
  for (const inner of block.blocks) collect(inner, found);
  for (const { block: body } of block.steps) if (body !== null) collect(body, found);
}
