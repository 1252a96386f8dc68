/** Error logs as they are written: nginx's lines, to files, stderr or an embedding program. */
import { type ErrorLog, LEVELS, type Level } from './error-log.js';
import type { LogFile } from './log-file.js';

/** One message as an embedding program receives it. */
export interface LogEntry {
  readonly level: Level;
  /** Bytes (latin1), without time and process id. */
  readonly message: string;
  /** ms since 1970. */
  readonly time: number;
}

/** Where lines go, and from which level on. */
export interface Destination {
  readonly to: LogFile | ((entry: LogEntry) => void);
  /** Index into LEVELS of the least severe level that is written there. */
  readonly threshold: number;
}

/** The log of one place of the configuration; its destinations can be swapped by a reload while others hold it. */
export class DestinationLog implements ErrorLog {
  threshold = -1;
  private destinations: readonly Destination[] = [];

  constructor(destinations: readonly Destination[]) {
    this.redirect(destinations);
  }

  /** From here on lines go there. */
  redirect(destinations: readonly Destination[]): void {
    this.destinations = destinations;
    this.threshold = Math.max(-1, ...destinations.map((destination) => destination.threshold));
  }

  write(level: Level, message: string): void {
    const severity = LEVELS.indexOf(level);
    if (severity > this.threshold) return;
    const now = Date.now();
    let line = '';
    for (const { to, threshold } of this.destinations) {
      if (severity > threshold) continue;
      if (typeof to === 'function') to({ level, message, time: now });
      else to.write((line ||= `${timestamp(now)} [${level}] ${process.pid}#0: ${message}\n`));
    }
  }
}

let second = 0;
let secondText = '';

/** `2026/11/20 23:48:41`, local time. */
function timestamp(now: number): string {
  const current = Math.floor(now / 1000);
  if (current !== second) {
    second = current;
    const date = new Date(now);
    const two = (n: number): string => (n < 10 ? `0${n}` : String(n));
    secondText =
      `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())} ` +
      `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  }
  return secondText;
}
