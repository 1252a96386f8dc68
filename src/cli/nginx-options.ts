/** Options for testing and serving a configuration, parsed as nginx parses them: one letter each. */
import { type Invocation, invocationOf, type Options } from './invocation.js';

/** Options without a value; several may share a word (`-tq`). */
const FLAGS = 'tTqvV';
/** Options with a value: the rest of their word, or the next word, even if it starts with a dash. */
const VALUES = 'cpeg';

/**
 * Parses the words; null if they contain anything else (a command, a long option, an error), which `readCommandLine`
 * handles. For words that both accept, the results are equal.
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
