/** Where heads are meant to be handled differently than by nginx, with the reasons. */
import type { Difference } from './head-comparison.js';

/** Why a difference is meant; null where it is a fault. */
export function declared(_difference: Difference, _modern: boolean): string | null {
  return null;
}
