/** The options by which a configuration is tested or served, read as nginx reads them: one letter each. */
import { type Invocation, invocationOf, type Options } from './invocation.js';

/** Letters that stand alone; any number of them may share a word (`-tq`). */
const FLAGS = 'tTqvV';
/** Letters with a value: the rest of their word, or the next word whatever it looks like. */
const VALUES = 'cpeg';

/**
 * What the words ask for; null where there is anything else among them (a command, a long option, a mistake), which
 * `readCommandLine` reads. Where this gives an order, that gives the same.
 */
export function readNginxOptions(words: readonly string[]): Invocation | null {
  const options: Record<string, string | true> = {};
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (!word.startsWith('-') || word === '-') return null;
    for (let at = 1; at < word.length; at++) {
      const letter = word.charAt(at);
      if (FLAGS.includes(letter)) {
        options[letter === 'v' ? 'version' : letter] = true;
      } else if (VALUES.includes(letter)) {
        const value = at + 1 < word.length ? word.slice(at + 1) : words[++i];
        if (value === undefined) return null;
        options[letter] = value;
        break;
      } else {
        return null;
      }
    }
  }
  return invocationOf(options as Options);
}
