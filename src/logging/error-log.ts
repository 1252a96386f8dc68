/** Error log interface for handlers. */
import { LEVELS, type Level } from '../config/log-level.js';

/** Writes lines at or above its level. `message` is a byte string; line breaks in it are escaped. */
export interface ErrorLog {
  /** Index into LEVELS of the least severe level that is written. */
  readonly threshold: number;
  write(level: Level, message: string): void;
}

/** Whether a line of that level would be written; check before building a costly message. */
export function logs(log: ErrorLog, level: Level): boolean {
  return LEVELS.indexOf(level) <= log.threshold;
}
