/** Service manager: messages to it (sd_notify(3)) and sockets from it (sd_listen_fds(3)). */
import { execFile } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { errnoText } from '../diagnostics/errno.js';
import type { ErrorLog } from '../logging/error-log.js';
import { settledWithin } from './settled-within.js';

/** ms that a message may take; `systemd-notify` itself waits up to 5 s until the service manager has read it. */
const TIMEOUT = 10_000;
/** ms before a message is sent again if its sender could not be started; doubled with each attempt. */
const FIRST_DELAY = 100;
const RETRIES = 5;
/** Largest interval of a timer. */
const MAX_INTERVAL = 2 ** 31 - 1;

/**
 * Notifies the service manager of the state of this process, if one is configured (`Type=notify`, `notify-reload`,
 * `WatchdogSec`). Messages are sent in order by systemd's `systemd-notify`, as Node has no unix datagram sockets; a failure
 * is logged and otherwise ignored.
 */
export class ServiceManager {
  private last: Promise<void> = Promise.resolve();
  private isStopping = false;
  private watchdogPending = false;
  /** The last message could not be sent, and this was logged. */
  private failed = false;

  constructor(private readonly log: ErrorLog) {}

  /** The configuration is in force. */
  ready(): void {
    // STOPPING=1 is final.
    if (!this.isStopping) void this.send('READY=1');
  }

  reloading(): void {
    // Microseconds of CLOCK_MONOTONIC, the clock of hrtime.
    if (!this.isStopping) void this.send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): void {
    if (!this.isStopping) void this.send('STOPPING=1');
    this.isStopping = true;
  }

  /** Sends WATCHDOG=1 at half of the interval that the service manager expects, as recommended by sd_watchdog_enabled(3). */
  startWatchdog(): void {
    const { WATCHDOG_USEC, WATCHDOG_PID } = process.env;
    const interval = Number(WATCHDOG_USEC) / 1000 / 2;
    if (!(interval > 0) || (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== process.pid)) return;
    setInterval(() => void this.keepAlive(), Math.min(interval, MAX_INTERVAL)).unref();
    void this.keepAlive();
  }

  /** Resolves when all messages were sent, or after `ms`. */
  sent(ms: number): Promise<void> {
    return settledWithin(this.last, ms);
  }

  private async keepAlive(): Promise<void> {
    if (this.watchdogPending) return;
    this.watchdogPending = true;
    await this.send('WATCHDOG=1');
    this.watchdogPending = false;
  }

  private send(...state: readonly string[]): Promise<void> {
    if (!process.env.NOTIFY_SOCKET) return this.last;
    this.last = this.last.then(() => this.notify(state));
    return this.last;
  }

  private async notify(state: readonly string[]): Promise<void> {
    for (let n = 0; ; n++) {
      const error = await systemdNotify(state);
      if (error === null) {
        this.failed = false;
        return;
      }
      // A started process that failed, or a missing command, would fail again.
      const again = 'errno' in error && error.code !== 'ENOENT' && n < RETRIES;
      if (!again) {
        if (!this.failed) this.log.write('alert', `systemd-notify ${state[0]} failed (${errnoText(error)})`);
        this.failed = true;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, FIRST_DELAY * 2 ** n));
    }
  }
}

/** Resolves with the error if the message could not be sent. */
function systemdNotify(state: readonly string[]): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const words = [`--pid=${process.pid}`, ...state];
    try {
      execFile('systemd-notify', words, { timeout: TIMEOUT, killSignal: 'SIGKILL' }, (error) => {
        resolve(error as NodeJS.ErrnoException | null);
      });
    } catch (error) {
      // Node throws on ENOMEM.
      resolve(error as NodeJS.ErrnoException);
    }
  });
}

/** Descriptors of listening sockets opened for this process (`LISTEN_FDS`, sd_listen_fds(3)). */
export function inheritedSockets(): readonly number[] {
  const { LISTEN_PID, LISTEN_FDS } = process.env;
  if (Number(LISTEN_PID) !== process.pid) return [];
  const count = Number(LISTEN_FDS);
  return Number.isInteger(count) && count > 0 ? Array.from({ length: count }, (_, i) => i + FIRST) : [];
}

/** First inherited descriptor. */
const FIRST = 3;

/** Path of the unix socket behind a descriptor, from the kernel's table; null if it is not one. */
export function unixSocketPath(descriptor: number): string | null {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
    for (const line of readFileSync('/proc/net/unix', 'latin1').split('\n')) {
      const fields = line.split(' ').filter(Boolean);
      if (inode !== undefined && fields[6] === inode) return fields[7] ?? null;
    }
  } catch {
    // Not Linux.
  }
  return null;
}
