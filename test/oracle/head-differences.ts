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

/** Why a difference is meant, or none from the newest nginx; null where it is a fault. */
export function declared({ request, nginx }: Difference, modern: boolean): string | null {
  if (request === null && LINE_IN_FRONT.test(nginx)) return 'nginx logs NUL and LF of its buffer';
  if (modern || request === null) return null;
  return NEWER.find(([bytes]) => bytes.test(request.bytes))?.[1] ?? null;
}
