/** The error log as handlers see it. */

/** nginx's levels, most severe first. */
export const LEVELS = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'] as const;
export type Level = (typeof LEVELS)[number];

/** Writes lines at or above its level. `message` is a byte string; line breaks in it come out escaped. */
export interface ErrorLog {
  /** Index into LEVELS of the least severe level that is written. */
  readonly threshold: number;
  write(level: Level, message: string): void;
}

/** True where a line of that level would be written: ask before building a costly message. */
export function logs(log: ErrorLog, level: Level): boolean {
  return LEVELS.indexOf(level) <= log.threshold;
}
