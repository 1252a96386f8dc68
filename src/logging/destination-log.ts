/** Error logs: lines in nginx's format, to files, stderr, syslog, memory or an embedding program. */

import type { ErrorLogData } from '../config/error-log-argument.js';
import { LEVELS, type Level } from '../config/log-level.js';
import { errnoText } from '../diagnostics/errno.js';
import type { ErrorLog } from './error-log.js';
import { escapeControl } from './log-escape.js';
import { LogFile } from './log-file.js';
import { MemoryLog } from './memory-log.js';
import { Syslog } from './syslog.js';
import { WriteFailures } from './write-failures.js';

/** Maximum length of a line including its line break, bytes: nginx's NGX_MAX_ERROR_STR. */
const MAX_LINE = 2048;

/** A message as received by an embedding program. */
export interface LogEntry {
  readonly level: Level;
  /** Byte string (latin1) without time and process id; at most 2,048 bytes. */
  readonly message: string;
  /** ms since 1970. */
  readonly time: number;
}

/** Destination that must be closed. */
export type LogSink = LogFile | Syslog | MemoryLog;

/**
 * Opens the destination of an `error_log`; throws the system's error. Failures to reach a syslog server are written to
 * `errorLog`.
 */
export function openSink({ destination, syslog, memory }: ErrorLogData, errorLog: ErrorLog): LogSink {
  if (syslog !== undefined) return new Syslog(syslog, errorLog);
  if (memory !== undefined) return new MemoryLog(memory);
  return new LogFile(destination === 'stderr' ? '' : destination);
}

/** A destination and its threshold. */
export interface Destination {
  readonly to: LogSink | ((entry: LogEntry) => void);
  /** Index into LEVELS of the least severe level written there. */
  readonly threshold: number;
}

/** Error log of one place of the configuration; a reload can replace its destinations while it is in use. */
export class DestinationLog implements ErrorLog {
  threshold = -1;
  private destinations: readonly Destination[] = [];
  private readonly callFailures = new WriteFailures('function of the embedding program');

  constructor(
    destinations: readonly Destination[],
    /** Log for write failures if no other destination is a file; defaults to standard error. */
    private readonly outer: ErrorLog | null = null,
  ) {
    this.redirect(destinations);
  }

  /** Replaces the destinations. */
  redirect(destinations: readonly Destination[]): void {
    this.destinations = destinations;
    this.threshold = Math.max(-1, ...destinations.map((destination) => destination.threshold));
  }

  /** Whether lines of this level are written to standard error. */
  isOnStderr(level: Level): boolean {
    const severity = LEVELS.indexOf(level);
    return this.destinations.some(
      ({ to, threshold }) => to instanceof LogFile && to.path === '' && severity <= threshold,
    );
  }

  /** Writes a line; never throws and never waits. */
  write(level: Level, text: string): void {
    const severity = LEVELS.indexOf(level);
    if (severity > this.threshold) return;
    const message = escapeControl(text.slice(0, MAX_LINE));
    const now = Date.now();
    let line = '';
    for (const { to, threshold } of this.destinations) {
      if (severity > threshold) continue;
      if (typeof to === 'function') {
        this.call(to, { level, message: message.slice(0, MAX_LINE), time: now });
        continue;
      }
      line ||= lineOf(level, message, now);
      if (to instanceof Syslog) to.sendLevel(level, line);
      else if (to instanceof MemoryLog) to.write(`${line}\n`);
      else this.writeFile(to, `${line}\n`);
    }
  }

  /** Calls the function of an embedding program. An exception in it must not fail the request. */
  private call(to: (entry: LogEntry) => void, entry: LogEntry): void {
    try {
      to(entry);
    } catch (error) {
      if (!this.callFailures.note(error)) return;
      standardError().write(
        `${lineOf('alert', `the function that takes log entries failed (${describe(error)})`, entry.time)}\n`,
      );
    }
  }

  /**
   * Writes a line to a file. A line that cannot be written is dropped; this is logged at intervals to the other files
   * or to `outer`.
   */
  private writeFile(file: LogFile, line: string): void {
    const { failures } = file;
    if (failures.skips()) return;
    const error = file.write(line);
    if (error === null) {
      if (failures.lost === 0) return;
      const loss = failures.report(`"${file.path || 'stderr'}"`);
      if (loss !== null) file.write(`${lineOf('alert', loss, Date.now())}\n`);
      return;
    }
    if (!failures.note(error) || file.path === '') return;
    const sentence = `write() to "${file.path}" failed (${errnoText(error)})`;
    const complaint = lineOf('alert', sentence, Date.now());
    const others = this.destinations.flatMap(({ to }) => (to instanceof LogFile && to !== file ? [to] : []));
    if (others.length === 0 && this.outer !== null) this.outer.write('alert', sentence);
    else for (const other of others.length > 0 ? others : [standardError()]) other.write(`${complaint}\n`);
  }
}

/** Converts any thrown value to text. */
export function describe(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } catch {
    return 'it has no text';
  }
}

let stderr: LogFile | null = null;

/** Standard error, opened at the first use. */
function standardError(): LogFile {
  stderr ??= new LogFile('');
  return stderr;
}

/** Formats a line without its line break, truncated to nginx's maximum length. */
function lineOf(level: Level, message: string, now: number): string {
  return `${timestamp(now)} [${level}] ${process.pid}#0: ${message}`.slice(0, MAX_LINE - 1);
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
