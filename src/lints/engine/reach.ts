/** Which requests a location is chosen for, as far as its own words tell. */

import type { ByteSet } from '../../config/pcre/byte-set.js';
import type { Expression } from '../../config/pcre/expression.js';
import type { Node } from '../../config/pcre/syntax.js';
import { includes, Language } from './language.js';
import type { LocationWords } from './location.js';
import { oncePerConfig } from './once-per-config.js';
import { anchorsOf, expressionOf, treeOf } from './regex.js';
import type { Scope } from './scope.js';
import type { StepBudget } from './step-budget.js';

/** A location that requests are compared with: not a named one. What is asked of it is found once. */
export class Candidate {
  private foundLead: string | undefined;
  private foundRegex: Expression | null | undefined;
  private foundExample: string | null | undefined;
  private foundLanguage: Language | null | undefined;

  constructor(
    readonly scope: Scope,
    readonly words: LocationWords,
  ) {}

  /** The constant text that all matches begin with, as far as it can be seen at once; empty where it cannot. */
  get lead(): string {
    this.foundLead ??= leadOf(this.words);
    return this.foundLead;
  }

  /** A URI that it matches; null where none is easily found. */
  get example(): string | null {
    if (this.foundExample === undefined) {
      const uri = exampleOf(this.words);
      this.foundExample = uri?.startsWith('/') === true ? uri : null;
    }
    return this.foundExample;
  }

  /** All that it matches; of a prefix all that begins with it. Null where the expression cannot be told about. */
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

  /** Whether each URI that another one matches is matched by this one, which is a prefix or an expression. */
  covers(other: Candidate, effort: StepBudget): boolean {
    // Most differ in how they begin or in the first example, and need no automaton.
    if (!other.lead.startsWith(this.lead) && !this.lead.startsWith(other.lead)) return false;
    if (isSame(this.words, other.words)) return true;
    const { example } = other;
    if (example === null || !this.matches(example)) return false;
    const { language } = this;
    return language !== null && other.language !== null && includes(language, other.language, effort);
  }
}

/** The same expression, perhaps with less regard to case. */
function isSame(words: LocationWords, other: LocationWords): boolean {
  return other.kind === 'regex' && words.name === other.name && (words.caseless || !other.caseless);
}

const everyCandidate = oncePerConfig((_: Scope) => new Map<Scope, readonly Candidate[]>());

/** The locations in a block, in the order written. */
export function candidatesIn(scope: Scope): readonly Candidate[] {
  const known = everyCandidate(scope);
  let found = known.get(scope);
  if (found === undefined) {
    const all: Candidate[] = [];
    for (const child of scope.children) {
      const words = child.location;
      if (words !== null && words.kind !== 'named') all.push(new Candidate(child, words));
    }
    known.set(scope, (found = all));
  }
  return found;
}

function leadOf({ kind, name, caseless }: LocationWords): string {
  if (kind !== 'regex') return name;
  if (caseless || !name.startsWith('^') || branches(name)) return '';
  const letters = /^(?:[\w/~%@:=,-]|\\[./_-])*/.exec(name.slice(1))?.[0] ?? '';
  // A repetition that may be none takes the last one away.
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

/** Characters of an example. */
const LONGEST = 500;

const NOTHING: Node = { kind: 'sequence', items: [] };

/** A text that a part matches, with as few repetitions as can be; null where the part looks around or back. */
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
        if (text.length > LONGEST) return null;
      }
      return text;
    }
    case 'alternatives':
      return exampleOfTree(node.branches[0] ?? NOTHING);
    case 'group':
      return exampleOfTree(node.body);
    case 'repeat': {
      const text = exampleOfTree(node.item);
      return text === null || text.length * node.min > LONGEST ? null : text.repeat(node.min);
    }
    default:
      return null;
  }
}
