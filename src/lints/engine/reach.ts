/** Requests that a location can match, according to its arguments. */

import type { ByteSet } from '../../config/pcre/byte-set.js';
import type { Expression } from '../../config/pcre/expression.js';
import type { Node } from '../../config/pcre/syntax.js';
import { includes, Language } from './language.js';
import type { LocationWords } from './location.js';
import { oncePerConfig } from './once-per-config.js';
import { anchorsOf, expressionOf, treeOf } from './regex.js';
import type { Scope } from './scope.js';
import type { StepBudget } from './step-budget.js';

/** A location that is compared with requests, i.e. not a named one. Derived properties are computed lazily, once. */
export class Candidate {
  private foundLead: string | undefined;
  private foundRegex: Expression | null | undefined;
  private foundExample: string | null | undefined;
  private foundLanguage: Language | null | undefined;

  constructor(
    readonly scope: Scope,
    readonly words: LocationWords,
  ) {}

  /** Constant prefix of all matches, as far as it is easily determined; otherwise empty. */
  get lead(): string {
    this.foundLead ??= leadOf(this.words);
    return this.foundLead;
  }

  /** A URI that it matches; null if none is easily found. */
  get example(): string | null {
    if (this.foundExample === undefined) {
      const uri = exampleOf(this.words);
      this.foundExample = uri?.startsWith('/') === true ? uri : null;
    }
    return this.foundExample;
  }

  /** Language of matching URIs; for a prefix all URIs that begin with it. Null if the expression cannot be analysed. */
  get language(): Language | null {
    if (this.foundLanguage === undefined) {
      const { kind, name, caseless } = this.words;
      const tree = kind === 'regex' ? treeOf(name, caseless) : null;
      this.foundLanguage = kind !== 'regex' ? Language.prefix(name) : tree === null ? null : Language.of(tree);
    }
    return this.foundLanguage;
  }

  matches(uri: string): boolean {
    if (!uri.startsWith(this.lead)) return false;
    if (this.words.kind !== 'regex') return true;
    if (this.foundRegex === undefined) this.foundRegex = expressionOf(this.words.name, this.words.caseless);
    return this.foundRegex?.test(uri) === true;
  }

  /** Whether this prefix or expression matches every URI that `other` matches. */
  covers(other: Candidate, budget: StepBudget): boolean {
    // Most pairs differ in their prefix or in the example, and need no automaton.
    if (!other.lead.startsWith(this.lead) && !this.lead.startsWith(other.lead)) return false;
    if (isSame(this.words, other.words)) return true;
    const { example } = other;
    if (example === null || !this.matches(example)) return false;
    const { language } = this;
    return language !== null && other.language !== null && includes(language, other.language, budget);
  }
}

/** Whether both are the same expression and `words` is at most less case-sensitive. */
function isSame(words: LocationWords, other: LocationWords): boolean {
  return other.kind === 'regex' && words.name === other.name && (words.caseless || !other.caseless);
}

const everyCandidate = oncePerConfig((_: Scope) => new Map<Scope, readonly Candidate[]>());

/** The locations in a block, in the order written. */
export function candidatesIn(scope: Scope): readonly Candidate[] {
  const cache = everyCandidate(scope);
  let found = cache.get(scope);
  if (found === undefined) {
    const all: Candidate[] = [];
    for (const child of scope.children) {
      const words = child.location;
      if (words !== null && words.kind !== 'named') all.push(new Candidate(child, words));
    }
    cache.set(scope, (found = all));
  }
  return found;
}

function leadOf({ kind, name, caseless }: LocationWords): string {
  if (kind !== 'regex') return name;
  if (caseless || !name.startsWith('^') || branches(name)) return '';
  const letters = /^(?:[\w/~%@:=,-]|\\[./_-])*/.exec(name.slice(1))?.[0] ?? '';
  // A quantifier that allows zero repetitions removes the last character.
  const last = /^[*?{]/.test(name.slice(1 + letters.length)) ? letters.replace(/\\?.$/, '') : letters;
  return last.replaceAll('\\', '');
}

/** Whether the expression as a whole has several branches. */
function branches(text: string): boolean {
  if (!text.includes('|')) return false;
  let depth = 0;
  for (const [part] of text.matchAll(/\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()|]/gs)) {
    if (part === '(') depth++;
    else if (part === ')') depth--;
    else if (part === '|' && depth === 0) return true;
  }
  return false;
}

function exampleOf({ kind, name, caseless }: LocationWords): string | null {
  if (kind !== 'regex') return kind === 'prefix' ? `${name}zq/zq` : name;
  const tree = treeOf(name, caseless);
  const text = tree === null ? null : exampleOfTree(tree.body);
  if (text === null || text.startsWith('/')) return text;
  return anchorsOf(tree?.body ?? NOTHING).start ? null : `/zq${text}`;
}

/** `q`, `z`, `7` and `_`. */
const ORDINARY = [0x71, 0x7a, 0x37, 0x5f];

function firstOf(set: ByteSet): number {
  let byte = 0;
  while (byte < 255 && !set.has(byte)) byte++;
  return byte;
}

/** Maximum length of an example. */
const MAX_EXAMPLE_LENGTH = 500;

const NOTHING: Node = { kind: 'sequence', items: [] };

/** A text that a part matches, with as few repetitions as possible; null for lookarounds and back references. */
function exampleOfTree(node: Node): string | null {
  switch (node.kind) {
    case 'set':
      return String.fromCharCode(ORDINARY.find((byte) => node.set.has(byte)) ?? firstOf(node.set));
    case 'assertion':
      return node.source === '^' || node.ends ? '' : null;
    case 'sequence': {
      let text = '';
      for (const item of node.items) {
        const part = exampleOfTree(item);
        if (part === null) return null;
        text += part;
        if (text.length > MAX_EXAMPLE_LENGTH) return null;
      }
      return text;
    }
    case 'alternatives':
      return exampleOfTree(node.branches[0] ?? NOTHING);
    case 'group':
      return exampleOfTree(node.body);
    case 'repeat': {
      const text = exampleOfTree(node.item);
      return text === null || text.length * node.min > MAX_EXAMPLE_LENGTH ? null : text.repeat(node.min);
    }
    default:
      return null;
  }
}
