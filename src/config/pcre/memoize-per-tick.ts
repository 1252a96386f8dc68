/**
 * Caches results for expressions until the next turn of the event loop: the same expressions occur in many servers, and
 * the checker and several lint rules examine each. Afterwards no memory of a configuration is retained here.
 */

/**
 * Maximum number of characters of all cached expressions together; a result takes up to some hundred bytes for each.
 */
const MAX_CHARACTERS = 100_000;

/** Fixed cost of an expression, in addition to its characters. */
const ENTRY_COST = 100;

/** @param compute returns the result for an expression; called again if too many others have been cached since. */
export function memoizePerTick<T>(
  compute: (text: string, caseless: boolean) => T,
): (text: string, caseless?: boolean) => T {
  const cache = new Map<string, { readonly result: T }>();
  let size = 0;
  const clear = (): void => {
    cache.clear();
    size = 0;
  };
  return (text, caseless = false) => {
    const key = `${caseless ? 'i' : ''}:${text}`;
    const cached = cache.get(key);
    if (cached !== undefined) return cached.result;
    const result = compute(text, caseless);
    if (size === 0) setImmediate(clear).unref();
    size += text.length + ENTRY_COST;
    if (size > MAX_CHARACTERS) clear();
    else cache.set(key, { result });
    return result;
  };
}
