/** Destinations of `error_log` in the main context: opened by each configuration, reopened on USR1. */

import type { ErrorLogData } from '../config/error-log-argument.js';
import { LEVELS, type Level } from '../config/log-level.js';
import { errnoText } from '../diagnostics/errno.js';
import { type Destination, DestinationLog, type LogEntry, type LogSink, openSink } from '../logging/destination-log.js';
import type { ErrorLog } from '../logging/error-log.js';
import { LogFile } from '../logging/log-file.js';

/**
 * Destination of the error log until the configuration names one: a path (empty: stderr) or a function. Paths and messages
 * are bytes.
 */
export type DefaultErrorLog = string | ((entry: LogEntry) => void);

/** nginx's default level is `error`, and `notice` before a configuration is read. */
const DEFAULT_LEVEL: Level = 'error';
const STARTING_LEVEL: Level = 'notice';

/** The error log of the process, and the files that it is written to. */
export class ErrorLogFiles {
  /** Log of the process and its servers; the same object over reloads. */
  readonly errorLog: DestinationLog;
  private files = new Map<string, LogSink>();
  private readonly fallback: DefaultErrorLog;

  /** `warn` is called if the default log cannot be opened; stderr is used then. */
  constructor(fallback: DefaultErrorLog, warn: (message: string) => void) {
    this.fallback = fallback;
    let to: Destination['to'] = new LogFile('');
    if (typeof fallback === 'function') to = fallback;
    else {
      try {
        to = this.open(fileData(fallback), this.files);
      } catch (error) {
        warn(`[alert] could not open error log file: open() "${fallback}" failed (${errnoText(error)})`);
      }
    }
    this.errorLog = new DestinationLog([{ to, threshold: LEVELS.indexOf(STARTING_LEVEL) }]);
  }

  /**
   * Opens the configured logs; the result puts them in force or drops them. Throws nginx's message if a file cannot be
   * opened, and changes nothing.
   */
  prepare(settings: readonly ErrorLogData[]): { commit(): void; cancel(): void } {
    const files = new Map<string, LogSink>();
    let destinations: Destination[];
    try {
      destinations = settings.map((data) => ({
        to: this.openNamed(data, files),
        threshold: LEVELS.indexOf(data.level),
      }));
      if (destinations.length === 0) destinations = [this.defaultDestination(files)];
    } catch (error) {
      this.closeAllBut(this.files, files);
      throw error;
    }
    return {
      commit: () => {
        const old = this.files;
        this.files = files;
        this.errorLog.redirect(destinations);
        this.closeAllBut(files, old);
      },
      cancel: () => this.closeAllBut(this.files, files),
    };
  }

  private defaultDestination(files: Map<string, LogSink>): Destination {
    // An embedding program filters by level itself.
    if (typeof this.fallback === 'function') return { to: this.fallback, threshold: LEVELS.length - 1 };
    return { to: this.openNamed(fileData(this.fallback), files), threshold: LEVELS.indexOf(DEFAULT_LEVEL) };
  }

  /** Destination of an `error_log`: one that is already open, or a new one. */
  private open(data: ErrorLogData, into: Map<string, LogSink>): LogSink {
    const { destination } = data;
    const sink = into.get(destination) ?? this.files.get(destination) ?? openSink(data, this.errorLog);
    into.set(destination, sink);
    return sink;
  }

  /** Like `open`, but throws nginx's message on failure. */
  private openNamed(data: ErrorLogData, into: Map<string, LogSink>): LogSink {
    try {
      return this.open(data, into);
    } catch (error) {
      throw new Error(`open() "${data.destination}" failed (${errnoText(error)})`);
    }
  }

  private closeAllBut(kept: ReadonlyMap<string, LogSink>, files: ReadonlyMap<string, LogSink>): void {
    for (const [path, file] of files) if (kept.get(path) !== file) file.close();
  }

  /** Reopens all files, after they were moved away. */
  reopen(): void {
    for (const file of this.files.values()) if (file instanceof LogFile) reopenLogged(file, this.errorLog);
  }

  close(): void {
    this.closeAllBut(new Map(), this.files);
    this.files = new Map();
  }
}

/** The default log as an `error_log` would declare it. */
function fileData(path: string): ErrorLogData {
  return { destination: path === '' ? 'stderr' : path, level: DEFAULT_LEVEL };
}

/** Reopens a file; on failure logs the error and keeps writing to the old one. */
export function reopenLogged(file: { readonly path: string; reopen(): void }, log: ErrorLog): void {
  try {
    file.reopen();
  } catch (error) {
    log.write('emerg', `open() "${file.path}" failed (${errnoText(error)})`);
  }
}
