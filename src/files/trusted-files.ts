/**
 * Files that the proxy creates or writes: logs, pid files, temporary files, unix sockets. Only root and the user of
 * this process may control their paths. Another user could place a symbolic link or a file in a directory writable by
 * others and redirect the proxy's writes; such paths are refused. In directories writable only by their owner, links
 * are followed and existing files are used, as in nginx.
 *
 * Node has no `openat`, so a path is checked from the root before it is used. This is safe because an accepted path can
 * only be changed by root, by the user of this process, or by the owner of a directory that the configuration names.
 */
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readlinkSync, type Stats } from 'node:fs';
import { nativePath } from './native-path.js';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_RDWR } = constants;
/** Not defined on Windows. */
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;
/** Linux's MAXSYMLINKS. */
const MAX_LINKS = 40;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/**
 * The path is controlled by a user other than root and the user of this process. The message contains its owner and
 * mode.
 */
export class UntrustedPathError extends Error {}

/** Additional user whose files are accepted: the user that workers run as. */
let workerUser: number | null = null;

/** Accepts files (not links) of the user that worker processes run as; null for none. */
export function trustWorkerUser(uid: number | null): void {
  workerUser = uid;
}

/** Whether the uid is the superuser's (in a user namespace possibly not 0) or that of this process. */
export function isOwn(uid: number): boolean {
  superuser ??= lstatSync('/').uid;
  return uid === 0 || uid === superuser || uid === process.geteuid?.();
}
let superuser: number | undefined;

/**
 * Returns the path with its symbolic links resolved, as far as it exists. Byte string. Throws UntrustedPathError;
 * missing or inaccessible directories are reported by the call that uses the path.
 */
export function trustedPath(path: string): string {
  // On Windows the mode does not contain write permissions.
  if (process.geteuid === undefined || !path.startsWith('/')) return path;
  let current = '';
  let directory = lstatSync('/');
  let rest = path.split('/').filter((name) => name !== '' && name !== '.');
  let links = 0;
  while (rest.length > 0) {
    const [name = '', ...after] = rest;
    if (name === '..') {
      current = current.slice(0, Math.max(0, current.lastIndexOf('/')));
      directory = lstatSync(nativePath(current || '/'));
      rest = after;
      continue;
    }
    const entry = `${current}/${name}`;
    // The kernel's own links (/proc/self/fd/1) have no target that could be checked.
    if (entry === '/proc') break;
    let stats: Stats | undefined;
    try {
      // Exceptions for missing files would take many times as long.
      stats = lstatSync(nativePath(entry), { throwIfNoEntry: false });
      if (stats === undefined) break;
      checkEntry(entry, stats, current || '/', directory);
      if (stats.isSymbolicLink() && ++links <= MAX_LINKS) {
        const target = readlinkSync(nativePath(entry), 'latin1');
        if (target.startsWith('/')) {
          current = '';
          directory = lstatSync('/');
        }
        rest = [...target.split('/').filter((each) => each !== '' && each !== '.'), ...after];
        continue;
      }
    } catch (error) {
      if (error instanceof UntrustedPathError) throw error;
      break;
    }
    current = entry;
    directory = stats;
    rest = after;
  }
  return [current, ...rest].join('/') || '/';
}

function checkEntry(entry: string, stats: Stats, parent: string, directory: Stats): void {
  const open = (directory.mode & OTHERS_WRITE) !== 0;
  // In a user namespace without root, files of root and of unmapped users have the same uid.
  if (open ? stats.uid === 0 || stats.uid === process.geteuid?.() : isOwn(stats.uid)) return;
  const refused = stats.isSymbolicLink()
    ? (directory.mode & (OTHERS_WRITE | GROUP_WRITES)) !== 0 || !isOwn(directory.uid)
    : open && stats.uid !== workerUser;
  if (refused) throw untrusted(entry, stats, ` in ${described(parent, directory)}`);
}

function untrusted(path: string, stats: Stats, where: string): UntrustedPathError {
  return new UntrustedPathError(`not trusted: ${described(path, stats)}${where}`);
}

function described(path: string, stats: Stats): string {
  const kind = stats.isSymbolicLink() ? 'symbolic link' : stats.isDirectory() ? 'directory' : 'file';
  return `${kind} "${path}" of uid ${stats.uid} with mode ${(stats.mode & 0o7777).toString(8).padStart(4, '0')}`;
}

/** Opens with the flags; a resolved path contains no links, except the kernel's. */
function open(path: string, flags: number, mode?: number): number {
  return openSync(nativePath(path), path.startsWith('/proc/') ? flags : flags | O_NOFOLLOW, mode);
}

/** Opens a file with the flags; creates it with `mode` if missing. Throws the system's error or UntrustedPathError. */
export function openForWriting(path: string, flags: number, mode: number): number {
  for (let tries = 0; ; tries++) {
    const resolved = trustedPath(path);
    try {
      // Without O_CREAT: with it Linux (fs.protected_regular) prevents even root from opening files of others in /tmp.
      return open(resolved, flags);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    try {
      return open(resolved, flags | O_CREAT | O_EXCL, mode);
    } catch (error) {
      // Another process has created it meanwhile. A dangling link exists but cannot be opened.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tries === MAX_LINKS) throw error;
    }
  }
}

/** Opens a file for reading. Throws as `openForWriting`. */
export function openForReading(path: string): number {
  return open(trustedPath(path), O_RDONLY);
}

/** Creates a new file for reading and writing by this user only. Throws as `openForWriting`. */
export function createFile(path: string): number {
  return open(trustedPath(path), O_RDWR | O_CREAT | O_EXCL, 0o600);
}

/**
 * Creates a directory for files of this user only, if missing (not its parents), and opens it. Throws the system's
 * error, or UntrustedPathError if others could replace the directory or its files.
 */
export function openDirectory(path: string): number {
  const resolved = trustedPath(path);
  try {
    mkdirSync(nativePath(resolved), { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const descriptor = open(resolved, O_RDONLY | O_DIRECTORY);
  try {
    const stats = fstatSync(descriptor);
    if (isReplaceable(stats)) throw untrusted(resolved, stats, '');
    const parent = resolved.slice(0, Math.max(1, resolved.lastIndexOf('/')));
    const above = lstatSync(nativePath(parent));
    if (isReplaceable(above)) throw untrusted(resolved, stats, ` in ${described(parent, above)}`);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** Whether any user may rename and remove entries of a directory. */
function isReplaceable({ mode }: Stats): boolean {
  return process.geteuid !== undefined && (mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0;
}
