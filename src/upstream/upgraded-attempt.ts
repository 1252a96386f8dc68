/** State that remains of an upstream request once its connection is a tunnel: whatever must be counted at its end. */
import { performance } from 'node:perf_hooks';
import type { UpstreamAttempt } from '../program/upstream-attempt.js';
import type { Peer, Reservation } from './peer.js';

/**
 * Replaces the request, which references the location, upstream and balancer of its configuration: a tunnel may live
 * for many reloads and must not keep them alive.
 */
export class UpgradedAttempt {
  constructor(
    private readonly attempt: UpstreamAttempt,
    private readonly peer: Peer,
    private readonly reservation: Reservation | null,
    /** Name of the upstream. */
    readonly upstream: string,
    private readonly onEnded: (() => void) | null,
  ) {}

  /** Address of the server, as in `$upstream_addr`. */
  get address(): string {
    return this.attempt.address;
  }

  /**
   * Ends the tunnel; `received` and `sent` are bytes received from and sent to the upstream by it, without the
   * request's own.
   */
  ended(received: number, sent: number): void {
    const { attempt } = this;
    attempt.bytesReceived += received;
    attempt.bytesSent += sent;
    this.peer.counters?.transferred(sent, received);
    this.peer.recorder?.transferred(sent, received);
    if (attempt.responseTime < 0) attempt.responseTime = performance.now() - attempt.started;
    this.reservation?.release();
    this.peer.end();
    this.onEnded?.();
  }
}
