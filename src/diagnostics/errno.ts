/** Operating system errors in the words that nginx's log has them in: `2: No such file or directory`. */
import { getSystemErrorMap } from 'node:util';

/** strerror's words where they are others than libuv's. */
const WORDS: Readonly<Record<string, string>> = {
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

/** The number and the sentence of a system error; the message alone of any other. */
export function errnoText(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const { code, errno } = error as NodeJS.ErrnoException;
  if (code === undefined || errno === undefined) {
    return error.message;
  }
  const fallback = getSystemErrorMap().get(errno)?.[1] ?? error.message;
  return `${Math.abs(errno)}: ${WORDS[code] ?? fallback.charAt(0).toUpperCase() + fallback.slice(1)}`;
}
