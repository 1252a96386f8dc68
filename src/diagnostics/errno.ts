/** Operating system errors in the format of nginx's log: `2: No such file or directory`. */
import { getSystemErrorMap } from 'node:util';

/** Messages of strerror that differ from libuv's. */
const MESSAGES: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EAFNOSUPPORT: 'Address family not supported by protocol',
  ECONNABORTED: 'Software caused connection abort',
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EHOSTUNREACH: 'No route to host',
  EISDIR: 'Is a directory',
  ELOOP: 'Too many levels of symbolic links',
  EMFILE: 'Too many open files',
  ENAMETOOLONG: 'File name too long',
  ENFILE: 'Too many open files in system',
  ENOENT: 'No such file or directory',
  ENOMEM: 'Cannot allocate memory',
  ENOSPC: 'No space left on device',
  ENOTDIR: 'Not a directory',
  EPERM: 'Operation not permitted',
  EPIPE: 'Broken pipe',
  ETIMEDOUT: 'Connection timed out',
};

/** Number and message of a system error; only the message of any other error. */
export function errnoText(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const { code, errno } = error as NodeJS.ErrnoException;
  if (code === undefined || errno === undefined) {
    return error.message;
  }
  const fallback = getSystemErrorMap().get(errno)?.[1] ?? error.message;
  return `${Math.abs(errno)}: ${MESSAGES[code] ?? fallback.charAt(0).toUpperCase() + fallback.slice(1)}`;
}
