/** Where heads are handled differently than by the nginx at hand, with the reasons. */
import type { Difference } from './head-comparison.js';

/** Differences of newer versions of nginx: requests (bytes) for which that may show, with the reason. */
const NEWER: readonly (readonly [RegExp, string])[] = [
  [/^CONNECT/, 'newer nginx reads authority-form, and refuses CONNECT by its method'],
  [/:99999|\[::1[\r\n]/, 'newer nginx checks ports and the end of IP literals'],
  [/\n([\w~-]+):.*\n\1:/is, 'newer nginx joins all values of a field in $http_name'],
];

/** nginx ends names and values in its buffer with NUL, and logs the line in front of the one that has no room as it is there. */
const LINE_IN_FRONT = /client sent too long header line: "[^"]*\\x00/;

/** A `close` before another Connection field: RFC 9112 9.3 closes the connection, nginx applies the last field. */
const CLOSE_AND_KEEP = /\nConnection: close\r?\n(?:.*\n)*?Connection: keep-alive/i;

/** Why a difference is meant, or none from the newest nginx; null where it is a fault. */
export function declared({ request, nginx, tsproxy }: Difference, modern: boolean): string | null {
  if (request === null && LINE_IN_FRONT.test(nginx)) return 'nginx logs NUL and LF of its buffer';
  const isOnlyKept = nginx.replace('Connection: keep-alive', 'Connection: close') === tsproxy;
  if (request !== null && isOnlyKept && CLOSE_AND_KEEP.test(request.bytes))
    return 'a close in any Connection field applies';
  if (modern || request === null) return null;
  return NEWER.find(([bytes]) => bytes.test(request.bytes))?.[1] ?? null;
}
