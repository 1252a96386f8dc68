/** Mistakes in the use of a command. */

/** Exit code for usage errors, except those that nginx also reports. */
export const USAGE_EXIT_CODE = 2;

/** A command line that means nothing: an unknown word, a missing or contradictory argument. The message is a sentence part. */
export class UsageError extends Error {
  /** @param hint a sentence that suggests a correction */
  constructor(
    message: string,
    readonly hint: string | null = null,
  ) {
    super(message);
  }
}

/** Text for a usage error: the message, its hint, and a pointer to the help. `command`: null for the program itself. */
export function usageText(message: string, hint: string | null, command: string | null): string {
  const help =
    command === null
      ? 'Run "tsproxy --help" for options and commands.'
      : `Run "tsproxy ${command} --help" for its arguments and options.`;
  return [`tsproxy: ${message}`, ...(hint === null ? [] : [hint]), help].join('\n');
}
