/**
 * Tokens of the configuration language, as nginx reads them. The lexer is total: every text yields tokens. Input that
 * nginx rejects is marked by the tokens' types and offsets, for the parser to report.
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

/** Size of nginx's read buffer in bytes (`NGX_CONF_BUFFER`): words and comments must be shorter. */
export const BUFFER_SIZE = 4096;

/** UTF-8 byte order mark as bytes. nginx reads it as part of the first word; here it is skipped. */
export const BYTE_ORDER_MARK = '\xEF\xBB\xBF';

type Match = [string] | null;

/** Offset of the line break at or after `offset`, or the end of the text. */
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
  // nginx ends the word at the "{". The text after it shows that the brace was meant as part of the word, which the
  // parser reports.
  for (let inside = braceEnd(text, end); inside !== -1; inside = braceEnd(text, end)) end = plainWordEnd(text, inside);
  return [text.slice(offset, end)];
}

/** A quantifier of a regular expression, or a template placeholder; neither begins a block that nginx could read. */
const BRACES = /\{(?:\d+(?:,\d*)?\}|\{[^{};\n]{1,200}\}\})/y;

/** End of the braces at `offset` that are part of a word; -1 if there are none. */
function braceEnd(text: string, offset: number): number {
  if (text.charCodeAt(offset) !== OPENING_BRACE) return -1;
  BRACES.lastIndex = offset;
  return BRACES.test(text) ? BRACES.lastIndex : -1;
}

/** Matches a word that begins with a template placeholder, `{{ name }}`. */
function matchPlaceholder(text: string, offset: number): Match {
  return text.startsWith('{{', offset) && braceEnd(text, offset) !== -1 ? matchPlainWord(text, offset) : null;
}

/** A template statement, `{% if … %}`, or a template comment in braces and slashes; both may span lines. */
const TEMPLATE_TAG = /\{%[\s\S]{0,2000}?%\}|\{\{-?[ \t]*\/\*[\s\S]{0,2000}?\*\/[ \t]*-?\}\}/y;

function isQuote(text: string, offset: number): boolean {
  const code = text.charCodeAt(offset);
  return code === DOUBLE_QUOTE || code === SINGLE_QUOTE;
}

/**
 * Matches a quoted word with a plausible end. Excluded are words that are never closed, and multi-line words that end
 * where no word can end or that exceed nginx's buffer: there a quote is missing, most likely on the first line.
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
  // Only the word is searched: one line may hold all of a large file, and this runs for each of its quotes.
  if (doubtful && text.slice(offset, closing).includes('\n')) return null;
  return [text.slice(offset, closing + 1)];
}

/**
 * Cached end of the last line examined. One line may hold all of a large file, and this is needed for each of its
 * quotes.
 */
const NO_LINE = { text: '', start: 0, end: -1 };
let lastLine = NO_LINE;

/**
 * Offset of the quote before the `;` that ends the line, if it is of the same kind as the one at `offset`; -1 if there
 * is none after the closing quote. If text follows a closing quote directly, that quote was most likely meant literally
 * and the word ends at the later one.
 */
function lastQuoteOfStatement(text: string, offset: number, closing: number): number {
  if (closing - offset > BUFFER_SIZE || text.slice(offset, closing).includes('\n')) return -1;
  const { start, end: cachedEnd } = lastLine;
  const isCached = lastLine.text === text && closing >= start && closing <= cachedEnd;
  const end = isCached ? cachedEnd : lineEnd(text, closing);
  if (!isCached) lastLine = { text, start: closing, end };
  let last = spacesBefore(text, end);
  if (text.charCodeAt(last - 1) !== SEMICOLON) return -1;
  last = spacesBefore(text, last - 1) - 1;
  return last > closing && text.charCodeAt(last) === text.charCodeAt(offset) && last - offset <= BUFFER_SIZE
    ? last
    : -1;
}

/** Offset after the last non-space character before `end`. */
function spacesBefore(text: string, end: number): number {
  let at = end;
  while (isSpace(text.charCodeAt(at - 1))) at--;
  return at;
}

const STATEMENT_END = /[ \t\r]*(?:[;{][ \t\r]*(?:#.*)?)?$/;

/**
 * Matches the rest of the line after a quote without a closing one, except for the `;` or `{` (and the comment after
 * it) that ends the line.
 */
function matchRunawayWord(text: string, offset: number): Match {
  if (!isQuote(text, offset)) return null;
  const line = text.slice(offset, lineEnd(text, offset));
  // The end of the line suffices; the expression takes quadratic time.
  const tail = line.slice(Math.max(1, line.length - 200));
  return [line.slice(0, line.length - (STATEMENT_END.exec(tail)?.[0].length ?? 0))];
}

function matchByteOrderMark(text: string, offset: number): Match {
  return offset === 0 && text.startsWith(BYTE_ORDER_MARK) ? [BYTE_ORDER_MARK] : null;
}

/**
 * Texts being read, identified by their tokens so far, that contain an unclosed Lua block. No further Lua block is
 * searched for in them.
 */
const unclosed = new WeakSet<readonly IToken[]>();

/** Matches a whole block with its braces if the name of its statement implies another language. */
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

// Start characters (`start_chars_hint`) save the lexer from trying every other token.
const QUOTES = ['"', "'"];

/**
 * Space, tab, CR, LF: word separators. Sticky, as the lexer requires; otherwise it parses the expression at every
 * start.
 */
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
/** `{` where it is not part of a word: at the start of a word, or after one unless a `$` precedes it. */
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
/** A quoted word. */
export const QuotedWord = createToken({
  name: 'QuotedWord',
  pattern: { exec: matchQuotedWord },
  start_chars_hint: QUOTES,
  line_breaks: true,
  categories: AnyWord,
});
/** A word with an opening quote but no closing one. */
export const RunawayWord = createToken({
  name: 'RunawayWord',
  pattern: { exec: matchRunawayWord },
  start_chars_hint: QUOTES,
  line_breaks: false,
  categories: AnyWord,
});
/** A word that begins with an unexpanded template placeholder. */
const Placeholder = createToken({
  name: 'Placeholder',
  pattern: { exec: matchPlaceholder },
  start_chars_hint: ['{'],
  line_breaks: false,
  categories: AnyWord,
});
/** A template statement. Not part of the configuration; read like a comment. */
export const TemplateTag = createToken({
  name: 'TemplateTag',
  pattern: TEMPLATE_TAG,
  start_chars_hint: ['{'],
  line_breaks: true,
  categories: CommentText,
});
/** An unquoted word. */
export const PlainWord = createToken({
  name: 'PlainWord',
  pattern: { exec: matchPlainWord },
  // Any byte: a text that starts like another token without being one is a plain word. Texts from callers may hold
  // other characters; the lexer groups those by 255.
  start_chars_hint: Array.from({ length: 513 }, (_, i) => (i < 256 ? i : Math.min((i - 255) * 255 + 1, 0xffff))),
  line_breaks: true,
  categories: AnyWord,
});

/** A block in another language, braces included; an unclosed one is read as an ordinary block. */
export const ForeignBlock = createToken({
  name: 'ForeignBlock',
  pattern: { exec: matchForeignBlock },
  start_chars_hint: ['{'],
  line_breaks: true,
});

/** Tokens that may occur between the name of a statement and its end. */
const IN_STATEMENT: ReadonlySet<TokenType> = new Set([CommentText, QuotedWord, RunawayWord, Placeholder, PlainWord]);

/** All token types, in the order in which the lexer tries them. `PlainWord` matches everything the others do not. */
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
  // A test runs the validations; they account for a third of the lexer's construction time.
  skipValidations: true,
});

/** Tokens of a text of bytes. Never throws. */
export function tokenize(text: string): IToken[] {
  const { tokens } = lexer.tokenize(text);
  lastLine = NO_LINE;
  return tokens;
}
