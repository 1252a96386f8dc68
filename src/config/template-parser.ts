/** Parses a string with variables: `$name`, `${name}`, and the captures `$1` to `$9`. */
import type { Span, Word } from '../../grammar/syntax-tree.js';
import type { ArgumentContext } from './directive.js';
import type { TemplateData, TemplatePiece } from './template.js';

/**
 * Parses the template in a word. `from` and `to` restrict it to a part of the word's text (`uri=...`). Variable names
 * are returned in lower case, because nginx compares them case-insensitively. Each name is passed to `c.uses`; captures
 * are not.
 */
export function parseTemplate(word: Word, c: ArgumentContext, from = 0, to = word.text.length): TemplateData {
  const text = word.text.slice(0, to);
  if (!text.includes('$', from)) return text.slice(from);
  const pieces: TemplatePiece[] = [];
  let at = from;
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    const end = dollar === -1 ? text.length : dollar;
    if (end > at) {
      pieces.push(text.slice(at, end));
    }
    if (dollar === -1) {
      break;
    }
    const capture = text.charAt(dollar + 1);
    if (capture >= '1' && capture <= '9') {
      pieces.push({ variable: capture });
      at = dollar + 2;
      continue;
    }
    const braced = text.charAt(dollar + 1) === '{';
    const start = dollar + (braced ? 2 : 1);
    let after = start;
    while (isNameByte(text.charCodeAt(after))) after++;
    const name = text.slice(start, after);
    if (braced && start < text.length && text.charAt(after) !== '}') {
      c.fail(
        spanInWord(word, dollar, after),
        'invalid-variable',
        `the closing bracket in "${name}" variable is missing`,
      );
    }
    if (name === '') {
      c.fail(spanInWord(word, dollar, after), 'invalid-variable', 'invalid variable name', {
        help: '"$" must be followed by a name of letters, digits and "_"; nginx has no notation for a literal "$" here',
      });
    }
    at = braced ? after + 1 : after;
    pieces.push({ variable: name.toLowerCase() });
    c.uses(name.toLowerCase(), spanInWord(word, dollar, at));
  }
  // Sliced to size: an array that grows has capacity for seventeen, and this one is kept.
  return pieces.slice();
}

/** True for letters, digits and `_`; false for `NaN` (past the end of a text). */
function isNameByte(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || (code >= 0x61 && code <= 0x7a)
  );
}

/**
 * Source span of a part of a word's text. Exact if no escape precedes it; after resolved escapes the position is found
 * by scanning the raw text.
 */
export function spanInWord(word: Word, from: number, to: number): Span {
  return { source: word.source, start: offsetInWord(word, from), end: offsetInWord(word, to) };
}

/** nginx resolves exactly these after a backslash; every other backslash is kept. */
const RESOLVED = /["'\\trn]/;

function offsetInWord(word: Word, index: number): number {
  const raw = word.source.text;
  let at = word.start + (word.quote === '' ? 0 : 1);
  const quotes = word.quote === '' ? 0 : 2;
  // Same length as written: no escape was resolved.
  if (word.end - word.start - quotes === word.text.length) return Math.min(at + index, word.end);
  for (let i = 0; i < index && at < word.end; i++) {
    at += raw.charAt(at) === '\\' && RESOLVED.test(raw.charAt(at + 1)) ? 2 : 1;
  }
  return Math.min(at, word.end);
}
