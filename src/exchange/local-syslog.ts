/**
 * Lines to a syslog server on a unix domain socket (`/dev/log`). Node has no datagrams on such sockets: util-linux's `logger`
 * sends them, a process of its own for each server and parameters, which reads lines from a pipe.
 */
import type { ChildProcessByStdio } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { SyslogData } from '../config/syslog-argument.js';

/** Bytes that wait for the pipe; further lines are dropped. */
const WAITING_MAX = 1 << 20;
/** Bytes of the longest message. `logger` cuts what is longer into several. */
const LONGEST = 16_384;
/** ms after a failure in which the server is left alone. */
const REST = 1000;

type Logger = ChildProcessByStdio<Writable, null, import('node:stream').Readable>;

export class LocalSyslog {
  private logger: Logger | null = null;
  private restUntil = 0;

  constructor(
    private readonly data: SyslogData,
    /** Told what goes wrong: a sentence, or an error of the system. */
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Sends a line without its line break. `priority` is RFC 3164's: facility and severity in one number. */
  send(priority: number, line: string): void {
    if (this.logger === null && performance.now() < this.restUntil) return;
    this.logger ??= this.start();
    const { stdin } = this.logger;
    if (stdin.writableLength < WAITING_MAX) stdin.write(`<${priority}>${line.replaceAll('\n', ' ')}\n`, 'latin1');
  }

  /** What was sent still arrives. */
  close(): void {
    this.logger?.stdin.end();
    this.logger = null;
  }

  private start(): Logger {
    const { path, tag, hostname } = this.data;
    const words = ['--socket', native(path ?? ''), '--socket-errors=on', '--prio-prefix', '--size', `${LONGEST}`];
    // With a name of the machine it is the format of RFC 3164, and without one that of the C library: as nginx does both.
    words.push('--tag', tag, ...(hostname ? ['--rfc3164'] : []));
    // What a terminal sends to all processes of the group must not end it before the last line.
    const logger = process.getBuiltinModule('node:child_process').spawn('logger', words, {
      stdio: ['pipe', 'ignore', 'pipe'],
      detached: true,
    });
    let complaint = '';
    logger.stderr.on('data', (text: Buffer) => {
      complaint = text
        .toString('latin1')
        .replace(/^logger: socket \S+: /, '')
        .trim();
      this.giveUp(logger, complaint);
    });
    logger.on('error', (error) => this.giveUp(logger, error));
    logger.stdin.on('error', () => {}); // It has ended, and that is heard of.
    // With `close` the last of its words were read.
    logger.on('close', (code) => this.giveUp(logger, complaint || `logger exited with code ${code}`));
    for (const each of [logger, logger.stdin, logger.stderr] as readonly { unref?: () => void }[]) each.unref?.();
    return logger;
  }

  /** The next line after a while begins anew. */
  private giveUp(logger: Logger, error: unknown): void {
    if (this.logger !== logger) return;
    this.logger = null;
    this.restUntil = performance.now() + REST;
    logger.stdin.end();
    this.failed(error);
  }
}

/** A path as arguments of processes take it. */
function native(path: string): string {
  return Buffer.from(path, 'latin1').toString();
}
