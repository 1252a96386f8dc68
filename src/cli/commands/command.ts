/** Commands that nginx has not: `tsproxy NAME`, a file in this folder each. */
import type { Command } from 'commander';

/**
 * Adds one command to the program: name, description, arguments and options. Its action calls `take` with what is to be
 * done, which resolves with the exit code; what is heavy is imported there, as all commands are declared to read one.
 */
export type DeclareCommand = (program: Command, take: (run: () => Promise<number>) => void) => void;

/** Reads an option that may be given again: all its values, in order. */
export function gathered(word: string, before: readonly string[] = []): readonly string[] {
  return [...before, word];
}
