/** Opens files without following symbolic links: nginx's `disable_symlinks`. */
import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync } from 'node:fs';
import { nativePath } from './native-path.js';

/** Linux's flag for a descriptor that only denotes a path; Node does not define it. */
const O_PATH = 0o10000000;
const SEARCH = O_PATH | (constants.O_DIRECTORY ?? 0);
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

/** Whether this system has what `openRestricted` requires. */
export const canRestrict = process.platform === 'linux';

/**
 * Opens an absolute path component by component, each relative to the descriptor of the directory before, so that nobody
 * can replace a checked component meanwhile. Links are not followed, or, with `sameOwner`, only if they have the owner of
 * their target. The first `trusted` characters of the path (0, or up to before a slash) are opened as usual. Throws
 * errors whose `syscall` is `openat` (`open` for the trusted part): ELOOP for a link at the end, ENOTDIR for one in the middle.
 */
export function openRestricted(path: string, flags: number, sameOwner: boolean, trusted: number): number {
  let directory = openSync(nativePath(path.slice(0, trusted) || '/'), SEARCH);
  try {
    let start = trusted + 1;
    for (let slash = path.indexOf('/', start); slash >= 0; slash = path.indexOf('/', start)) {
      if (slash > start) {
        const next = openBeneath(directory, path.slice(start, slash), SEARCH, sameOwner);
        closeSync(directory);
        directory = next;
      }
      start = slash + 1;
    }
    if (start >= path.length) return openBeneath(directory, '.', flags, false);
    return openBeneath(directory, path.slice(start), flags, sameOwner);
  } finally {
    closeSync(directory);
  }
}

/** openat(): the kernel resolves the entries of /proc/self/fd to the open directories themselves, not to their names. */
function openBeneath(directory: number, name: string, flags: number, sameOwner: boolean): number {
  const path = nativePath(`/proc/self/fd/${directory}/${name}`);
  let fd = -1;
  try {
    if (!sameOwner) return openSync(path, flags | NO_FOLLOW);
    fd = openSync(path, flags);
    // Compared also if it is no link now: it may have been one when it was opened.
    if (fstatSync(fd).uid === lstatSync(path).uid) return fd;
  } catch (error) {
    if (fd >= 0) closeSync(fd);
    const { code, errno } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !existsSync('/proc/self/fd')) throw failed('ENOSYS', -38);
    throw failed(code ?? 'EIO', errno ?? -5);
  }
  closeSync(fd);
  throw failed('ELOOP', -40);
}

function failed(code: string, errno: number): Error {
  return Object.assign(new Error(`openat() failed (${code})`), { code, errno, syscall: 'openat' });
}
