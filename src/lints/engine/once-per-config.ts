/** Memoizes computations per configuration, for all lints and blocks. */
import type { Scope } from './scope.js';

/** Number of memoized functions; each has an index into the memo array of a configuration. */
let count = 0;

/** @param find computes the result for the whole configuration; called once per configuration */
export function oncePerConfig<Key extends { readonly main: Scope }, Result extends object>(
  find: (key: Key) => Result,
): (key: Key) => Result {
  const index = count++;
  return (key) => {
    const { memo } = key.main;
    // Only the assignment below writes this entry.
    let found = memo[index] as Result | undefined;
    if (found === undefined) memo[index] = found = find(key);
    return found;
  };
}
