/** Parses a string with variables: `$name`, `${name}`, and the captures `$1` to `$9`. */
import type { Span, Word } from '../../grammar/syntax-tree.js';
import type { ArgumentContext } from './directive.js';
import type { TemplateData, TemplatePiece } from './template.js';

const NAME = /[A-Za-z0-9_]*/y;

/**
 * The template that a word holds. `from` and `to` narrow it to a part of the word's text (`uri=...`).
 * Variable names come out in lower case, because nginx compares them without regard to case. Each name is told to
 * `c.uses`; captures are not.
 */
export function parseTemplate(word: Word, c: ArgumentContext, from = 0, to = word.text.length): TemplateData {
  const text = word.text.slice(0, to);
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
    const capture = /^[1-9]/.exec(text.slice(dollar + 1, dollar + 2))?.[0];
    if (capture !== undefined) {
      pieces.push({ variable: capture });
      at = dollar + 2;
      continue;
    }
    const braced = text.charAt(dollar + 1) === '{';
    NAME.lastIndex = dollar + (braced ? 2 : 1);
    const name = NAME.exec(text)?.[0] ?? '';
    const after = NAME.lastIndex === 0 ? dollar + (braced ? 2 : 1) : NAME.lastIndex;
    const place = spanInWord(word, dollar, after);
    if (braced && (text.charAt(after) !== '}' || after === dollar + 2)) {
      if (text.charAt(after) !== '}' && after < text.length + 1 && (name !== '' || after < text.length)) {
        c.fail(place, 'invalid-variable', `the closing bracket in "${name}" variable is missing`);
      }
      c.fail(place, 'invalid-variable', 'invalid variable name');
    }
    if (name === '') {
      c.fail(place, 'invalid-variable', 'invalid variable name', {
        help: 'a literal "$" cannot be written in this place; a variable set with geo or map can hold one',
      });
    }
    at = braced ? after + 1 : after;
    pieces.push({ variable: name.toLowerCase() });
    c.uses(name.toLowerCase(), spanInWord(word, dollar, at));
  }
  if (pieces.length === 0) {
    return '';
  }
  const [first] = pieces;
  return pieces.length === 1 && typeof first === 'string' ? first : pieces;
}

/**
 * The span in the source of a part of a word's text. Exact where no escape stands before it; behind escapes that were
 * resolved, the place is found by walking the raw text.
 */
export function spanInWord(word: Word, from: number, to: number): Span {
  return { source: word.source, start: offsetInWord(word, from), end: offsetInWord(word, to) };
}

/** nginx resolves exactly these after a backslash; every other backslash stays. */
const RESOLVED = /["'\\trn]/;

function offsetInWord(word: Word, index: number): number {
  const raw = word.source.text;
  let at = word.start + (word.quote === '' ? 0 : 1);
  for (let i = 0; i < index && at < word.end; i++) {
    at += raw.charAt(at) === '\\' && RESOLVED.test(raw.charAt(at + 1)) ? 2 : 1;
  }
  return Math.min(at, word.end);
}
