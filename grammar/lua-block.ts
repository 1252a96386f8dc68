/**
 * Blocks in another language: `NAME_by_lua_block { ... }` of OpenResty's Lua module holds Lua, which has its own
 * quotes, comments and braces. The block ends at the brace that closes it by Lua's rules (Lua 5.1 reference manual,
 * 2.1).
 */
import { BACKSLASH, CLOSING_BRACE, DOUBLE_QUOTE, LF, OPENING_BRACE, SINGLE_QUOTE } from './words.js';

const DASH = 45;
const EQUALS = 61;
const OPENING_BRACKET = 91;

/** Whether the block of the named directive holds Lua; the name as written, possibly quoted. */
export function holdsLua(name: string): boolean {
  return /_by_lua_block["']?$/.test(name);
}

/** Offset after the `}` that closes the Lua block whose `{` is at `start`, or -1 if it is not closed. */
export function luaBlockEnd(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === OPENING_BRACE) {
      depth++;
      at++;
    } else if (code === CLOSING_BRACE) {
      at++;
      if (--depth === 0) return at;
    } else if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE) {
      at = stringEnd(text, at);
    } else if (code === DASH && text.charCodeAt(at + 1) === DASH) {
      const long = longBracketEnd(text, at + 2);
      at = long === -1 ? lineEnd(text, at) : long;
    } else if (code === OPENING_BRACKET) {
      const long = longBracketEnd(text, at);
      at = long === -1 ? at + 1 : long;
    } else {
      at++;
    }
  }
  return -1;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end;
}

/** Offset after the closing quote; a Lua string ends with its line unless a backslash precedes the line break. */
function stringEnd(text: string, start: number): number {
  const quote = text.charCodeAt(start);
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === quote) return at + 1;
    else if (code === LF) return at;
  }
  return text.length;
}

/** Offset after the `]==]` of a long bracket `[==[` that opens at `start`; -1 if none opens there. */
function longBracketEnd(text: string, start: number): number {
  if (text.charCodeAt(start) !== OPENING_BRACKET) return -1;
  let at = start + 1;
  while (text.charCodeAt(at) === EQUALS) at++;
  if (text.charCodeAt(at) !== OPENING_BRACKET) return -1;
  const closing = `]${text.slice(start + 1, at)}]`;
  const end = text.indexOf(closing, at + 1);
  return end === -1 ? text.length : end + closing.length;
}
