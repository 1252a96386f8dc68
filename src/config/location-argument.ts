/** The arguments of `location`: `[ = | ~ | ~* | ^~ ] uri` or `@name`. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from './argument-types.js';
import type { ArgumentContext, ArgumentType } from './directive.js';
import { parsePattern } from './pattern.js';
import type { PatternData } from './template.js';

/** The requests that a location matches. Plain data. */
export interface LocationData {
  /** `= /x`; `/x` and `^~ /x`; `~ x` and `~* x`; `@x`. */
  readonly kind: 'exact' | 'prefix' | 'regex' | 'named';
  /** The URI, the text of the regular expression, or the name with its `@`. */
  readonly name: string;
  /** `^~`. */
  readonly noRegex: boolean;
  /** Regular expression of a regex location, otherwise null. */
  readonly pattern: PatternData | null;
}

export const locationArgument: ArgumentType<LocationData> = custom(
  '[ = | ~ | ~* | ^~ ] uri | @name',
  1,
  2,
  (words, c) => {
    const [first, second] = words as readonly [Word, Word?]; // 1 or 2 words: `min` and `max`
    if (second === undefined) return parseJoined(first, c);
    switch (first.text) {
      case '=':
        return { kind: 'exact', name: second.text, noRegex: false, pattern: null };
      case '^~':
        return { kind: 'prefix', name: second.text, noRegex: true, pattern: null };
      case '~':
      case '~*':
        return regex(second, 0, first.text === '~*', c);
      default:
        return c.fail(first, 'invalid-value', `invalid location modifier "${first.text}"`, {
          help: 'the URI may be preceded by one of: =, ~, ~*, ^~',
        });
    }
  },
);

/** The modifier and the URI in one word: `=/x`. */
function parseJoined(word: Word, c: ArgumentContext): LocationData {
  const { text } = word;
  if (text.startsWith('=')) return { kind: 'exact', name: text.slice(1), noRegex: false, pattern: null };
  if (text.startsWith('^~')) return { kind: 'prefix', name: text.slice(2), noRegex: true, pattern: null };
  if (text.startsWith('~*')) return regex(word, 2, true, c);
  if (text.startsWith('~')) return regex(word, 1, false, c);
  return { kind: text.startsWith('@') ? 'named' : 'prefix', name: text, noRegex: false, pattern: null };
}

function regex(word: Word, from: number, caseless: boolean, c: ArgumentContext): LocationData {
  const pattern = parsePattern(word, c, { caseless, from });
  return { kind: 'regex', name: word.text.slice(from), noRegex: false, pattern };
}
