/** What is found in a configuration once, however many lints ask for it, and for however many blocks. */
import type { Scope } from './scope.js';

/** How many there are: each has its place among what is remembered of a configuration. */
let places = 0;

/** @param find looks through the whole configuration, and is called once for each */
export function oncePerConfig<Asked extends { readonly main: Scope }, Found extends object>(
  find: (asked: Asked) => Found,
): (asked: Asked) => Found {
  const place = places++;
  return (asked) => {
    const { remembered } = asked.main;
    // What stands there was put there below.
    let found = remembered[place] as Found | undefined;
    if (found === undefined) remembered[place] = found = find(asked);
    return found;
  };
}
