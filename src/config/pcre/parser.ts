/** Parses PCRE's notation to a tree, with PCRE2's own messages for invalid expressions. */
import { ByteSet, NEWLINE, VERTICAL } from './byte-set.js';
import { type CharacterClass, readCharacter, readClass, requireUtf8 } from './character-class.js';
import { Cursor } from './cursor.js';
import { type Escape, NO_SUCH_ESCAPE, readEscape, readOctal } from './escapes.js';
import { GroupNumbers } from './group-numbers.js';
import { readGroupOpening } from './group-opening.js';
import { memoizePerTick } from './memoize-per-tick.js';
import { changeOptions, type Options } from './options.js';
import { checkQuantifier, peekBraces, readQuantifier } from './quantifier.js';
import {
  alternativesOf,
  type Condition,
  END_SOURCE,
  hasReference,
  invalid,
  LINE_END_SOURCE,
  LINE_START_SOURCE,
  Mistake,
  type Node,
  START_SOURCE,
  sequenceOf,
  type Tree,
  untranslatable,
  VERY_END_SOURCE,
  widthOf,
} from './syntax.js';

/** All characters of UTF-8 beyond ASCII. */
const BEYOND_ASCII: Node = alternativesOf([
  sequenceOf([bytes([0xc2, 0xdf]), bytes([0x80, 0xbf])]),
  sequenceOf([bytes([0xe0, 0xef]), bytes([0x80, 0xbf]), bytes([0x80, 0xbf])]),
  sequenceOf([bytes([0xf0, 0xf4]), bytes([0x80, 0xbf]), bytes([0x80, 0xbf]), bytes([0x80, 0xbf])]),
]);
const ALL = new ByteSet().inverted();
const NO_NEWLINE = NEWLINE.inverted();
const START: Node = { kind: 'assertion', source: START_SOURCE, ends: false };
const END: Node = { kind: 'assertion', source: END_SOURCE, ends: true };
const VERY_END: Node = { kind: 'assertion', source: VERY_END_SOURCE, ends: true };
const LINE_START: Node = { kind: 'assertion', source: LINE_START_SOURCE, ends: false };
const LINE_END: Node = { kind: 'assertion', source: LINE_END_SOURCE, ends: false };
const NEVER: Node = { kind: 'look', behind: false, negative: true, body: sequenceOf([]), at: 0 };

/** PCRE's own limit of nested groups (`PARENS_NEST_LIMIT`). */
const MAX_DEPTH = 250;

/** Nodes of single characters, case-sensitive and case-insensitive; created on demand. */
const CHARACTERS: Node[] = [];
const CASELESS: Node[] = [];

function characterOf(code: number, caseless: boolean): Node {
  const set = new ByteSet();
  set.add(code);
  return { kind: 'set', set: caseless ? set.folded() : set };
}

function bytes(...members: readonly (string | readonly [number, number])[]): Node {
  return { kind: 'set', set: ByteSet.of(...members) };
}

/** The tree of an expression, or the reason why there is none. */
export const parsed = memoizePerTick((text, caseless): Tree | Mistake => {
  try {
    return new PatternParser(text, caseless).parse();
  } catch (error) {
    if (error instanceof Mistake) return error;
    throw error;
  }
});

class PatternParser {
  private readonly cursor: Cursor;
  private options: Options;
  private readonly groups = new GroupNumbers();
  private depth = 0;
  /** Number of lookarounds around the current position. */
  private lookarounds = 0;

  constructor(
    readonly text: string,
    caseless: boolean,
  ) {
    this.cursor = new Cursor(text);
    this.options = {
      caseless,
      multiline: false,
      dotAll: false,
      extended: false,
      ungreedy: false,
      noCapture: false,
      utf: false,
    };
  }

  parse(): Tree {
    this.readStartVerbs();
    if (this.options.utf) {
      requireUtf8(this.text);
    }
    const body = this.readAlternatives();
    if (!this.cursor.done) {
      invalid('unmatched closing parenthesis', this.cursor.at, this.cursor.at);
    }
    this.groups.resolve();
    const { count, names, indexes } = this.groups;
    return { body, groups: count, names, indexes };
  }

  /** Reads `(*UTF)` and similar verbs at the very start. */
  private readStartVerbs(): void {
    for (;;) {
      const start = this.cursor.at;
      const verb = this.cursor.match(/\(\*([A-Z_0-9]+)(?:=\d+)?\)/y)?.[1];
      if (verb === undefined) {
        return;
      }
      if (verb === 'UTF' || verb === 'UTF8') {
        this.options = { ...this.options, utf: true };
      } else if (!/^(LF|NO_|LIMIT_)/.test(verb)) {
        // Possibly a verb that is allowed anywhere: (*F).
        this.cursor.at = start;
        return;
      }
    }
  }

  private readAlternatives(): Node {
    const branches = [this.readBranch()];
    while (this.cursor.take('|')) {
      branches.push(this.readBranch());
    }
    return alternativesOf(branches);
  }

  /** `(?|...)`: the groups of each branch have the same numbers. */
  private readBranchReset(): Node {
    const { groups } = this;
    const before = groups.count;
    let last = before;
    const branches: Node[] = [];
    do {
      groups.count = before;
      branches.push(this.readBranch());
      last = Math.max(last, groups.count);
    } while (this.cursor.take('|'));
    groups.count = last;
    return { kind: 'alternatives', branches, reset: true };
  }

  private readBranch(): Node {
    const items: Node[] = [];
    while (!this.cursor.done && this.cursor.peek() !== '|' && this.cursor.peek() !== ')') {
      if (this.options.extended && this.cursor.match(/[ \t\n\v\f\r]+|#[^\n]*\n?/y) !== null) {
        continue;
      }
      const start = this.cursor.at;
      const item = this.readItem();
      const quantified = this.readQuantifier(item, start);
      if (quantified !== null) {
        items.push(quantified);
      }
    }
    return sequenceOf(items);
  }

  /** One item; null for one that matches nothing and cannot be repeated (an option, a comment). */
  private readItem(): Node | null {
    const braces = this.cursor.peek() === '{' ? peekBraces(this.cursor) : undefined;
    switch (this.cursor.peek()) {
      case '(':
        return this.readGroup();
      case '[':
        this.cursor.at++;
        return this.classNode(readClass(this.cursor, this.options), true);
      case '\\':
        this.cursor.at++;
        return this.readEscaped();
      case '.':
        this.cursor.at++;
        return this.setNode(this.options.dotAll ? ALL : NO_NEWLINE, true);
      case '^':
        this.cursor.at++;
        return this.options.multiline ? LINE_START : START;
      case '$':
        this.cursor.at++;
        return this.options.multiline ? LINE_END : END;
      case '*':
      case '+':
      case '?':
        return invalid('quantifier does not follow a repeatable item', this.cursor.at, this.cursor.at);
      default:
        if (braces !== undefined) {
          const last = this.cursor.at + braces.length - 1;
          invalid('quantifier does not follow a repeatable item', last, this.cursor.at);
        }
        return this.characterNode(readCharacter(this.cursor, this.options));
    }
  }

  private readQuantifier(item: Node | null, start: number): Node | null {
    if (this.options.extended) {
      this.cursor.match(/(?:[ \t\n\v\f\r]+|#[^\n]*\n?)*/y);
    }
    const quantifier = readQuantifier(this.cursor);
    if (quantifier === null) {
      return item;
    }
    const { at, last, min, max, suffix } = quantifier;
    if (item === null || (item.kind === 'assertion' && this.text.charAt(start) !== '(')) {
      invalid('quantifier does not follow a repeatable item', last, at);
    }
    checkQuantifier(quantifier);
    // PCRE2 omits a single repetition, unless it makes a group atomic.
    if (min === 1 && max === 1 && (suffix !== '+' || item.kind === 'set')) return item;
    const lazy = (suffix === '?') !== this.options.ungreedy;
    const mode = suffix === '+' ? 'possessive' : lazy ? 'lazy' : 'greedy';
    return { kind: 'repeat', item, min, max, mode, at: start };
  }

  private readGroup(): Node | null {
    const start = this.cursor.at;
    const opening = readGroupOpening(this.cursor);
    switch (opening.kind) {
      case 'comment':
        return null;
      case 'never':
        return NEVER;
      case 'reference':
        return this.referenceNode(opening.name, start, start + 4);
      case 'call':
        return this.callNode(this.groups.relative(opening.key), start, this.cursor.at - 1);
      case 'condition':
        return this.readCondition(start);
      case 'reset':
        return this.readGroupBody(start, this.options, () => this.readBranchReset());
      case 'options': {
        const changed = changeOptions(this.options, opening.letters, start, this.cursor);
        if (!opening.scoped) {
          this.options = changed;
          return null;
        }
        return this.readGroupBody(start, changed);
      }
      case 'plain':
        return this.readGroupBody(start);
      case 'atomic':
        return { kind: 'atomic', body: this.readGroupBody(start), at: start };
      case 'look': {
        const { behind, negative } = opening;
        this.lookarounds++;
        const body = this.readGroupBody(start);
        this.lookarounds--;
        const branches = body.kind === 'alternatives' ? body.branches : [body];
        if (behind && hasReference(body)) {
          untranslatable('a back reference or a subroutine call in a lookbehind', start, this.cursor.at);
        }
        // In UTF mode PCRE counts characters; JavaScript supports lookbehinds over any number of bytes.
        if (behind && !this.options.utf && branches.some((branch) => widthOf(branch) === null)) {
          invalid('lookbehind assertion is not fixed length', start, start);
        }
        return { kind: 'look', behind, negative, body, at: start };
      }
      case 'capture': {
        if (opening.name === null && this.options.noCapture) {
          return this.readGroupBody(start);
        }
        const index = ++this.groups.count;
        const name = opening.name === null ? null : this.groups.declare(opening.name, index, start, this.cursor.at);
        return { kind: 'group', index, name, body: this.readGroupBody(start) };
      }
    }
  }

  private readGroupBody(start: number, options = this.options, read = () => this.readAlternatives()): Node {
    const outer = this.options;
    this.options = options;
    if (++this.depth > MAX_DEPTH) {
      invalid('parentheses are too deeply nested', this.cursor.at, start);
    }
    const body = read();
    this.depth--;
    if (!this.cursor.take(')')) {
      invalid('missing closing parenthesis', this.text.length, start);
    }
    this.options = outer;
    return body;
  }

  /** Reads `(?(condition)yes|no)`, from the condition's parenthesis on. */
  private readCondition(start: number): Node {
    const test = this.readConditionTest(start);
    const branches: Node[] = [];
    this.readGroupBody(start, this.options, () => {
      do branches.push(this.readBranch());
      while (this.cursor.take('|'));
      return sequenceOf([]);
    });
    const [yes = sequenceOf([]), no = sequenceOf([])] = branches;
    if (test.kind === 'define' && branches.length > 1) {
      invalid('DEFINE subpattern contains more than one branch', this.cursor.at - 1, start);
    }
    if (branches.length > 2) {
      invalid('conditional subpattern contains more than two branches', this.cursor.at - 1, start);
    }
    return { kind: 'condition', test, yes, no, at: start };
  }

  private readConditionTest(start: number): Condition {
    if (/\(\?<?[=!]/y.test(this.text.slice(this.cursor.at, this.cursor.at + 4))) {
      const look = this.readGroup();
      if (look?.kind === 'look') return { kind: 'look', look };
    }
    const words = this.cursor.match(/\((?:<(\w+)>|'(\w+)'|([+-]?\d+)|(\w+)|R&(\w+))\)/y);
    if (words === null) return untranslatable('this condition', start, this.cursor.at + 1);
    const [, angled, quoted, number, bare, called] = words;
    const at = this.cursor.at - 1;
    const name = angled ?? quoted;
    if (called !== undefined) return this.groups.refer({ kind: 'called' as const, index: 0 }, called, at);
    if (number !== undefined)
      return this.groups.refer({ kind: 'group' as const, index: 0 }, this.groups.relative(number), at);
    if (name === undefined && bare === 'DEFINE') return { kind: 'define' };
    const recursion = name === undefined ? /^R(\d*)$/.exec(bare ?? '')?.[1] : undefined;
    // A group of that name may come later; PCRE2 decides by the preceding ones.
    if (recursion !== undefined && !this.groups.has(bare ?? '')) {
      if (recursion === '') return { kind: 'called', index: null };
      return this.groups.refer({ kind: 'called' as const, index: 0 }, Number(recursion), at);
    }
    return this.groups.refer({ kind: 'group' as const, index: 0 }, name ?? bare ?? '', at);
  }

  private callNode(key: number | string, start: number, at: number): Node {
    return this.groups.refer({ kind: 'call' as const, index: 0, at: start }, key, at);
  }

  private readEscaped(): Node | null {
    const start = this.cursor.at - 1;
    if (this.cursor.take('Q')) {
      const end = this.text.indexOf('\\E', this.cursor.at);
      return this.readQuoted(end === -1 ? this.text.length : end);
    }
    if (this.cursor.take('E')) {
      return null;
    }
    const character = readEscape(this.cursor, this.options);
    if (character !== null) {
      return 'code' in character ? this.characterNode(character.code) : this.escapedSet(character);
    }
    const reference = this.cursor.match(/g\{?([+-]?\d+)\}?|[gk]\{(\w+)\}|k(?:<(\w+)>|'(\w+)')/y);
    if (reference !== null) {
      const number = reference[1];
      if (number === undefined) {
        return this.referenceNode(reference[2] ?? reference[3] ?? reference[4] ?? '', start, start + 3);
      }
      return this.referenceNode(this.groups.relative(number), start, start + 2);
    }
    const number = /[1-9]\d*/y.exec(this.text.slice(this.cursor.at))?.[0];
    if (number !== undefined) {
      if (number.length === 1 || /^[89]/.test(number) || Number(number) <= this.groups.count) {
        this.cursor.at += number.length;
        return this.referenceNode(Number(number), start, this.cursor.at - 1);
      }
      return this.characterNode(readOctal(this.cursor));
    }
    return this.readAssertion(this.cursor.next(), start);
  }

  private readAssertion(letter: string, start: number): Node {
    switch (letter) {
      case 'b':
      case 'B':
        return { kind: 'assertion', source: `\\${letter}`, ends: false };
      case 'A':
        return START;
      case 'z':
        return VERY_END;
      case 'Z':
        return END;
      case 'N':
        if (this.cursor.peek() === '{' && peekBraces(this.cursor) === undefined) {
          const numbered = this.cursor.peek(1) === 'U' && this.cursor.peek(2) === '+';
          invalid(numbered ? '\\N{U+dddd} is supported only in Unicode (UTF) mode' : NO_SUCH_ESCAPE, start + 2, start);
        }
        return this.setNode(NO_NEWLINE, true);
      case 'R':
        if (this.options.utf) {
          untranslatable('"\\R" in UTF mode', start, this.cursor.at);
        }
        // Once CR LF has been matched as one, neither half is given back.
        return {
          kind: 'atomic',
          body: alternativesOf([sequenceOf([bytes('\r'), bytes('\n')]), { kind: 'set', set: VERTICAL }]),
          lineBreak: true,
          at: start,
        };
      case 'G':
        // nginx always searches from the beginning.
        return START;
      case 'K':
        if (this.lookarounds > 0)
          invalid(
            '\\K is not allowed in lookarounds (but see PCRE2_EXTRA_ALLOW_LOOKAROUND_BSK)',
            this.cursor.at,
            start,
          );
        return { kind: 'keep', at: start };
      case 'C':
        return { kind: 'set', set: ALL };
      case 'X':
        if (this.options.utf) untranslatable('"\\X" in UTF mode', start, this.cursor.at);
        // No byte extends another, so that only CR LF is more than one byte.
        return {
          kind: 'atomic',
          body: alternativesOf([sequenceOf([bytes('\r'), bytes('\n')]), { kind: 'set', set: ALL }]),
          at: start,
        };
      case 'g': {
        const called = this.cursor.match(/<([+-]?\w+)>|'([+-]?\w+)'/y);
        if (called === null) return untranslatable('this form of back reference', start, this.cursor.at);
        return this.callNode(this.groups.relative(called[1] ?? called[2] ?? ''), start, this.cursor.at - 1);
      }
      case 'k':
        return invalid('\\k is not followed by a braced, angle-bracketed, or quoted name', this.cursor.at);
      default:
        return invalid('unrecognized character follows \\', this.cursor.at - 1, start);
    }
  }

  /** Reads `\Q...\E`: a following quantifier applies to the last character. */
  private readQuoted(end: number): Node | null {
    const items: Node[] = [];
    while (this.cursor.at < end) {
      items.push(this.characterNode(readCharacter(this.cursor, this.options)));
    }
    this.cursor.take('\\E');
    const last = items.pop();
    if (last === undefined) {
      return null;
    }
    const quantified = this.readQuantifier(last, end - 1);
    // A second quantifier has nothing to repeat; it must not apply to the whole.
    this.readQuantifier(null, end - 1);
    return sequenceOf(quantified === null ? items : [...items, quantified]);
  }

  private referenceNode(key: number | string, start: number, at: number): Node {
    if (key === 0) invalid('reference to non-existent subpattern', at);
    const { caseless } = this.options;
    return this.groups.refer({ kind: 'reference' as const, index: 0, caseless, at: start }, key, at);
  }

  private escapedSet({ set, negated, property }: Extract<Escape, { readonly set: ByteSet }>): Node {
    const all = negated ? set.inverted() : set;
    // Unicode properties are case-sensitive: `\p{Lu}` is upper case under any options.
    return property === true && !this.options.utf ? { kind: 'set', set: all } : this.setNode(all, negated);
  }

  /** A set; in UTF mode `beyond` is true if it contains all characters beyond ASCII as well, false if none. */
  private setNode(set: ByteSet, beyond: boolean): Node {
    return this.classNode({ set, beyond: { codes: [], negated: beyond } });
  }

  private classNode({ set, beyond }: CharacterClass, bracketed = false): Node {
    const folded = this.options.caseless ? set.folded() : set;
    if (!this.options.utf) {
      return bracketed ? { kind: 'set', set: folded, bracketed } : { kind: 'set', set: folded };
    }
    const ascii = new ByteSet();
    for (const byte of folded.bytes) {
      if (byte < 0x80) {
        ascii.add(byte);
      }
    }
    const codes = beyond.codes.map((code) => this.characterNode(code));
    const inside: Node[] = [{ kind: 'set', set: ascii }];
    if (beyond.negated) {
      const except: Node = { kind: 'look', behind: false, negative: true, body: alternativesOf(codes), at: 0 };
      inside.push(codes.length === 0 ? BEYOND_ASCII : sequenceOf([except, BEYOND_ASCII]));
    } else {
      inside.push(...codes);
    }
    return alternativesOf(inside);
  }

  private characterNode(code: number): Node {
    if (this.options.utf && code >= 0x80) {
      if (this.options.caseless) {
        untranslatable('case folding beyond ASCII in UTF mode', this.cursor.at - 1, this.cursor.at);
      }
      return sequenceOf([...Buffer.from(String.fromCodePoint(code))].map((byte) => bytes([byte, byte])));
    }
    const nodes = this.options.caseless ? CASELESS : CHARACTERS;
    return (nodes[code] ??= characterOf(code, this.options.caseless));
  }
}
