/** What the terminal can show. */
import { isatty } from 'node:tty';

/** Whether standard error shows colours and its user wants them (https://no-color.org). */
export function colored(): boolean {
  return isatty(2) && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}
