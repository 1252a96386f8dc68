/** Which requests a location is chosen for, as far as its own words tell. */
import { example, includes, Language } from './language.js';
import { type LocationWords, locationOf } from './location.js';
import { regExpOf, treeOf } from './regex.js';
import type { Scope } from './scope.js';

/** A location that requests are compared with: not a named one. */
export interface Candidate {
  readonly scope: Scope;
  readonly words: LocationWords;
}

/** The locations in a block, in the order written. */
export function candidatesIn(scope: Scope): Candidate[] {
  return scope.children.flatMap((child) => {
    const words = locationOf(child);
    return words === null || words.kind === 'named' ? [] : [{ scope: child, words }];
  });
}

const languages = new Map<string, Language | null>();

/** Of a prefix location: all that begins with it. Null where the expression cannot be told about. */
export function languageOf({ kind, name, caseless }: LocationWords): Language | null {
  if (kind !== 'regex') return Language.prefix(name);
  const key = `${caseless ? 'i' : ''}:${name}`;
  const known = languages.get(key);
  if (known !== undefined) return known;
  const tree = treeOf(name, caseless);
  const language = tree === null ? null : Language.of(tree);
  if (languages.size > 1000) languages.clear();
  languages.set(key, language);
  return language;
}

const examples = new WeakMap<Language, string | null>();

/** Whether each URI that the second one matches is matched by the first, which is no exact one. */
export function covers(outer: LocationWords, other: LocationWords): boolean {
  if (other.kind === 'regex' && outer.name === other.name && (outer.caseless || !other.caseless)) return true;
  const inner = languageOf(other);
  if (inner === null) return false;
  // Most differ in the first example, and need no automaton of the other.
  let uri = examples.get(inner);
  if (uri === undefined) {
    uri = example(inner);
    examples.set(inner, uri);
  }
  if (uri === null || !matches(outer, uri)) return false;
  const language = languageOf(outer);
  return language !== null && includes(language, inner);
}

function matches({ kind, name, caseless }: LocationWords, uri: string): boolean {
  return kind === 'regex' ? regExpOf(name, caseless)?.test(uri) === true : uri.startsWith(name);
}
