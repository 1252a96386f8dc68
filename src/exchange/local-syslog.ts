/**
 * Lines to a syslog server on a unix domain socket (`/dev/log`). Node has no datagrams on such sockets: util-linux's `logger`
 * sends them, a process of its own for each server and parameters, which reads lines from a pipe.
 */
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { SyslogData } from '../config/syslog-argument.js';

/** Bytes that wait for the pipe, or for a process; further lines are dropped. */
const WAITING_MAX = 1 << 20;
/** Bytes of the longest message. `logger` cuts what is longer into several. */
const LONGEST = 16_384;
/** ms from the end of a `logger` to the start of the next; the time doubles while they end soon, up to the longest. */
const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
/** ms after which the end of a `logger` is not taken for a failed start. */
const LIVED = 10_000;

/** A `logger` that could not be started for lack of descriptors has no streams. */
type Logger = Pick<ChildProcess, 'pid' | 'on' | 'unref'> & { readonly stdin?: Writable; readonly stderr?: Readable };

/** Told how sending fares. */
export interface SyslogWatcher {
  /** The process failed, or could not be started: a sentence, or an error of the system. */
  failed(error: unknown): void;
  /** A line was dropped. */
  dropped(): void;
  /** A process takes lines. */
  sending(): void;
}

export class LocalSyslog {
  private logger: Logger | null = null;
  /** The pipe to a process that runs. */
  private stdin: Writable | null = null;
  private startedAt = 0;
  private delay = 0;
  private restart: NodeJS.Timeout | null = null;
  /** Lines that wait for a process, and their length. */
  private waiting: string[] = [];
  private waitingBytes = 0;

  constructor(
    private readonly data: SyslogData,
    private readonly watcher: SyslogWatcher,
  ) {}

  /** Sends a line without its line break; never throws. `priority` is RFC 3164's: facility and severity in one number. */
  send(priority: number, line: string): void {
    const text = `<${priority}>${line.replaceAll('\n', ' ')}\n`;
    if (this.logger === null && this.restart === null) this.start();
    const { stdin } = this;
    if (stdin !== null) {
      if (stdin.writableLength + text.length <= WAITING_MAX) stdin.write(text, 'latin1');
      else this.watcher.dropped();
    } else if (this.waitingBytes + text.length <= WAITING_MAX) {
      this.waiting.push(text);
      this.waitingBytes += text.length;
    } else this.watcher.dropped();
  }

  /** Lines that the process was given are still sent. */
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
    const words = ['--socket', native(path ?? ''), '--socket-errors=on', '--prio-prefix', '--size', `${LONGEST}`];
    // With a name of the machine it is the format of RFC 3164, and without one that of the C library: as nginx does both.
    words.push('--tag', tag, ...(hostname ? ['--rfc3164'] : []));
    this.startedAt = performance.now();
    let logger: Logger;
    try {
      // In a process group of its own, so that a signal from the terminal does not end it before the last line.
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
    // Without a process id it could not be started, which an event says.
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
      this.giveUp(logger, complaint);
    });
    logger.on('error', (error) => this.giveUp(logger, error));
    stdin?.on('error', () => {}); // The process has ended, which is an event of its own.
    // With `close` the last of its words were read.
    logger.on('close', (code) => this.giveUp(logger, complaint || `logger exited with code ${code}`));
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

  private giveUp(logger: Logger, error: unknown): void {
    if (this.logger !== logger) return;
    this.logger = null;
    this.stdin = null;
    logger.stdin?.end();
    this.startLater();
    this.watcher.failed(error);
  }

  /** The next process starts after a while, with what waits by then, or later with the next line. */
  private startLater(): void {
    const lived = performance.now() - this.startedAt >= LIVED;
    this.delay = lived || this.delay === 0 ? FIRST_DELAY : Math.min(this.delay * 2, LONGEST_DELAY);
    this.restart = setTimeout(() => {
      this.restart = null;
      if (this.waiting.length > 0) this.start();
    }, this.delay).unref();
  }
}

/** A path as arguments of processes take it. */
function native(path: string): string {
  return Buffer.from(path, 'latin1').toString();
}
