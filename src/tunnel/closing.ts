/** Closing of a socket that was part of a tunnel. */
import { now, type Timed, unwatch, watch } from '../net/deadlines.js';
import type { Transport, TransportOwner } from '../net/transport.js';

/** Owns a closing socket: pending data is still delivered if the peer reads it. */
export class Closing implements TransportOwner, Timed {
  deadline = 0;
  deadlineIndex = -1;

  constructor(
    private readonly transport: Transport,
    /** ms for which the peer may read nothing, so that it cannot keep the socket open forever. */
    private readonly sendTimeout: number,
  ) {
    transport.owner = this;
  }

  /**
   * `lingering`: ms for which data from the peer is still read and dropped. Closing with unread bytes would reset the
   * connection and discard data that the peer has not read yet (RFC 9112, 9.6).
   */
  begin(lingering: number): void {
    const { transport } = this;
    if (transport.closed) return;
    if (lingering === 0) transport.destroySoon();
    else {
      transport.end();
      transport.resume();
    }
    if (lingering === 0 && transport.pending === 0) return;
    watch(this);
    this.deadline = now() + (transport.pending === 0 ? lingering : this.sendTimeout);
    transport.whenFlushed(() => {
      if (lingering > 0) this.deadline = now() + lingering;
      else unwatch(this);
    });
  }

  onBytes(): void {}
  onDrain(): void {}
  onConnected(): void {}

  onEnd(): void {
    this.transport.destroySoon();
  }

  onClosed(): void {
    unwatch(this);
  }

  timedOut(): void {
    unwatch(this);
    this.transport.destroy();
  }
}
