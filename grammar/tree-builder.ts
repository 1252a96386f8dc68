/** Builds the syntax tree from the tokens recognized by the grammar, and reports the mistakes. */
import type { IToken } from 'chevrotain';
import type { BlockBalance } from './block-balance.js';
import { BUFFER_SIZE, QuotedWord, RunawayWord, TemplateTag } from './lexer.js';
import { missingSemicolon } from './missing-semicolon.js';
import { characterAt, heldBytes, helpForOpening, indentationAt, sentenceOfBracket } from './mistake-text.js';
import type {
  Block,
  Comment,
  Item,
  Quote,
  Source,
  Span,
  Statement,
  SyntaxMistake,
  SyntaxTree,
  Word,
} from './syntax-tree.js';
import { CLOSING_BRACE, closingQuote, LF, mayFollowQuote, OPENING_BRACE, plainWordEnd, readValue } from './words.js';

/** Origin of a text; it determines nginx's messages and limits. */
export type TextKind = 'file' | 'parameter';

/** A block that is not closed yet. */
interface OpenBlock {
  readonly block: Under<Block> & { readonly items: Item[] };
  /** The statement that owns the block, or null for a `{` without one. */
  readonly owner: Under<Statement> | null;
  /** The `{`. */
  readonly brace: Span;
}

/** A node whose end is not yet known. */
type Under<T extends Span> = Omit<T, 'end'> & { end: number };

function endOf(token: IToken): number {
  return token.startOffset + token.image.length;
}

/** Limit of mistakes: a text with more is not a configuration, and recording them would only take memory. */
const MISTAKES_MAX = 10_000;

/** Builds one tree. The grammar calls a method for each token, in the order of the text, and `finish` at the end. */
export class TreeBuilder {
  readonly #source: Source;
  readonly #kind: TextKind;
  readonly #balance: BlockBalance;
  readonly #opensBlock: (name: string) => boolean;
  /** A template placeholder or tag was reported; only the first one is. */
  #isTemplate = false;
  readonly #top: Item[] = [];
  readonly #open: OpenBlock[] = [];
  readonly #mistakes: SyntaxMistake[] = [];
  #items: Item[] = this.#top;
  /** The first `#count` entries are the words of the current statement; the rest are left over from longer ones. */
  readonly #words: Word[] = [];
  #count = 0;
  /** Comments between the words of the current statement. */
  #inner: Comment[] = [];
  /** End of the last token. */
  #lastEnd = 0;

  constructor(source: Source, kind: TextKind, balance: BlockBalance, opensBlock: (name: string) => boolean) {
    this.#source = source;
    this.#opensBlock = opensBlock;
    this.#kind = kind;
    this.#balance = balance;
  }

  /** Adds a word to the current statement, or begins one. */
  word(token: IToken): void {
    const { startOffset: start, image, tokenType } = token;
    const end = endOf(token);
    if (this.#count === 0) {
      this.#closeMissing(token);
      if (this.#balance.closeInstead.has(start)) {
        this.#closeInstead(start, end, image);
        return;
      }
    }
    if (this.#count === 0 && image.startsWith('{{') && image.endsWith('}}') && this.#isAlone(start, end)) {
      this.#template(start, end, 'unexpected "{"');
      this.#lastEnd = end;
      return;
    }
    let quote: Quote = '';
    let text: string;
    let damaged = false;
    if (tokenType === QuotedWord) {
      quote = image.startsWith('"') ? '"' : "'";
      text = readValue(image.slice(1, -1));
      const closing = closingQuote(image, 0);
      if (closing < image.length - 1) {
        this.#quoteInside(start, start + closing, quote);
        damaged = true;
      } else if (!mayFollowQuote(this.#source.text.charCodeAt(end))) {
        this.#unexpectedAfterQuote(start, end);
        damaged = true;
      }
    } else if (tokenType === RunawayWord) {
      quote = image.startsWith('"') ? '"' : "'";
      text = readValue(image.slice(1));
      this.#missingQuote(start, end, quote);
      damaged = true;
    } else {
      text = readValue(image);
      const brace = image.includes('{') ? plainWordEnd(image, 0) : image.length;
      if (brace < image.length) damaged = this.#braceInside(start, end, start + brace);
    }
    if (tokenType !== RunawayWord && image.length >= BUFFER_SIZE - 2) this.#checkLength(start, end, quote);
    const word: Word = { source: this.#source, start, end, text, quote };
    this.#words[this.#count++] = damaged ? { ...word, damaged } : word;
    this.#lastEnd = end;
    const noticed = this.#balance.openAfter.get(start);
    if (noticed !== undefined) this.#openMissing(noticed);
  }

  /** Adds a comment, between statements or between the words of one. */
  comment(token: IToken): void {
    const start = token.startOffset;
    const end = endOf(token);
    if (token.tokenType === TemplateTag) {
      this.#template(start, end, 'unexpected "{"');
      this.#lastEnd = end;
      return;
    }
    const comment: Comment = {
      source: this.#source,
      start,
      end,
      text: token.image.slice(1),
      trailing: !this.#isFirstOnLine(start),
    };
    if (token.image.length >= BUFFER_SIZE - 1) this.#checkLength(start, end, '');
    if (this.#count > 0) this.#inner.push(comment);
    else this.#items.push(comment);
  }

  /** `;` */
  semicolon(token: IToken): void {
    const end = endOf(token);
    const opens = this.#balance.openAfter.has(token.startOffset);
    if (this.#count > 0) {
      if (opens) this.#openMissing(token.startOffset);
      else this.#endStatement(end);
    } else {
      const afterBlock = this.#source.text.charCodeAt(this.#lastEnd - 1) === CLOSING_BRACE;
      this.#mistake(token.startOffset, end, 'unexpected ";"', {
        help: afterBlock ? 'a block must not be followed by ";"' : 'no directive precedes this ";"',
      });
    }
    this.#lastEnd = end;
  }

  /** `{`; `foreign` is the content of a block in another language. */
  openBlock(token: IToken, foreign?: string): void {
    this.#openBlock(token.startOffset, token.startOffset + 1, foreign);
  }

  #openBlock(start: number, end: number, foreign?: string): void {
    const source = this.#source;
    const brace: Span = { source, start, end };
    const items: Item[] = this.#inner;
    const block = foreign === undefined ? { source, start, end, items } : { source, start, end, items, foreign };
    const name = this.#name();
    if (name !== null) {
      if (this.#kind === 'parameter') {
        this.#mistake(start, end, 'block directives are not supported in -g option');
      }
      const owner = { kind: 'statement' as const, source, start: name.start, end, name, args: this.#args(), block };
      this.#items.push(owner);
      this.#open.push({ block, owner, brace });
      this.#count = 0;
    } else {
      this.#mistake(start, end, 'unexpected "{"', { help: 'no directive precedes this "{"' });
      if (this.#balance.stray.has(start)) {
        this.#lastEnd = end;
        return;
      }
      this.#open.push({ block, owner: null, brace });
    }
    this.#inner = [];
    this.#items = items;
    this.#lastEnd = end;
  }

  /** A whole block in another language. */
  foreignBlock(token: IToken): void {
    const end = endOf(token);
    this.openBlock(token, token.image.slice(1, -1));
    this.#pop(end);
    this.#lastEnd = end;
  }

  /** `}` */
  closeBlock(token: IToken): void {
    const end = endOf(token);
    this.#closeMissing(token);
    const place = this.#balance.surplus.get(token.startOffset);
    if (place !== undefined) {
      const related = place === token.startOffset ? null : 'by its indentation, this "}" is the surplus one';
      this.#mistake(place, place + 1, 'unexpected "}"', {
        help: 'there are more "}" than "{"',
        ...(related && { related: { at: this.#span(token.startOffset, end), message: related } }),
      });
    } else if (this.#open.length === 0) {
      this.#mistake(token.startOffset, end, 'unexpected "}"', { help: 'no block is open here' });
    } else {
      this.#pop(end);
    }
    this.#lastEnd = end;
  }

  /** The current statement is followed by `}` or by the end of the text (`next` is null). */
  unterminated(next: IToken | null): void {
    const last = this.#lastWord();
    if (last === null) return;
    const statement = this.#endStatement(last.end, true);
    // A mistake in a word, such as a missing closing quote, may have hidden the end of the statement.
    if (statement.name.damaged === true || statement.args.some(({ damaged }) => damaged)) return;
    const earlier = missingSemicolon(statement);
    const detail = {
      help: `";" is missing after "${this.#source.text.slice(last.start, last.end).slice(0, 60)}"`,
      insert: { offset: last.end, text: ';' },
      ...(earlier && {
        related: {
          at: this.#span(Math.max(statement.start, earlier.offset - 1), earlier.offset),
          message: 'the statement continues on this line: a ";" may be missing here as well',
        },
      }),
    };
    if (next) this.#mistake(next.startOffset, endOf(next), 'unexpected "}"', detail);
    else this.#mistakeAtEnd(this.#endOfTextMessage(), detail);
  }

  /** The end of the text. */
  finish(): SyntaxTree {
    const innermost = this.#open.at(-1);
    if (innermost) {
      const count = this.#open.length;
      this.#mistakeAtEnd('unexpected end of file, expecting "}"', {
        help: count === 1 ? 'a block is not closed' : `${count} blocks are not closed`,
        related: this.#openedHere(innermost),
      });
      while (this.#open.length > 0) this.#pop(this.#source.text.length);
    }
    const mistakes = this.#mistakes.sort((a, b) => a.at.start - b.at.start);
    return { source: this.#source, items: this.#top, mistakes };
  }

  #endOfTextMessage(): string {
    return this.#kind === 'parameter'
      ? 'unexpected end of parameter, expecting ";"'
      : 'unexpected end of file, expecting ";" or "}"';
  }

  #endStatement(end: number, unterminated = false): Statement {
    const name = this.#words[0] as Word; // checked by the callers
    const plain: Statement = {
      kind: 'statement',
      source: this.#source,
      start: name.start,
      end,
      name,
      args: this.#args(),
      block: null,
    };
    const statement: Statement = unterminated ? { ...plain, unterminated } : plain;
    this.#items.push(statement);
    if (this.#inner.length > 0) {
      // One by one: there can be more of them than a call takes arguments.
      for (const comment of this.#inner) this.#items.push(comment);
      this.#inner = [];
    }
    this.#count = 0;
    return statement;
  }

  #name(): Word | null {
    return this.#count === 0 ? null : (this.#words[0] ?? null);
  }

  #lastWord(): Word | null {
    return this.#words[this.#count - 1] ?? null;
  }

  /** Sliced to size: an array that grows has capacity for seventeen. */
  #args(): Word[] {
    return this.#words.slice(1, this.#count);
  }

  #pop(end: number): void {
    const { block, owner } = this.#open.pop() ?? {};
    // A `{` without a statement has no owner.
    if (block && owner) {
      block.end = end;
      owner.end = end;
    }
    this.#items = this.#open.at(-1)?.block.items ?? this.#top;
  }

  /** Closes the innermost block at a `)` or `]` in place of its `}`. */
  #closeInstead(start: number, end: number, bracket: string): void {
    this.#mistake(start, end, sentenceOfBracket(this.#source.text, end, bracket) ?? this.#endOfTextMessage(), {
      help: `a block ends with "}", not with "${bracket}"`,
      insert: { offset: start, text: '}', over: end - start },
    });
    this.#pop(end);
    this.#lastEnd = end;
  }

  /** Closes the blocks that, by the indentation, should have been closed before `token`. */
  #closeMissing(token: IToken): void {
    for (let count = this.#balance.closeBefore.get(token.startOffset) ?? 0; count > 0; count--) {
      const block = this.#open.at(-1);
      if (!block) return;
      this.#mistakeAtEnd('unexpected end of file, expecting "}"', {
        help: 'by the indentation, a "}" is missing before the next statement',
        insert: {
          offset: this.#lastEnd,
          text: `\n${indentationAt(this.#source.text, block.owner?.start ?? block.brace.start)}}`,
        },
        related: this.#openedHere(block),
      });
      this.#pop(this.#lastEnd);
    }
  }

  /** Opens the block of the current statement, whose `{` is missing. @param noticed offset at which nginx notices it */
  #openMissing(noticed: number): void {
    const text = this.#source.text;
    const bracket = this.#takeBracket();
    const name = this.#name();
    const last = this.#lastWord();
    if (name === null || last === null) return;
    const inItsPlace = text.slice(last.end, noticed).trim() === '';
    // Up to a `{`, nginx reads the following words as arguments of the directive, which are then too many.
    const message =
      text.charCodeAt(noticed) === OPENING_BRACE
        ? `invalid number of arguments in "${name.text}" directive`
        : `directive "${name.text}" has no opening "{"`;
    const over = inItsPlace ? noticed + 1 : bracket?.end;
    this.#mistake(noticed, noticed + 1, message, {
      help: helpForOpening(text.slice(name.start, last.end), inItsPlace ? ';' : (bracket?.text ?? '')),
      insert: { offset: last.end, text: ' {', ...(over !== undefined && { over: over - last.end }) },
    });
    const gap = inItsPlace ? noticed : last.end;
    this.#openBlock(gap, gap);
  }

  /** Removes a `(` or `[` from the end of the current statement, where it stands for the missing `{`; null if there is none. */
  #takeBracket(): Word | null {
    const last = this.#lastWord();
    if (last === null || this.#count < 2 || (last.text !== '(' && last.text !== '[')) return null;
    this.#count--;
    return last;
  }

  #openedHere(block: OpenBlock): { at: Span; message: string } {
    const at = block.owner ? this.#span(block.owner.start, block.brace.end) : block.brace;
    return { at, message: 'this block is not closed' };
  }

  #unexpectedAfterQuote(start: number, end: number): void {
    const next = characterAt(this.#source.text, end);
    this.#mistake(end, end + next.length, `unexpected "${next}"`, {
      help: 'a closing quote must be followed by a space, ";", "{" or ")"',
      insert: { offset: end, text: ' ' },
      related: { at: this.#span(start, end), message: 'the quoted word ends here' },
    });
  }

  /** Reports a closing quote that was meant literally: the word continues after it, up to the end of the statement. */
  #quoteInside(start: number, closing: number, quote: Quote): void {
    const next = characterAt(this.#source.text, closing + 1);
    const other = quote === '"' ? "'" : '"';
    this.#mistake(closing + 1, closing + 1 + next.length, `unexpected "${next}"`, {
      help: `the ${quote} before it ends the word; inside a word write \\${quote}, or quote the word with ${other}`,
      related: { at: this.#span(start, closing + 1), message: 'the quoted word ends here' },
    });
  }

  /**
   * Reports a "{" inside an unquoted word, at which nginx ends it. Returns whether the word's value is unknown: it
   * holds a placeholder.
   */
  #braceInside(start: number, end: number, brace: number): boolean {
    const { text } = this.#source;
    const name = this.#name();
    const message = this.#sentenceOfBrace(start, brace, name);
    if (text.startsWith('{{', brace)) {
      this.#template(brace, text.indexOf('}}', brace) + 2, message);
      return true;
    }
    const written = text.slice(start, end);
    const quote = written.includes('"') ? "'" : '"';
    this.#mistake(brace, brace + 1, message, {
      help: 'the "{" ends the word and begins a block: a regular expression with braces must be quoted',
      ...(!written.includes(quote) && {
        insert: { offset: start, text: `${quote}${written}${quote}`, over: end - start },
      }),
    });
    return false;
  }

  /** nginx's message for a "{" inside a word of the current statement. */
  #sentenceOfBrace(start: number, brace: number, name: Word | null): string {
    const { text } = this.#source;
    if (name === null || text.startsWith('{{', brace)) {
      const isUnexpected = name !== null && !this.#opensBlock(name.text);
      return isUnexpected ? `directive "${name.text}" is not terminated by ";"` : 'unexpected "{"';
    }
    if (this.#words[1]?.text.startsWith('(')) return `invalid condition "${text.slice(start, brace)}"`;
    return this.#opensBlock(name.text)
      ? `unknown directive "${text.slice(brace + 1, plainWordEnd(text, brace + 1))}"`
      : `directive "${name.text}" is not terminated by ";"`;
  }

  /** Whether a placeholder is alone on its line or lines, so that it represents statements. */
  #isAlone(start: number, end: number): boolean {
    return this.#isFirstOnLine(start) && /^[ \t\r]*(?:\n|$)/.test(this.#source.text.slice(end, end + 100));
  }

  /** Reports a template placeholder or tag, if it is the first one. */
  #template(start: number, end: number, message: string): void {
    if (this.#isTemplate) return;
    this.#isTemplate = true;
    this.#mistake(start, end, message, {
      help: 'this is an unexpanded template: run it through its template engine first',
    });
  }

  /** Reports a quoted word without an end on its line or a plausible one on a later line. */
  #missingQuote(start: number, end: number, quote: Quote): void {
    const text = this.#source.text;
    const closing = closingQuote(text, start);
    const stop = closing === -1 ? text.length : closing;
    const detail = { help: `the closing ${quote} is missing`, insert: { offset: end, text: quote } };
    if (this.#kind === 'file' && stop - start - 1 >= BUFFER_SIZE && start + 1 + BUFFER_SIZE < text.length) {
      this.#mistake(start, end, `too long parameter, probably missing terminating "${quote}" character`, detail);
      return;
    }
    const related = { at: this.#span(start, end), message: 'the quote was opened here' };
    if (closing === -1) {
      this.#mistakeAtEnd(this.#endOfTextMessage(), { ...detail, related });
    } else {
      const next = characterAt(this.#source.text, closing + 1);
      this.#mistake(closing + 1, closing + 1 + next.length, `unexpected "${next}"`, { ...detail, related });
    }
  }

  /**
   * Checks nginx's buffer limit, which covers the bytes from the start of a word or comment up to the byte that shows
   * its end.
   */
  #checkLength(start: number, end: number, quote: Quote): void {
    if (this.#kind === 'parameter') return;
    const text = this.#source.text;
    const contentStart = quote === '' ? start : start + 1;
    const isComment = text.charAt(start) === '#';
    if (quote !== '' && end - 1 - contentStart >= BUFFER_SIZE) {
      this.#mistake(start, end, `too long parameter, probably missing terminating "${quote}" character`);
      return;
    }
    const held = heldBytes(text, contentStart, end, isComment);
    if (held >= BUFFER_SIZE && contentStart + BUFFER_SIZE < text.length) {
      const begin = text.slice(contentStart, contentStart + 10);
      this.#mistake(start, end, `too long parameter "${begin}..." started`, {
        help: `nginx rejects words and comments of ${BUFFER_SIZE} bytes or more`,
      });
    }
  }

  #isFirstOnLine(offset: number): boolean {
    const text = this.#source.text;
    for (let before = offset - 1; before >= this.#lastEnd; before--) {
      if (text.charCodeAt(before) === LF) return true;
    }
    return this.#lastEnd === 0;
  }

  #span(start: number, end: number): Span {
    return { source: this.#source, start, end };
  }

  #mistake(start: number, end: number, message: string, detail: Omit<SyntaxMistake, 'at' | 'message'> = {}): void {
    if (this.#mistakes.length >= MISTAKES_MAX) return;
    this.#mistakes.push({ at: this.#span(start, end), message, ...detail });
  }

  #mistakeAtEnd(message: string, detail: Omit<SyntaxMistake, 'at' | 'message'>): void {
    const { length } = this.#source.text;
    this.#mistake(length, length, message, detail);
  }
}
