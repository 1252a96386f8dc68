/**
 * A request for a tunnel (CONNECT): selects a peer, connects to it, tries another peer if allowed, and leaves the
 * connection to the tunnel. Nothing is sent to the peer, so a request that failed can always be repeated.
 */
import type { HttpExchange } from '../exchange/exchange.js';
import { connectionRefused } from '../net/connection-limit.js';
import { now, type Timed, unwatch, watch } from '../net/deadlines.js';
import { SocketTransport } from '../net/socket-transport.js';
import type { Transport, TransportOwner } from '../net/transport.js';
import type { Producer } from '../program/body.js';
import { logError } from '../program/error-context.js';
import { type ConnectOptions, connectTarget } from './connect-options.js';
import { UpstreamFailure } from './failure.js';
import type { Peer } from './peer.js';
import { PeerSelection, type PeerUser, type SelectionRules } from './peer-selection.js';
import { type LimitedRequest, RequestLimits } from './request-limits.js';
import type { UpgradedAttempt } from './upgraded-attempt.js';
import type { Upstream } from './upstream.js';

/** Settings of one location, and the callback for an established connection. */
export interface TunnelRules extends SelectionRules {
  /** ms. */
  readonly connectTimeout: number;
  /** Whether the selected server may be connected to. */
  allows(x: HttpExchange): boolean;
  /** Returns the options of a connection, for each attempt. */
  connectOptions(x: HttpExchange): ConnectOptions;
  /** Called when the connection is established, to take it over. */
  open(x: HttpExchange, attempt: UpgradedAttempt, transport: Transport): void;
}

export class TunnelRequest implements Producer, PeerUser, TransportOwner, Timed, LimitedRequest {
  deadline = 0;
  deadlineIndex = -1;
  private readonly selection: PeerSelection;
  /** The peer being connected to, with the options of the connection. */
  private attempt: { readonly peer: Peer; readonly options: ConnectOptions } | null = null;
  private transport: Transport | null = null;
  /** Limits over all attempts; null if there are none. */
  private limits: RequestLimits | null = null;
  private over = false;

  constructor(
    readonly x: HttpExchange,
    readonly upstream: Upstream,
    private readonly rules: TunnelRules,
  ) {
    this.selection = new PeerSelection(x, upstream, rules, this);
  }

  /** The peer being connected to. */
  get peer(): Peer | null {
    return this.attempt?.peer ?? null;
  }

  get activity(): string {
    return this.over || this.attempt === null ? '' : 'connecting to upstream';
  }

  begin(): void {
    const { x } = this;
    x.resource = this;
    x.producer = this;
    this.upstream.retryBudget?.request();
    this.limits = RequestLimits.of(x, this.upstream, this);
    if (this.limits === null) this.admitted();
    else this.limits.enter();
  }

  admitted(): void {
    if (this.over) return;
    this.x.client.sendContinue();
    watch(this);
    this.retry();
  }

  refused(status: number): void {
    if (!this.over) this.fail(status);
  }

  retry(): void {
    if (this.over) return;
    this.limits?.start();
    this.selection.choose();
  }

  expired(): void {
    this.disconnect();
    if (!this.over) this.failed(new UpstreamFailure('expired', 'connecting to upstream', null));
  }

  usePeer(peer: Peer | null): void {
    const { x, rules } = this;
    if (this.over) return;
    if (peer === null) {
      const failure = new UpstreamFailure('no peers', 'connecting to upstream', null);
      this.log(failure);
      this.selection.attempt.status = failure.status;
      this.limits?.failed(failure);
      this.fail(failure.status);
      return;
    }
    const options = rules.connectOptions(x);
    this.attempt = { peer, options };
    const refused = connectionRefused();
    if (refused !== null) this.failed(new UpstreamFailure('local', 'connecting to upstream', ['alert', refused]));
    else if (!rules.allows(x)) this.failed(new UpstreamFailure('denied', 'connecting to upstream', null));
    else {
      const connect = options.connect ?? SocketTransport.connect;
      this.transport = connect(connectTarget(peer, options), this);
      this.deadline = now() + rules.connectTimeout;
    }
  }

  onConnected(transport: Transport): void {
    const { x, selection, attempt } = this;
    if (transport !== this.transport || attempt === null) return;
    selection.attempt.connectTime = selection.elapsed();
    this.limits?.answered(200);
    this.end();
    x.resource = null;
    x.response.status = 200;
    this.rules.open(x, selection.upgraded(attempt.peer), transport);
  }

  onClosed(transport: Transport, error: NodeJS.ErrnoException | null): void {
    const { attempt } = this;
    if (transport !== this.transport || attempt === null) return;
    this.transport = null;
    const { address } = this.selection.attempt;
    this.failed(UpstreamFailure.ofConnection(error, address, attempt.options));
  }

  // No bytes arrive before the connection is established.
  onBytes(): void {}
  onEnd(): void {}
  onDrain(): void {}

  timedOut(): void {
    this.disconnect();
    if (!this.over) this.failed(new UpstreamFailure('timeout', 'connecting to upstream', null));
  }

  resume(): void {}

  /** Called when the client has closed its connection. */
  abort(): void {
    this.release();
  }

  release(): void {
    if (this.over) return;
    this.end();
    this.disconnect();
    this.selection.release('ok');
  }

  private log({ logLine }: UpstreamFailure): void {
    if (logLine !== null) logError(this.x, logLine[0], logLine[1]);
  }

  /** Tries another peer, or ends with the status of the failure. */
  private failed(failure: UpstreamFailure): void {
    const { selection } = this;
    const { reason, status, outcome } = failure;
    this.deadline = 0;
    this.log(failure);
    selection.release(outcome);
    if (reason !== 0) selection.attempt.status = status;
    if (!this.canRetry(reason)) {
      this.limits?.failed(failure);
      this.fail(status);
      return;
    }
    this.upstream.retryBudget?.retry();
    if (this.limits?.delayRetry(failure) !== true) this.retry();
  }

  private canRetry(reason: number): boolean {
    const { selection, upstream } = this;
    if (reason === 0 || selection.tries === 0 || !selection.mayTryAnother(reason, false, false)) return false;
    return upstream.retryBudget?.available !== false;
  }

  private fail(status: number): void {
    const { x } = this;
    this.end();
    x.resource = null;
    x.finalize(status);
  }

  private end(): void {
    this.over = true;
    this.deadline = 0;
    unwatch(this);
    this.limits?.end();
    this.x.producer = null;
  }

  /** Closes the connection; it reports no further event. */
  private disconnect(): void {
    const { transport } = this;
    this.transport = null;
    transport?.destroy();
  }
}
