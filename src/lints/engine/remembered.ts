/** What is found in a configuration once, however many lints ask for it, and for however many blocks. */
import type { Scope } from './scope.js';

/** @param find looks through the whole configuration, and is called once for each */
export function remembered<Asked extends { readonly main: Scope }, Found extends object>(
  find: (asked: Asked) => Found,
): (asked: Asked) => Found {
  const known = new WeakMap<Scope, Found>();
  return (asked) => {
    let found = known.get(asked.main);
    if (found === undefined) {
      found = find(asked);
      known.set(asked.main, found);
    }
    return found;
  };
}
