/** Commands that nginx does not have: `tsproxy NAME`, one file each in this directory. */
import type { Command } from 'commander';

/**
 * Adds one command to the program: name, description, arguments and options. Its action calls `take` with a function that
 * executes the command and resolves with the exit code; heavy imports belong in that function, because all commands are
 * declared to parse one.
 */
export type DeclareCommand = (program: Command, take: (run: () => Promise<number>) => void) => void;

/** Collects the values of a repeatable option, in order. */
export function collectValues(word: string, before: readonly string[] = []): readonly string[] {
  return [...before, word];
}
