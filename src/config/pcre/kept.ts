/** Keeps what is made of expressions: the same ones stand in many servers, and the checker and several lints look at each. */

/** Characters of all expressions that are kept together: a tree takes about a hundred times as much memory. */
const MOST = 100_000;

/** @param make what an expression gives; called again where too many others have come since. */
export function kept<T>(make: (text: string, caseless: boolean) => T): (text: string, caseless?: boolean) => T {
  const known = new Map<string, { readonly made: T }>();
  let size = 0;
  return (text, caseless = false) => {
    const key = `${caseless ? 'i' : ''}:${text}`;
    const before = known.get(key);
    if (before !== undefined) return before.made;
    const made = make(text, caseless);
    size += text.length;
    if (size > MOST) {
      known.clear();
      size = text.length;
    }
    if (size <= MOST) known.set(key, { made });
    return made;
  };
}
