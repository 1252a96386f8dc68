/** `tsproxy 8080 http://localhost:3000` for `tsproxy forward 8080 http://localhost:3000`. */
import type { Command } from 'commander';
import { isListenAddress } from './listen-address.js';

/**
 * Adds the command `forward` if the first word that is no option is an address. nginx takes no such word, and its options have
 * one dash, so that no command line of nginx is affected.
 */
export function withForwardCommand(words: readonly string[], program: Command): readonly string[] {
  const options = program.commands.find((each) => each.name() === 'forward')?.options ?? [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (!word.startsWith('-')) return isListenAddress(word) ? ['forward', ...words] : words;
    const option = options.find(({ long }) => long === word.split('=')[0]);
    if (option === undefined) return words;
    if (option.required && !word.includes('=')) i++;
  }
  return words;
}
