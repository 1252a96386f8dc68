/** Parses PCRE's notation to a tree, with PCRE2's own words for what it refuses. */
import { isUtf8 } from 'node:buffer';
import { ByteSet, NEWLINE, VERTICAL } from './byte-set.js';
import { type CharacterClass, readCharacter, readClass } from './character-class.js';
import { Cursor } from './cursor.js';
import { NO_SUCH_ESCAPE, readEscape, readOctal } from './escapes.js';
import { readGroupOpening } from './group-opening.js';
import { kept } from './kept.js';
import { changeOptions, type Options } from './options.js';
import {
  alternativesOf,
  childrenOf,
  invalid,
  Mistake,
  type Node,
  sequenceOf,
  type Tree,
  untranslatable,
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
const START: Node = { kind: 'assertion', source: '^', ends: false };
const END: Node = { kind: 'assertion', source: '(?=\\n?$)', ends: true };
const VERY_END: Node = { kind: 'assertion', source: '$', ends: true };
// PCRE's multiline `^` holds after a line break, but not after one that ends the subject.
const LINE_START: Node = { kind: 'assertion', source: '(?:^|(?<=\\n)(?!$))', ends: false };
const LINE_END: Node = { kind: 'assertion', source: '(?=\\n|$)', ends: false };
const NEVER: Node = { kind: 'look', behind: false, negative: true, body: sequenceOf([]), at: 0 };

/** A quantifier is no longer than `{65535,65535}`; what is longer is too big, or no quantifier. */
const LONGEST_BRACES = 64;

/** PCRE's own limit of groups in groups (`PARENS_NEST_LIMIT`). */
const DEEPEST = 250;

function requireUtf8(text: string): void {
  if (!isUtf8(Buffer.from(text, 'latin1'))) {
    invalid('UTF-8 error: the pattern is not valid UTF-8', text.length, 0);
  }
}

function hasReference(node: Node): boolean {
  return node.kind === 'reference' || childrenOf(node).some(hasReference);
}

/** Single characters as they are, and without regard to case; made when they are needed. */
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

interface PendingReference {
  readonly index: number | string;
  readonly at: number;
}

/** The tree of an expression, or why there is none. */
export const parsed = kept((text, caseless): Tree | Mistake => {
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
  private groups = 0;
  private depth = 0;
  private readonly names: string[] = [];
  private readonly indexes = new Map<string, number>();
  private readonly references: PendingReference[] = [];

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
    for (const { index, at } of this.references) {
      if (typeof index === 'string' ? !this.indexes.has(index) : index < 1 || index > this.groups) {
        invalid('reference to non-existent subpattern', at);
      }
    }
    return { body, groups: this.groups, names: this.names };
  }

  /** `(*UTF)` and its like, at the very start. */
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
        // Perhaps one that may stand anywhere: (*F).
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

  /** One item; null for what matches nothing and cannot be repeated (an option, a comment). */
  private readItem(): Node | null {
    const braces = this.cursor.peek() === '{' ? this.peekBraces() : undefined;
    switch (this.cursor.peek()) {
      case '(':
        return this.readGroup();
      case '[':
        this.cursor.at++;
        return this.classNode(readClass(this.cursor, this.options));
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

  /** `{2}`, `{2,}`, `{2,3}`: anything else in braces is literal. */
  private peekBraces(): string | undefined {
    return /^\{\d+(?:,\d*)?\}/.exec(this.text.slice(this.cursor.at, this.cursor.at + LONGEST_BRACES))?.[0];
  }

  private readQuantifier(item: Node | null, start: number): Node | null {
    if (this.options.extended) {
      this.cursor.match(/(?:[ \t\n\v\f\r]+|#[^\n]*\n?)*/y);
    }
    const at = this.cursor.at;
    const match = this.cursor.match(/([*+?]|\{(\d+)(?:(,)(\d*))?\})([+?]?)/y);
    if (match === null) {
      return item;
    }
    const [all, sign = '', low, comma, high, suffix] = match;
    if (item === null || (item.kind === 'assertion' && this.text.charAt(start) !== '(')) {
      invalid('quantifier does not follow a repeatable item', at + sign.length - 1, at);
    }
    const min = low === undefined ? (all.startsWith('+') ? 1 : 0) : Number(low);
    const unbounded = low === undefined ? !all.startsWith('?') : comma !== undefined && high === '';
    const max = unbounded ? Number.POSITIVE_INFINITY : low === undefined ? 1 : comma === undefined ? min : Number(high);
    if (min > 65535 || (max > 65535 && !unbounded)) {
      invalid('number too big in {} quantifier', at + sign.length - 1, at);
    }
    if (max < min) {
      invalid('numbers out of order in {} quantifier', at + sign.length - 1, at);
    }
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
        const body = this.readGroupBody(start);
        const branches = body.kind === 'alternatives' ? body.branches : [body];
        if (behind && hasReference(body)) {
          untranslatable('a back reference in a lookbehind', start, this.cursor.at);
        }
        // In UTF mode PCRE counts characters; JavaScript looks behind over any length of bytes.
        if (behind && !this.options.utf && branches.some((branch) => widthOf(branch) === null)) {
          invalid('lookbehind assertion is not fixed length', start, start);
        }
        return { kind: 'look', behind, negative, body, at: start };
      }
      case 'capture': {
        if (opening.name === null && this.options.noCapture) {
          return this.readGroupBody(start);
        }
        const index = ++this.groups;
        const name = opening.name === null ? null : this.declare(opening.name, index, start);
        return { kind: 'group', index, name, body: this.readGroupBody(start) };
      }
    }
  }

  private readGroupBody(start: number, options = this.options): Node {
    const outer = this.options;
    this.options = options;
    if (++this.depth > DEEPEST) {
      invalid('parentheses are too deeply nested', this.cursor.at, start);
    }
    const body = this.readAlternatives();
    this.depth--;
    if (!this.cursor.take(')')) {
      invalid('missing closing parenthesis', this.text.length, start);
    }
    this.options = outer;
    return body;
  }

  private declare(name: string, index: number, start: number): string {
    const lower = name.toLowerCase();
    if (this.indexes.has(name)) {
      const message = 'two named subpatterns have the same name (PCRE2_DUPNAMES not set)';
      invalid(message, this.cursor.at, start);
    }
    if (this.names.includes(lower)) {
      untranslatable('group names that differ in case only', start, this.cursor.at);
    }
    this.indexes.set(name, index);
    this.names.push(lower);
    return lower;
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
      return 'code' in character
        ? this.characterNode(character.code)
        : this.setNode(character.negated ? character.set.inverted() : character.set, character.negated);
    }
    const reference = this.cursor.match(/g\{?(-?\d+)\}?|[gk](?:\{(\w+)\}|<(\w+)>|'(\w+)')/y);
    if (reference !== null) {
      const number = reference[1];
      if (number === undefined) {
        return this.referenceNode(reference[2] ?? reference[3] ?? reference[4] ?? '', start, start + 3);
      }
      const index = Number(number) < 0 ? this.groups + 1 + Number(number) : Number(number);
      return this.referenceNode(index, start, start + 2);
    }
    const number = /[1-9]\d*/y.exec(this.text.slice(this.cursor.at))?.[0];
    if (number !== undefined) {
      if (number.length === 1 || /^[89]/.test(number) || Number(number) <= this.groups) {
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
        if (this.cursor.peek() === '{' && this.peekBraces() === undefined) {
          const numbered = this.cursor.peek(1) === 'U' && this.cursor.peek(2) === '+';
          invalid(numbered ? '\\N{U+dddd} is supported only in Unicode (UTF) mode' : NO_SUCH_ESCAPE, start + 2, start);
        }
        return this.setNode(NO_NEWLINE, true);
      case 'R':
        if (this.options.utf) {
          untranslatable('"\\R" in UTF mode', start, this.cursor.at);
        }
        // Once CR LF was taken as one, no half of it is given back.
        return {
          kind: 'atomic',
          body: alternativesOf([sequenceOf([bytes('\r'), bytes('\n')]), { kind: 'set', set: VERTICAL }]),
          at: start,
        };
      case 'G':
      case 'K':
      case 'X':
      case 'C':
        return untranslatable(`"\\${letter}"`, start, this.cursor.at);
      case 'g':
        return untranslatable('a subroutine call or this form of back reference', start, this.cursor.at);
      case 'k':
        return invalid('\\k is not followed by a braced, angle-bracketed, or quoted name', this.cursor.at);
      default:
        return invalid('unrecognized character follows \\', this.cursor.at - 1, start);
    }
  }

  /** `\Q...\E`: a following quantifier holds for the last character. */
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
    // A second quantifier has nothing to repeat; it must not get hold of the whole.
    this.readQuantifier(null, end - 1);
    return sequenceOf(quantified === null ? items : [...items, quantified]);
  }

  private referenceNode(index: number | string, start: number, at: number): Node {
    this.references.push({ index, at });
    const number = typeof index === 'string' ? this.indexes.get(index) : index;
    if (number === undefined || number > this.groups) {
      // PCRE fails such a reference until the group has matched; whether it exists at all shows only at the end.
      return { kind: 'reference', index: Number.POSITIVE_INFINITY, caseless: this.options.caseless, at: start };
    }
    return { kind: 'reference', index: number, caseless: this.options.caseless, at: start };
  }

  /** A set; in UTF mode `beyond` says whether it holds all characters beyond ASCII as well, or none. */
  private setNode(set: ByteSet, beyond: boolean): Node {
    return this.classNode({ set, beyond: { codes: [], negated: beyond } });
  }

  private classNode({ set, beyond }: CharacterClass): Node {
    const folded = this.options.caseless ? set.folded() : set;
    if (!this.options.utf) {
      return { kind: 'set', set: folded };
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
    const known = this.options.caseless ? CASELESS : CHARACTERS;
    return (known[code] ??= characterOf(code, this.options.caseless));
  }
}
