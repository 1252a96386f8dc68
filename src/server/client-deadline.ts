/** Timeouts of a client connection. */

import { now, type Timed } from '../net/deadlines.js';
import type { ConfigLease } from '../program/config-lease.js';
import type { LocationSettings } from '../program/settings.js';
import { InputBuffer } from './input-buffer.js';

// Values of `waitingFor`: the event that the deadline limits while an exchange is handled.
export const NOTHING = 0;
export const BODY = 1;
export const SENDING = 2;

/** nginx's wording. */
export const TIMED_OUT = 'client timed out (110: Connection timed out)';

/** Timeout for the first request of a new connection whose listener was removed, ms. */
const FIRST_REQUEST_TIMEOUT = 2000;

/** A base class rather than a member, so that a connection stays one object. */
export abstract class ClientDeadline extends InputBuffer implements Timed {
  deadline = 0;
  deadlineIndex = -1;
  protected waitingFor = NOTHING;
  private lingerUntil = 0;

  protected abstract get settings(): LocationSettings;
  abstract timedOut(): void;

  protected waitForNothing(): void {
    this.waitingFor = NOTHING;
    this.deadline = 0;
  }

  /** Reserves the current table for a first request that may arrive within FIRST_REQUEST_TIMEOUT. */
  protected expectSoon(lease: ConfigLease): void {
    lease.reserve();
    this.deadline = Math.min(this.deadline, now() + FIRST_REQUEST_TIMEOUT);
  }

  /** Starts the timeout for more of the request body (`client_body_timeout`). */
  protected waitForBody(): void {
    this.waitingFor = BODY;
    this.deadline = now() + this.settings.clientBodyTimeout;
  }

  /** Starts the timeout for sending the response (`send_timeout`), unless the request body is awaited. */
  protected waitToSend(): void {
    if (this.waitingFor !== NOTHING || this.transport.closed) return;
    this.waitingFor = SENDING;
    this.transport.madeProgress();
    this.deadline = now() + this.settings.sendTimeout;
  }

  /** Extends `send_timeout` and returns true if the client has read some data since it was set. */
  protected extendSendTimeout(): boolean {
    if (this.waitingFor !== SENDING || !this.transport.madeProgress()) return false;
    this.deadline = now() + this.settings.sendTimeout;
    return true;
  }

  /** Starts discarding data from the client, for at most `lingering_time`. */
  protected beginLingering(): void {
    this.lingerUntil = now() + this.settings.lingeringTime;
    this.extendLingering();
  }

  /** Data was discarded; more may arrive within `lingering_timeout`. */
  protected extendLingering(): void {
    this.deadline = Math.min(now() + this.settings.lingeringTimeout, this.lingerUntil);
  }
}
