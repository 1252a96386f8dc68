/**
 * Keeps what is made of expressions until the process comes to something else: the same ones stand in many servers, and the
 * checker and several lints look at each. After that nothing of a configuration is left here.
 */

/** Characters of all expressions that are kept together; what is made of one takes up to some hundred bytes for each. */
const MOST = 100_000;

/** What an expression counts beside its characters. */
const LEAST = 100;

/** @param make what an expression gives; called again where too many others have come since. */
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
