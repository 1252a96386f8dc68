/** Where heads are handled differently than by the nginx at hand, with the reasons. There are none beside newer versions. */
import type { Difference } from './head-comparison.js';

/** What newer versions of nginx do differently: requests (bytes) for which that may show, with the reason. */
const NEWER: readonly (readonly [RegExp, string])[] = [
  [/^CONNECT/, 'newer nginx reads authority-form, and refuses CONNECT by its method'],
  [/:99999|\[::1[\r\n]/, 'newer nginx checks ports and the end of IP literals'],
  [/\n([\w~-]+):.*\n\1:/is, 'newer nginx joins all values of a field in $http_name'],
];

/** Why a difference is none from the newest nginx; null where it is a fault. */
export function declared({ request }: Difference, modern: boolean): string | null {
  if (modern || request === null) return null;
  return NEWER.find(([bytes]) => bytes.test(request.bytes))?.[1] ?? null;
}
