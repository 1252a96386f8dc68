/**
 * Tokens of the configuration language, as nginx reads them. The lexer is total: every text gives tokens, and what
 * nginx would refuse is told by the tokens' types and places, for the parser to report.
 */
import type { IToken, TokenType } from 'chevrotain';
import { createToken, Lexer } from './chevrotain.js';
import { holdsLua, luaBlockEnd } from './lua-block.js';
import {
  CR,
  closingQuote,
  DOUBLE_QUOTE,
  HASH,
  isSpace,
  LF,
  mayFollowQuote,
  OPENING_BRACE,
  plainWordEnd,
  SEMICOLON,
  SINGLE_QUOTE,
} from './words.js';

/** The longest stretch that nginx's reader holds, in bytes (`NGX_CONF_BUFFER`): words and comments stay below it. */
export const BUFFER_SIZE = 4096;

/** The bytes of a UTF-8 byte order mark. nginx takes it for a part of the first word; here it is skipped. */
export const BYTE_ORDER_MARK = '\xEF\xBB\xBF';

type Match = [string] | null;

/** The offset of the line break at or after `offset`, or the end of the text. */
function lineEnd(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end === -1 ? text.length : end;
}

function matchComment(text: string, offset: number): Match {
  if (text.charCodeAt(offset) !== HASH) return null;
  const end = lineEnd(text, offset);
  return [text.slice(offset, text.charCodeAt(end) === LF && text.charCodeAt(end - 1) === CR ? end - 1 : end)];
}

function matchPlainWord(text: string, offset: number): Match {
  let end = plainWordEnd(text, offset);
  // nginx ends the word at the "{". What follows shows that it was meant as a part of it, which the parser reports.
  for (let inside = braceEnd(text, end); inside !== -1; inside = braceEnd(text, end)) end = plainWordEnd(text, inside);
  return [text.slice(offset, end)];
}

/** A repetition of a regular expression, or a placeholder of a template; neither begins a block that nginx could read. */
const BRACES = /\{(?:\d+(?:,\d*)?\}|\{[^{};\n]{1,200}\}\})/y;

/** The end of braces at `offset` that are part of a word; -1 where there are none. */
function braceEnd(text: string, offset: number): number {
  if (text.charCodeAt(offset) !== OPENING_BRACE) return -1;
  BRACES.lastIndex = offset;
  return BRACES.test(text) ? BRACES.lastIndex : -1;
}

/** A word that begins with a placeholder of a template, `{{ name }}`. */
function matchPlaceholder(text: string, offset: number): Match {
  return text.startsWith('{{', offset) && braceEnd(text, offset) !== -1 ? matchPlainWord(text, offset) : null;
}

/** A statement of a template language, `{% if … %}`, or a comment between braces and slashes; each may have several lines. */
const TEMPLATE_TAG = /\{%[\s\S]{0,2000}?%\}|\{\{-?[ \t]*\/\*[\s\S]{0,2000}?\*\/[ \t]*-?\}\}/y;

function isQuote(text: string, offset: number): boolean {
  const code = text.charCodeAt(offset);
  return code === DOUBLE_QUOTE || code === SINGLE_QUOTE;
}

/**
 * A quoted word whose end can be believed. Not one: a word that is never closed, and a word over several lines that
 * ends where no word can end or is longer than nginx reads. There a quote is missing, most likely on the first line.
 */
function matchQuotedWord(text: string, offset: number): Match {
  if (!isQuote(text, offset)) return null;
  const closing = closingQuote(text, offset);
  if (closing === -1) return null;
  const ends = mayFollowQuote(text.charCodeAt(closing + 1));
  if (!ends) {
    const last = lastQuoteOfStatement(text, offset, closing);
    if (last !== -1) return [text.slice(offset, last + 1)];
  }
  const doubtful = closing - offset > BUFFER_SIZE || !ends;
  // Only the word is looked at: a line may be the whole of a large file, and each of its quotes comes by here.
  if (doubtful && text.slice(offset, closing).includes('\n')) return null;
  return [text.slice(offset, closing + 1)];
}

/** End of the line that was looked at last. A line may be the whole of a large file, and each of its quotes comes by. */
const NO_LINE = { text: '', start: 0, end: -1 };
let lastLine = NO_LINE;

/**
 * The quote before the `;` that ends the line, of the same kind as the one at `offset`; -1 where there is none behind the
 * closing one. A word that goes on behind its closing quote has a quote in its middle, most likely, and ends there.
 */
function lastQuoteOfStatement(text: string, offset: number, closing: number): number {
  if (closing - offset > BUFFER_SIZE || text.slice(offset, closing).includes('\n')) return -1;
  const { start, end: known } = lastLine;
  const isKnown = lastLine.text === text && closing >= start && closing <= known;
  const end = isKnown ? known : lineEnd(text, closing);
  if (!isKnown) lastLine = { text, start: closing, end };
  let last = spacesBefore(text, end);
  if (text.charCodeAt(last - 1) !== SEMICOLON) return -1;
  last = spacesBefore(text, last - 1) - 1;
  return last > closing && text.charCodeAt(last) === text.charCodeAt(offset) && last - offset <= BUFFER_SIZE
    ? last
    : -1;
}

/** The offset behind the last character before `end` that is no space. */
function spacesBefore(text: string, end: number): number {
  let at = end;
  while (isSpace(text.charCodeAt(at - 1))) at--;
  return at;
}

const STATEMENT_END = /[ \t\r]*(?:[;{][ \t\r]*(?:#.*)?)?$/;

/**
 * What stands on the line of a quote that is missing its partner, without the `;` or `{` (and the comment behind it)
 * that ends the line.
 */
function matchRunawayWord(text: string, offset: number): Match {
  if (!isQuote(text, offset)) return null;
  const line = text.slice(offset, lineEnd(text, offset));
  // The end of the line is enough to look at; the expression takes quadratic time.
  const tail = line.slice(Math.max(1, line.length - 200));
  return [line.slice(0, line.length - (STATEMENT_END.exec(tail)?.[0].length ?? 0))];
}

function matchByteOrderMark(text: string, offset: number): Match {
  return offset === 0 && text.startsWith(BYTE_ORDER_MARK) ? [BYTE_ORDER_MARK] : null;
}

/** Texts under way, by their tokens so far, in which a block of Lua is not closed. No further one is looked for there. */
const unclosed = new WeakSet<readonly IToken[]>();

/** A whole block with its braces, where the name of its statement says that it holds another language. */
function matchForeignBlock(text: string, offset: number, before: readonly IToken[]): Match {
  if (text.charCodeAt(offset) !== OPENING_BRACE) return null;
  let name: IToken | undefined;
  for (let i = before.length - 1; i >= 0; i--) {
    const token = before[i];
    if (token === undefined || !IN_STATEMENT.has(token.tokenType)) break;
    if (token.tokenType !== CommentText) name = token;
  }
  if (name === undefined || !holdsLua(name.image) || unclosed.has(before)) return null;
  const end = luaBlockEnd(text, offset);
  if (end !== -1) return [text.slice(offset, end)];
  unclosed.add(before);
  return null;
}

// The characters with which a token may begin (`start_chars_hint`) spare the lexer to try the others.
const QUOTES = ['"', "'"];

/** Space, tab, CR, LF: what parts words. Sticky, as the lexer wants it: it takes any other apart at each start. */
export const Space = createToken({
  name: 'Space',
  pattern: /[ \t\r\n]+/y,
  start_chars_hint: [' ', '\t', '\r', '\n'],
  group: Lexer.SKIPPED,
});
const ByteOrderMark = createToken({
  name: 'ByteOrderMark',
  pattern: { exec: matchByteOrderMark },
  start_chars_hint: [BYTE_ORDER_MARK],
  group: Lexer.SKIPPED,
  line_breaks: false,
});

/** `;` */
export const Semicolon = createToken({ name: 'Semicolon', pattern: ';' });
/** `{` where a word cannot hold it: at the start of one, or after one unless a `$` stands before. */
export const OpeningBrace = createToken({ name: 'OpeningBrace', pattern: '{' });
/** `}` at the start of a word; inside a word it is a plain character. */
export const ClosingBrace = createToken({ name: 'ClosingBrace', pattern: '}' });
/** `#` at the start of a word, up to the end of the line; a CR before the line break is not part of it. */
export const CommentText = createToken({
  name: 'Comment',
  pattern: { exec: matchComment },
  start_chars_hint: ['#'],
  line_breaks: false,
});

/** Any word. */
export const AnyWord = createToken({ name: 'Word', pattern: Lexer.NA });
/** A word in quotes. */
export const QuotedWord = createToken({
  name: 'QuotedWord',
  pattern: { exec: matchQuotedWord },
  start_chars_hint: QUOTES,
  line_breaks: true,
  categories: AnyWord,
});
/** A word that began with a quote which is missing its partner. */
export const RunawayWord = createToken({
  name: 'RunawayWord',
  pattern: { exec: matchRunawayWord },
  start_chars_hint: QUOTES,
  line_breaks: false,
  categories: AnyWord,
});
/** A word that begins with a placeholder of a template that was not filled in. */
const Placeholder = createToken({
  name: 'Placeholder',
  pattern: { exec: matchPlaceholder },
  start_chars_hint: ['{'],
  line_breaks: false,
  categories: AnyWord,
});
/** A statement of a template language. It is no part of the configuration, and is read as a comment is. */
export const TemplateTag = createToken({
  name: 'TemplateTag',
  pattern: TEMPLATE_TAG,
  start_chars_hint: ['{'],
  line_breaks: true,
  categories: CommentText,
});
/** A word without quotes. */
export const PlainWord = createToken({
  name: 'PlainWord',
  pattern: { exec: matchPlainWord },
  // Any byte: what begins with one of the others, and is none of them, is one as well. Texts of a caller may hold other
  // characters; those the lexer keeps by 255.
  start_chars_hint: Array.from({ length: 513 }, (_, i) => (i < 256 ? i : Math.min((i - 255) * 255 + 1, 0xffff))),
  line_breaks: true,
  categories: AnyWord,
});

/** A block in another language, braces included; one that is not closed is read as a block of ours. */
export const ForeignBlock = createToken({
  name: 'ForeignBlock',
  pattern: { exec: matchForeignBlock },
  start_chars_hint: ['{'],
  line_breaks: true,
});

/** What may stand between the name of a statement and its end. */
const IN_STATEMENT: ReadonlySet<TokenType> = new Set([CommentText, QuotedWord, RunawayWord, Placeholder, PlainWord]);

/** All token types, in the order in which the lexer tries them. `PlainWord` takes whatever the others leave. */
export const TOKEN_TYPES: readonly TokenType[] = [
  Space,
  Semicolon,
  ForeignBlock,
  TemplateTag,
  Placeholder,
  OpeningBrace,
  ClosingBrace,
  CommentText,
  QuotedWord,
  RunawayWord,
  ByteOrderMark,
  PlainWord,
  AnyWord,
];

const lexer = new Lexer([...TOKEN_TYPES], {
  positionTracking: 'onlyOffset',
  // A test runs the validations; they take a third of the time that the lexer takes to be made.
  skipValidations: true,
});

/** The tokens of a text of bytes. Never throws. */
export function tokenize(text: string): IToken[] {
  const { tokens } = lexer.tokenize(text);
  lastLine = NO_LINE;
  return tokens;
}
