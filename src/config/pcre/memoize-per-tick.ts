/**
 * Caches results for expressions until the next turn of the event loop: the same expressions occur in many servers, and
 * the checker and several lint rules examine each. Afterwards no memory of a configuration is retained here.
 */

/**
 * Maximum number of characters of all cached expressions together; a result takes up to some hundred bytes for each.
 */
const MOST = 100_000;

/** Fixed cost of an expression, in addition to its characters. */
const LEAST = 100;

/** @param make computes the result for an expression; called again if too many others have been cached since. */
export function memoizePerTick<T>(
  make: (text: string, caseless: boolean) => T,
): (text: string, caseless?: boolean) => T {
  const known = new Map<string, { readonly made: T }>();
  let size = 0;
  const forget = (): void => {
    known.clear();
    size = 0;
  };
  return (text, caseless = false) => {
    const key = `${caseless ? 'i' : ''}:${text}`;
    const before = known.get(key);
    if (before !== undefined) return before.made;
    const made = make(text, caseless);
    if (size === 0) setImmediate(forget).unref();
    size += text.length + LEAST;
    if (size > MOST) forget();
    else known.set(key, { made });
    return made;
  };
}
