/**
 * Detection of missing and surplus braces by indentation.
 *
 * nginx reports a missing `}` only at the end of the file, and a surplus one only where no block is left to close; by
 * then every statement after the mistake has been read in the wrong block. In texts with unbalanced braces, and only in
 * those, the indentation shows where the author meant a block to end.
 */
import type { IToken } from 'chevrotain';
import { ClosingBrace, CommentText, ForeignBlock, OpeningBrace, Semicolon } from './lexer.js';
import { MissingOpenings } from './missing-opening.js';
import { SPACE, TAB } from './words.js';

/** Corrections for a text with unbalanced braces. All keys and values are offsets of tokens. */
export interface BlockBalance {
  /** Token before which this many blocks are treated as closed. */
  readonly closeBefore: ReadonlyMap<number, number>;
  /** `}` to ignore, with the offset at which nginx finds one too many. */
  readonly surplus: ReadonlyMap<number, number>;
  /** `{` to ignore: no statement precedes it and no `}` matches it. */
  readonly stray: ReadonlySet<number>;
  /** Word after which a `{` is missing, or `;` in its place, with the offset at which nginx notices it. */
  readonly openAfter: ReadonlyMap<number, number>;
  /** `)` or `]` in place of a `}`. */
  readonly closeInstead: ReadonlySet<number>;
}

const BALANCED: BlockBalance = {
  closeBefore: new Map(),
  surplus: new Map(),
  stray: new Set(),
  openAfter: new Map(),
  closeInstead: new Set(),
};

interface OpenBlock {
  /** Indentation of the statement, or -1 if it is not first on its line. */
  readonly indent: number;
  /** Indentation of the first token inside, or -1 while nothing inside has been first on its line. */
  inner: number;
}

/** Whether the block's content is indented further than the block itself, so that indentation can be used. */
function isIndented(block: OpenBlock): boolean {
  return block.indent >= 0 && block.inner > block.indent;
}

/**
 * Whether the innermost block, in which no line has begun yet, is in a block that is indented: its own content would then
 * be indented further.
 */
function isEmptySibling(open: readonly OpenBlock[], isIndentedText: boolean): boolean {
  const block = open.at(-1);
  if (block === undefined || block.inner >= 0 || block.indent < 0) return false;
  const around = open.at(-2);
  return around === undefined
    ? isIndentedText && block.indent === 0
    : isIndented(around) && block.indent >= around.inner;
}

/**
 * Computes the intended block structure of a text with unbalanced braces. Takes linear time.
 *
 * @param opensBlock whether the named directive takes a block
 */
export function balanceBlocks(
  text: string,
  tokens: readonly IToken[],
  opensBlock: (name: string) => boolean,
): BlockBalance {
  let depth = 0;
  const surplusPlaces: number[] = [];
  // By index: this visits every token of every text, before V8 has optimized iterating over them.
  for (let i = 0; i < tokens.length; i++) {
    const { tokenType, startOffset } = tokens[i] as IToken; // `i` is below the length
    if (tokenType === OpeningBrace) depth++;
    else if (tokenType === ClosingBrace) {
      if (depth > 0) depth--;
      else surplusPlaces.push(startOffset);
    }
  }
  if (depth === 0 && surplusPlaces.length === 0) return BALANCED;
  return balanceByIndentation(text, tokens, depth, surplusPlaces, opensBlock);
}

function balanceByIndentation(
  text: string,
  tokens: readonly IToken[],
  unclosed: number,
  surplusPlaces: readonly number[],
  opensBlock: (name: string) => boolean,
): BlockBalance {
  const closeBefore = new Map<number, number>();
  const surplus = new Map<number, number>();
  const stray = new Set<number>();
  const closeInstead = new Set<number>();
  const open: OpenBlock[] = [];
  const openings = new MissingOpenings(text, opensBlock);
  const indents = indentsOf(text, tokens);
  const isIndentedText = indents.some((indent) => indent > 0);
  const nextIndents = nextIndentsOf(tokens, indents);
  let missing = unclosed;
  let statementIndent = -1;
  let betweenStatements = true;

  for (const [i, token] of tokens.entries()) {
    const type = token.tokenType;
    if (type === CommentText) continue;
    const { startOffset: start, image } = token;
    if (type === Semicolon || type === ForeignBlock) {
      openings.semicolon(start);
      betweenStatements = true;
    } else if (type === OpeningBrace && betweenStatements && missing > 0) {
      stray.add(start);
      missing--;
    } else if (type === OpeningBrace) {
      openings.open(start);
      open.push({ indent: betweenStatements ? -1 : statementIndent, inner: -1 });
      betweenStatements = true;
    } else if (type === ClosingBrace) {
      const indent = indents[i] ?? -1;
      let top = open.at(-1);
      while (
        missing > 0 &&
        top &&
        indent >= 0 &&
        (isIndented(top) || isEmptySibling(open, isIndentedText)) &&
        indent < top.indent
      ) {
        closeBefore.set(start, (closeBefore.get(start) ?? 0) + 1);
        missing--;
        open.pop();
        openings.close();
        top = open.at(-1);
      }
      const place = surplusPlaces[surplus.size + openings.found.size];
      if (place !== undefined && openings.closes(indent)) {
        // Closes a block whose `{` is missing.
      } else if (
        place !== undefined &&
        top &&
        isIndented(top) &&
        // It, or the line after it, is indented like the content of the block that it would close.
        Math.max(indent, nextIndents[i] ?? -1) > top.indent
      ) {
        surplus.set(start, place);
      } else {
        open.pop();
        openings.close();
      }
      betweenStatements = true;
    } else if (betweenStatements) {
      betweenStatements = false;
      statementIndent = indents[i] ?? -1;
      if (statementIndent < 0) continue;
      let top = open.at(-1);
      if (missing > 0 && top && statementIndent === top.indent && (image === ')' || image === ']')) {
        closeInstead.add(start);
        missing--;
        open.pop();
        openings.close();
        betweenStatements = true;
        continue;
      }
      while (
        missing > 0 &&
        top &&
        (isIndented(top) || isEmptySibling(open, isIndentedText)) &&
        statementIndent <= top.indent
      ) {
        closeBefore.set(start, (closeBefore.get(start) ?? 0) + 1);
        missing--;
        open.pop();
        openings.close();
        top = open.at(-1);
      }
      if (top && top.inner < 0) top.inner = statementIndent;
      openings.begin(start, image, statementIndent);
    } else {
      const indent = indents[i] ?? -1;
      // The statement has absorbed another one, whose block follows.
      if (indent >= 0 && opensBlock(image)) statementIndent = indent;
      openings.word(start, image, indent);
    }
  }
  return { closeBefore, surplus, stray, openAfter: openings.found, closeInstead };
}

/** Indentation of each token, -1 for one that is not first on its line. */
function indentsOf(text: string, tokens: readonly IToken[]): Int32Array {
  const indentations = new Indentations(text);
  return Int32Array.from(tokens, ({ startOffset }) => indentations.of(startOffset));
}

/** Indentation of the first token on a later line, for each token; -1 if none follows. */
function nextIndentsOf(tokens: readonly IToken[], indents: Int32Array): Int32Array {
  const next = new Int32Array(tokens.length).fill(-1);
  for (let i = tokens.length - 2; i >= 0; i--) {
    const indent = indents[i + 1] ?? -1;
    next[i] = indent >= 0 && tokens[i + 1]?.tokenType !== CommentText ? indent : (next[i + 1] ?? -1);
  }
  return next;
}

/** Indentation at increasing offsets of a text. */
class Indentations {
  readonly #text: string;
  #lineStart = 0;
  #nextLine: number;

  constructor(text: string) {
    this.#text = text;
    this.#nextLine = this.#endOfLine(0);
  }

  /** Number of blanks before `offset`, or -1 if another character precedes it on its line. */
  of(offset: number): number {
    while (this.#nextLine <= offset) {
      this.#lineStart = this.#nextLine;
      this.#nextLine = this.#endOfLine(this.#lineStart);
    }
    for (let before = offset - 1; before >= this.#lineStart; before--) {
      const code = this.#text.charCodeAt(before);
      if (code !== SPACE && code !== TAB) return -1;
    }
    return offset - this.#lineStart;
  }

  #endOfLine(offset: number): number {
    const end = this.#text.indexOf('\n', offset);
    return end === -1 ? Number.POSITIVE_INFINITY : end + 1;
  }
}
