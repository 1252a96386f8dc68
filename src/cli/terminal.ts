/** What the terminal can show. */
import { isatty } from 'node:tty';

/** Whether standard error (2) or output (1) shows colours and its user wants them (https://no-color.org). */
export function colored(descriptor: 1 | 2 = 2): boolean {
  return isatty(descriptor) && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}
