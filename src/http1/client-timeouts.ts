/** Timeouts of a client connection: one deadline, which stands for the event that is awaited. */
import { now, type Timed, unwatch, watch } from '../net/deadlines.js';
import { awaitProgress, extendWithProgress } from '../net/send-timeout.js';
import type { Transport } from '../net/transport.js';
import type { LocationSettings } from '../program/settings.js';

// Values of `waitingFor`: the event that the deadline limits while an exchange is handled.
export const NOTHING = 0;
export const BODY = 1;
export const SENDING = 2;

/** nginx's wording. */
export const TIMED_OUT = 'client timed out (110: Connection timed out)';

/** Timeout for the first request of a new connection whose listener was removed, ms. */
const FIRST_REQUEST_TIMEOUT = 2000;

/** The connection. */
export interface TimeoutOwner {
  /** Settings of the current request, or of the last one until the next begins. */
  readonly settings: LocationSettings;
  /** A deadline has passed, and the client has made no progress. */
  timedOut(): void;
}

export class ClientTimeouts implements Timed {
  deadline = 0;
  deadlineIndex = -1;
  waitingFor = NOTHING;
  private lingerUntil = 0;

  constructor(
    private readonly transport: Transport,
    private readonly owner: TimeoutOwner,
  ) {
    watch(this);
  }

  /** No further timeouts. */
  stop(): void {
    unwatch(this);
    this.deadline = 0;
  }

  timedOut(): void {
    if (!this.extendSendTimeout()) this.owner.timedOut();
  }

  waitForNothing(): void {
    this.waitingFor = NOTHING;
    this.deadline = 0;
  }

  /** A request may arrive until `time` + `timeout` (`client_header_timeout`, `keepalive_timeout`). */
  waitForHead(time: number, timeout: number): void {
    this.deadline = time + timeout;
  }

  /** The first request must arrive within FIRST_REQUEST_TIMEOUT. */
  expectSoon(): void {
    this.deadline = Math.min(this.deadline, now() + FIRST_REQUEST_TIMEOUT);
  }

  /** Starts the timeout for more of the request body (`client_body_timeout`). */
  waitForBody(): void {
    this.waitingFor = BODY;
    this.deadline = now() + this.owner.settings.clientBodyTimeout;
  }

  /** Stops the timeout for the request body while its consumer is busy. */
  suspend(): void {
    this.deadline = 0;
  }

  /** Starts the timeout for sending the response (`send_timeout`), unless the request body is awaited. */
  waitToSend(): void {
    if (this.waitingFor !== NOTHING || this.transport.closed) return;
    this.waitingFor = SENDING;
    awaitProgress(this, this.transport, this.owner.settings.sendTimeout);
  }

  /** Extends `send_timeout` and returns true if the client has read some data since it was set. */
  private extendSendTimeout(): boolean {
    const { sendTimeout } = this.owner.settings;
    return this.waitingFor === SENDING && extendWithProgress(this, this.transport, sendTimeout);
  }

  /** Starts discarding data from the client, for at most `lingering_time`. */
  linger(): void {
    this.lingerUntil = now() + this.owner.settings.lingeringTime;
    this.extendLingering();
  }

  /** Data was discarded; more may arrive within `lingering_timeout`. */
  extendLingering(): void {
    this.deadline = Math.min(now() + this.owner.settings.lingeringTimeout, this.lingerUntil);
  }
}
