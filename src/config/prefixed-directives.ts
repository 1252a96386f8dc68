/** Families of directives: nginx repeats them under the prefix of each module (`proxy_…`, `grpc_…`). */
import type { ConfOf } from './directive.js';

/** Directives under a prefix. */
export type Under<P extends string, D> = { readonly [K in keyof D as `${P}_${K & string}`]: D[K] };

export function under<P extends string, D extends object>(prefix: P, directives: D): Under<P, D> {
  const entries = Object.entries(directives).map(([name, spec]) => [`${prefix}_${name}`, spec]);
  // The keys are the ones that the type spells out; TypeScript cannot follow them through fromEntries.
  return Object.fromEntries(entries) as Under<P, D>;
}

/** Values of directives by their names without the prefix. */
export type Value<D> = <K extends keyof D>(name: K) => ConfOf<D>[K];

const namesUnder = new Map<string, Map<string, string>>();

/** Reads values under a prefix; names are cached, because every location uses most of them. */
export function valuesUnder<D>(prefix: string, conf: object): Value<D> {
  let names = namesUnder.get(prefix);
  if (names === undefined) namesUnder.set(prefix, (names = new Map()));
  const known = names;
  return <K extends keyof D>(name: K) => {
    const key = name as string; // the names are not numbers
    let full = known.get(key);
    if (full === undefined) known.set(key, (full = `${prefix}_${key}`));
    return (conf as Record<string, unknown>)[full] as ConfOf<D>[K]; // the type of the name
  };
}
