/** What the terminal can show. */
import { isatty } from 'node:tty';

/** Whether standard error (2) or output (1) shows colours and its user wants them (https://no-color.org). */
export function colored(descriptor: 1 | 2 = 2): boolean {
  return isatty(descriptor) && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}

/** Columns of a line, at most. */
const WIDEST = 100;

/** How many columns the lines on standard output may have. */
export function pageWidth(): number {
  return Math.min(WIDEST, process.stdout.columns ?? 80);
}
