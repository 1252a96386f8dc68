/** Pauses accepting while file descriptors are scarce, so that active requests can finish. */
import type net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ErrorLog } from '../logging/error-log.js';
import { connectionRefused, descriptorsScarce } from '../net/connection-limit.js';
import type { Listening } from '../program/module.js';
import type { Binder } from './binder.js';

/** Interval between checks for free descriptors, ms. */
const CHECK_INTERVAL = 50;
/** Timeout of a request to the master for a listening socket, ms; it is then repeated. */
const LISTEN_TIMEOUT = 2000;
/** Minimum interval between log lines, ms. */
const LOG_INTERVAL = 1000;

/** The properties of a listener needed to pause it. */
export interface Pausable {
  readonly server: net.Server;
  readonly listening: Listening;
}

/**
 * Pauses listeners by closing this process's handle of the listening socket. The master holds another handle, so new
 * connections wait in the backlog or are accepted by another worker. Not possible in a process that bound its sockets
 * itself.
 */
export class AcceptPause {
  private readonly paused = new Set<Pausable>();
  private timer: NodeJS.Timeout | null = null;
  private checking = false;
  private loggedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly binder: Binder,
    private readonly errorLog: ErrorLog,
    /** Returns whether the listener is still configured. */
    private readonly isConfigured: (listener: Pausable) => boolean,
  ) {}

  /** Pauses the listeners until descriptors are free, if possible; logs nginx's message. */
  begin(listeners: Iterable<Pausable>): void {
    const now = performance.now();
    if (now - this.loggedAt >= LOG_INTERVAL) {
      this.loggedAt = now;
      this.errorLog.write('crit', 'accept4() failed (24: Too many open files)');
    }
    if (!this.binder.keepsSockets) return;
    for (const listener of listeners) {
      if (!listener.server.listening) continue;
      listener.server.close();
      this.paused.add(listener);
    }
    this.timer ??= setInterval(() => void this.check(), CHECK_INTERVAL).unref();
  }

  private async check(): Promise<void> {
    if (this.checking) return;
    // Closes idle client connections.
    connectionRefused();
    if (descriptorsScarce()) return;
    this.checking = true;
    for (const listener of [...this.paused]) if (await this.resume(listener)) this.paused.delete(listener);
    this.checking = false;
    if (this.paused.size > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  /** Returns false if another attempt is needed. */
  private async resume(listener: Pausable): Promise<boolean> {
    // The socket may have arrived since the last check.
    if (!this.isConfigured(listener) || listener.server.listening) return true;
    try {
      const late = delay(LISTEN_TIMEOUT, false, { ref: false });
      const listens = this.binder.listen(listener.server, listener.listening).then(() => true);
      if (!(await Promise.race([listens, late]))) return false;
    } catch (error) {
      this.errorLog.write('crit', (error as Error).message);
      return false;
    }
    if (!this.isConfigured(listener)) listener.server.close();
    return true;
  }
}
