/** Words of the configuration language as crossplane's arguments, and back. */
import { closingQuote, plainWordEnd, readValue, writeValue } from '../../../grammar/words.js';

/** A word as written: the argument that crossplane makes of it; null if it is not exactly one word. */
export function argumentOf(written: string): string | null {
  const quote = written.charAt(0);
  if (quote === '"' || quote === "'") {
    if (written.length < 2 || closingQuote(written, 0) !== written.length - 1) return null;
    return written.slice(1, -1).replaceAll(`\\${quote}`, quote);
  }
  if (quote === '' || quote === '#' || quote === '}' || plainWordEnd(written, 0) !== written.length) return null;
  // A last backslash would escape the character after the word.
  return /(?<!\\)(?:\\\\)*\\$/.test(written) ? null : written;
}

/** An argument as written without other knowledge: as it is if possible, otherwise in double quotes. */
export function writeArgument(argument: string): string {
  if (argumentOf(argument) === argument) return argument;
  // Backslashes are as in the source, except before quotes.
  const quoted = `"${argument.replace(/(\\[\s\S])|"/g, (match, escaped) => (escaped === undefined ? '\\"' : match))}"`;
  return argumentOf(quoted) === argument ? quoted : writeValue(readValue(argument), '"');
}
