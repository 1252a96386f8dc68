/** What a client's connection waits for, and how long. */
import type { LocationSettings } from '../exchange/program.js';
import { now, type Timed } from '../http/deadlines.js';
import type { ConfigLease } from './config-lease.js';
import { InputBuffer } from './input-buffer.js';

/** What the deadline is about while an exchange is handled. */
export const NOTHING = 0;
export const BODY = 1;
export const SENDING = 2;

/** How nginx says it. */
export const TIMED_OUT = 'client timed out (110: Connection timed out)';

/** ms in which who has just connected is to send a request, where nobody listens any more. */
const FIRST_REQUEST = 2000;

/** A base class, so that a connection stays one object. */
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

  /** A first request may come, for a while, and then belongs to the present table. */
  protected expectSoon(tableUse: ConfigLease): void {
    tableUse.reserve();
    this.deadline = Math.min(this.deadline, now() + FIRST_REQUEST);
  }

  /** The client is to send more of its body (`client_body_timeout`). */
  protected waitForBody(): void {
    this.waitingFor = BODY;
    this.deadline = now() + this.settings.clientBodyTimeout;
  }

  /** The client is to take some of the answer (`send_timeout`), unless its body is waited for. */
  protected waitToSend(): void {
    if (this.waitingFor !== NOTHING || this.transport.closed) return;
    this.waitingFor = SENDING;
    this.transport.madeProgress();
    this.deadline = now() + this.settings.sendTimeout;
  }

  /** Goes on waiting where the client has taken some of what it is sent, if not all of it; false where it has not. */
  protected waitOn(): boolean {
    if (this.waitingFor !== SENDING || !this.transport.madeProgress()) return false;
    this.deadline = now() + this.settings.sendTimeout;
    return true;
  }

  /** What the client still sends is dropped, for as long as it does, up to `lingering_time`. */
  protected beginLingering(): void {
    this.lingerUntil = now() + this.settings.lingeringTime;
    this.lingerOn();
  }

  /** Some of it came, and more may (`lingering_timeout`). */
  protected lingerOn(): void {
    this.deadline = Math.min(now() + this.settings.lingeringTimeout, this.lingerUntil);
  }
}
