/**
 * Sends lines to a syslog server on a unix domain socket (`/dev/log`). Node does not support unix datagram sockets, so
 * util-linux's `logger` is used: one process per server and parameters, which reads lines from a pipe.
 */

import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { SyslogData } from '../config/syslog-argument.js';
import { toText } from '../diagnostics/byte-string.js';

/** Maximum bytes waiting for the pipe or a process; further lines are dropped. */
const MAX_WAITING = 1 << 20;
/** Maximum length of a message, bytes. `logger` splits longer ones. */
const MAX_MESSAGE = 16_384;
/** Delay between the end of a `logger` and the start of the next, ms; doubled up to the maximum while they end soon. */
const MIN_DELAY = 500;
const MAX_DELAY = 30_000;
/** Run time after which the end of a `logger` is not considered a failed start, ms. */
const MIN_RUN_TIME = 10_000;

/** A `logger` that could not be started for lack of descriptors has no streams. */
type Logger = Pick<ChildProcess, 'pid' | 'on' | 'unref'> & { readonly stdin?: Writable; readonly stderr?: Readable };

/** Notified about the state of sending. */
export interface SyslogWatcher {
  /** The process failed or could not be started; `error` is a message or a system error. */
  failed(error: unknown): void;
  /** A line was dropped. */
  dropped(): void;
  /** A process accepts lines. */
  sending(): void;
}

export class LocalSyslog {
  private logger: Logger | null = null;
  /** Pipe to the running process. */
  private stdin: Writable | null = null;
  private startedAt = 0;
  private delay = 0;
  private restart: NodeJS.Timeout | null = null;
  /** Lines waiting for a process, and their length. */
  private waiting: string[] = [];
  private waitingBytes = 0;

  constructor(
    private readonly data: SyslogData,
    private readonly watcher: SyslogWatcher,
  ) {}

  /**
   * Sends a line without its line break; never throws. `priority` is RFC 3164's: facility and severity in one number.
   */
  send(priority: number, line: string): void {
    const text = `<${priority}>${line.replaceAll('\n', ' ')}\n`;
    if (this.logger === null && this.restart === null) this.start();
    const { stdin } = this;
    if (stdin !== null) {
      if (stdin.writableLength + text.length <= MAX_WAITING) stdin.write(text, 'latin1');
      else this.watcher.dropped();
    } else if (this.waitingBytes + text.length <= MAX_WAITING) {
      this.waiting.push(text);
      this.waitingBytes += text.length;
    } else this.watcher.dropped();
  }

  /** Ends sending; lines already passed to the process are still sent. */
  close(): void {
    if (this.restart !== null) clearTimeout(this.restart);
    this.restart = null;
    this.stdin?.end();
    this.stdin = null;
    this.logger = null;
    this.waiting = [];
    this.waitingBytes = 0;
  }

  private start(): void {
    const { path, tag, hostname } = this.data;
    const words = ['--socket', native(path ?? ''), '--socket-errors=on', '--prio-prefix', '--size', `${MAX_MESSAGE}`];
    // With a host name the format is RFC 3164, without it that of the C library: nginx supports both.
    words.push('--tag', tag, ...(hostname ? ['--rfc3164'] : []));
    this.startedAt = performance.now();
    let logger: Logger;
    try {
      // In its own process group, so that a signal from the terminal does not end it before the last line.
      logger = process.getBuiltinModule('node:child_process').spawn('logger', words, {
        stdio: ['pipe', 'ignore', 'pipe'],
        detached: true,
      }) as Logger;
    } catch (error) {
      this.startLater();
      this.watcher.failed(error);
      return;
    }
    this.logger = logger;
    this.follow(logger);
    // Without a process id it could not be started; an event reports this.
    if (logger.pid !== undefined && logger.stdin !== undefined) this.sendTo(logger.stdin);
  }

  private follow(logger: Logger): void {
    const { stdin, stderr } = logger;
    let complaint = '';
    stderr?.on('data', (text: Buffer) => {
      complaint = text
        .toString('latin1')
        .replace(/^logger: socket \S+: /, '')
        .trim();
      this.processEnded(logger, complaint);
    });
    logger.on('error', (error) => this.processEnded(logger, error));
    stdin?.on('error', () => {}); // The process has ended, which has its own event.
    // After `close` all of its output was read.
    logger.on('close', (code) => this.processEnded(logger, complaint || `logger exited with code ${code}`));
    for (const each of [logger, stdin, stderr] as readonly ({ unref?: () => void } | undefined)[]) each?.unref?.();
  }

  private sendTo(stdin: Writable): void {
    this.stdin = stdin;
    const { waiting } = this;
    this.waiting = [];
    this.waitingBytes = 0;
    if (waiting.length > 0) stdin.write(waiting.join(''), 'latin1');
    this.watcher.sending();
  }

  private processEnded(logger: Logger, error: unknown): void {
    if (this.logger !== logger) return;
    this.logger = null;
    this.stdin = null;
    logger.stdin?.end();
    this.startLater();
    this.watcher.failed(error);
  }

  /** Starts the next process after the delay, with the lines waiting then, or later with the next line. */
  private startLater(): void {
    const lived = performance.now() - this.startedAt >= MIN_RUN_TIME;
    this.delay = lived || this.delay === 0 ? MIN_DELAY : Math.min(this.delay * 2, MAX_DELAY);
    this.restart = setTimeout(() => {
      this.restart = null;
      if (this.waiting.length > 0) this.start();
    }, this.delay).unref();
  }
}

/** Converts a path for process arguments. */
function native(path: string): string {
  return toText(path);
}
