/** `(?i)` and the other options that a pattern sets for itself. */
import type { Cursor } from './cursor.js';
import { invalid, untranslatable } from './syntax.js';

export interface Options {
  readonly caseless: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  readonly extended: boolean;
  readonly ungreedy: boolean;
  /** `(?n)`: plain parentheses do not capture. */
  readonly noCapture: boolean;
  readonly utf: boolean;
}

const LETTERS: Readonly<Record<string, keyof Options>> = {
  i: 'caseless',
  m: 'multiline',
  s: 'dotAll',
  x: 'extended',
  U: 'ungreedy',
  n: 'noCapture',
};

/** The options after applying `letters`: `i`, `-i`, `^s`, `im-sx`. */
export function changeOptions(options: Options, letters: string, start: number, cursor: Cursor): Options {
  const changed: Record<keyof Options, boolean> = { ...options };
  let on = true;
  for (const letter of letters) {
    const option = LETTERS[letter];
    if (letter === '-') {
      on = false;
    } else if (letter === '^') {
      changed.caseless = changed.multiline = changed.dotAll = changed.extended = changed.noCapture = false;
    } else if (letter === 'J') {
      untranslatable('"(?J)", groups of the same name', start, cursor.at);
    } else if (option === undefined) {
      invalid('unrecognized character after (? or (?-', start + 2 + letters.indexOf(letter), start);
    } else {
      changed[option] = on;
    }
  }
  if (letters.includes('xx')) {
    untranslatable('"(?xx)"', start, cursor.at);
  }
  return changed;
}
