/** The end of a socket that was part of a tunnel. */
import { now, type Timed, unwatch, watch } from '../http/deadlines.js';
import type { Transport, TransportOwner } from '../http/transport.js';

/** Owns a socket that only has to go: what is on its way to a living peer still arrives. */
export class Closing implements TransportOwner, Timed {
  deadline = 0;
  deadlineIndex = -1;

  constructor(
    private readonly transport: Transport,
    /** ms that the peer has to take what waits for it: who takes nothing cannot hold the socket for ever. */
    private readonly sendTimeout: number,
  ) {
    transport.owner = this;
  }

  /**
   * `lingering`: ms for which the peer may go on to send, which nobody reads any more. Closing with bytes unread would
   * reset the connection, and take along what the peer has not read (RFC 9112 9.6).
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
