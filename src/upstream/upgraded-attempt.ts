/** What is left of a request to an upstream once its connection is a tunnel: what must be counted when that ends. */
import { performance } from 'node:perf_hooks';
import type { UpstreamAttempt } from '../exchange/upstream-attempt.js';
import type { ResponseReader } from '../http/response-reader.js';
import type { Peer, Reservation } from './peer.js';
import { giveReader } from './response-readers.js';

/**
 * It takes the place of the request, which knows the location, the upstream and the balancer of its configuration: a tunnel
 * may live for many reloads, and must not keep all of that alive.
 */
export class UpgradedAttempt {
  constructor(
    private readonly attempt: UpstreamAttempt,
    private readonly peer: Peer,
    private readonly reservation: Reservation | null,
    private readonly reader: ResponseReader,
    /** The name of the upstream. */
    readonly upstream: string,
  ) {}

  /** The address of the server, as `$upstream_addr` has it. */
  get address(): string {
    return this.attempt.address;
  }

  /** The tunnel is over; bytes that the upstream sent and got in it. Those of the request are counted already. */
  ended(received: number, sent: number): void {
    const { attempt } = this;
    attempt.bytesReceived += received;
    attempt.bytesSent += sent;
    if (attempt.responseTime < 0) attempt.responseTime = performance.now() - attempt.started;
    this.reservation?.release();
    this.peer.end();
  }

  /** Gives the reader back when the exchange was logged. */
  release(): void {
    giveReader(this.reader);
  }
}
