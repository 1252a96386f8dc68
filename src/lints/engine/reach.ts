/** Which requests a location is chosen for, as far as its own words tell. */
import type { Node } from '../../config/pcre/syntax.js';
import { includes, Language } from './language.js';
import { type LocationWords, locationOf } from './location.js';
import { anchorsOf, regExpOf, treeOf } from './regex.js';
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

/** Whether each URI that the second one matches is matched by the first, which is no exact one. */
export function covers(outer: LocationWords, other: LocationWords): boolean {
  if (other.kind === 'regex' && outer.name === other.name && (outer.caseless || !other.caseless)) return true;
  // Most differ in how they begin or in the first example, and need no automaton.
  if (!leadOf(other).startsWith(leadOf(outer)) && !leadOf(outer).startsWith(leadOf(other))) return false;
  const uri = exampleOf(other);
  if (uri === null || !matches(outer, uri)) return false;
  const inner = languageOf(other);
  const language = inner === null ? null : languageOf(outer);
  return inner !== null && language !== null && includes(language, inner);
}

function matches(words: LocationWords, uri: string): boolean {
  if (!uri.startsWith(leadOf(words))) return false;
  return words.kind !== 'regex' || regExpOf(words.name, words.caseless)?.test(uri) === true;
}

const leads = new WeakMap<LocationWords, string>();

/** The constant text that all matches begin with, as far as it can be seen at once; empty where it cannot. */
export function leadOf(words: LocationWords): string {
  let lead = leads.get(words);
  if (lead === undefined) {
    lead = findLead(words);
    leads.set(words, lead);
  }
  return lead;
}

function findLead({ kind, name, caseless }: LocationWords): string {
  if (kind !== 'regex') return name;
  if (caseless || !name.startsWith('^') || name.includes('|')) return '';
  const letters = /^(?:[\w/~%@:=,-]|\\[./_-])*/.exec(name.slice(1))?.[0] ?? '';
  // A repetition that may be none takes the last one away.
  const last = /^[*?{]/.test(name.slice(1 + letters.length)) ? letters.replace(/\\?.$/, '') : letters;
  return last.replaceAll('\\', '');
}

const examples = new WeakMap<LocationWords, string | null>();

/** A URI that the location matches, if it is easily found. */
export function exampleOf(words: LocationWords): string | null {
  let uri = examples.get(words);
  if (uri === undefined) {
    uri = words.kind === 'regex' ? example(words) : words.kind === 'prefix' ? `${words.name}zq/zq` : words.name;
    if (uri?.startsWith('/') === false) uri = null;
    examples.set(words, uri);
  }
  return uri;
}

function example({ name, caseless }: LocationWords): string | null {
  const tree = treeOf(name, caseless);
  const text = tree === null ? null : exampleOfTree(tree.body);
  if (text === null || text.startsWith('/')) return text;
  return anchorsOf(tree?.body ?? NOTHING).start ? null : `/zq${text}`;
}

const NOTHING: Node = { kind: 'sequence', items: [] };

/** A text that a part matches, with as few repetitions as can be; null where the part looks around or back. */
function exampleOfTree(node: Node): string | null {
  switch (node.kind) {
    case 'set':
      return String.fromCharCode(
        [...'qz7_'].map((c) => c.charCodeAt(0)).find((byte) => node.set.has(byte)) ?? node.set.bytes[0] ?? 0,
      );
    case 'assertion':
      return node.source === '^' || node.ends ? '' : null;
    case 'sequence': {
      let text = '';
      for (const item of node.items) {
        const part = exampleOfTree(item);
        if (part === null) return null;
        text += part;
      }
      return text;
    }
    case 'alternatives':
      return exampleOfTree(node.branches[0] ?? NOTHING);
    case 'group':
      return exampleOfTree(node.body);
    case 'repeat':
      return node.min > 100 ? null : (exampleOfTree(node.item)?.repeat(node.min) ?? null);
    default:
      return null;
  }
}
