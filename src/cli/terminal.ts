/** Capabilities of the terminal. */
import { isatty } from 'node:tty';

/** Whether standard error (2) or output (1) is a terminal with colours enabled (https://no-color.org). */
export function colored(descriptor: 1 | 2 = 2): boolean {
  return isatty(descriptor) && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}

/** Maximum number of columns. */
const MAX_WIDTH = 100;

/** Line width for standard output, in columns. */
export function pageWidth(): number {
  return Math.min(MAX_WIDTH, process.stdout.columns ?? 80);
}
