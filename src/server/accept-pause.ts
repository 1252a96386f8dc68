/** Stops accepting while descriptors are scarce, so that requests under way can be finished. */
import type net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ErrorLog } from '../exchange/error-log.js';
import type { Listening } from '../exchange/module.js';
import { connectionRefused, descriptorsScarce } from '../http/connection-limit.js';
import type { Binder } from './binder.js';

/** ms between two looks whether descriptors are free again. */
const CHECK_INTERVAL = 50;
/** ms after which a listening socket that was asked for and did not come is asked for again. */
const ANSWER_TIMEOUT = 2000;
/** ms between two lines of the error log. */
const LOG_INTERVAL = 1000;

/** A listener, as far as it can be paused. */
export interface Pausable {
  readonly server: net.Server;
  readonly listening: Listening;
}

/**
 * Pauses listeners by closing this process's handle of the listening socket, of which the master holds another: what
 * connects meanwhile waits in the system's queue, or is accepted by another worker. A process that has bound its sockets
 * itself cannot do that.
 */
export class AcceptPause {
  private readonly paused = new Set<Pausable>();
  private timer: NodeJS.Timeout | null = null;
  private checking = false;
  private loggedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly binder: Binder,
    private readonly errorLog: ErrorLog,
    /** The listener is still to be listened on. */
    private readonly isWanted: (listener: Pausable) => boolean,
  ) {}

  /** Pauses the listeners until descriptors are free, where that is possible; logs what nginx logs. */
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
    // Gives up clients that have become idle.
    connectionRefused();
    if (descriptorsScarce()) return;
    this.checking = true;
    for (const listener of [...this.paused]) if (await this.resume(listener)) this.paused.delete(listener);
    this.checking = false;
    if (this.paused.size > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  /** False where it is to be tried again. */
  private async resume(listener: Pausable): Promise<boolean> {
    // The socket may have come after the last look.
    if (!this.isWanted(listener) || listener.server.listening) return true;
    try {
      const late = delay(ANSWER_TIMEOUT, false, { ref: false });
      const listens = this.binder.listen(listener.server, listener.listening).then(() => true);
      if (!(await Promise.race([listens, late]))) return false;
    } catch (error) {
      this.errorLog.write('crit', (error as Error).message);
      return false;
    }
    if (!this.isWanted(listener)) listener.server.close();
    return true;
  }
}
