/** Sessions with the peers of an upstream: opens streams on cached ones, or connects. nginx: upstream_keepalive. */
import { bindToClient, type ClientBound, unbindFromClient } from '../exchange/client-bound.js';
import type { SessionHost, StreamUser, UpstreamSession, UpstreamStream } from '../http/upstream-session.js';
import { Http1UpstreamSession } from '../http1/upstream-session.js';
import { callbackNow } from '../net/callback-clock.js';
import { now, type Timed, unwatch, watch } from '../net/deadlines.js';
import { SocketTransport } from '../net/socket-transport.js';
import type { Transport } from '../net/transport.js';
import { type ConnectOptions, connectTarget } from './connect-options.js';
import { type KeepaliveSettings, type StreamLimits, UNSHARED } from './keepalive-settings.js';
import type { Peer } from './peer.js';

/** A session of the pool, and its owner. It is cached while another stream can be opened. */
export class PooledSession implements SessionHost, Timed, ClientBound {
  /** End of the time for which it may be idle; the timer may be late if the process is busy. */
  deadline = 0;
  /** The same, on the clock of `performance.now()`: later it is not used, because the peer may close it at any moment. */
  usableUntil = Number.POSITIVE_INFINITY;
  deadlineIndex = -1;
  readonly since = now();
  /** Whether the pool has it. */
  cached = false;
  /** Whether the client to whose connection it belongs has closed that. */
  clientIsClosed = false;
  /** Streams opened. */
  streams = 1;
  readonly maxStreams: number;
  readonly session: UpstreamSession;
  readonly first: UpstreamStream;

  constructor(
    private readonly pool: SessionPool,
    readonly peer: Peer,
    readonly origin: object,
    readonly options: ConnectOptions,
    user: StreamUser,
  ) {
    this.maxStreams = pool.streamLimits.max;
    const open = options.open ?? Http1UpstreamSession.open;
    const { session, stream } = open(
      this,
      user,
      connectTarget(peer, options),
      options.connect ?? SocketTransport.connect,
    );
    this.session = session;
    this.first = stream;
    watch(this);
    if (options.client !== undefined) bindToClient(options.client.id, this);
  }

  /** Whether a request for this peer, location, protocol, TLS identity and client may use it; `origin` null: any location. */
  matches(peer: Peer, origin: object | null, { identity, client, open }: ConnectOptions): boolean {
    if (this.peer !== peer || (origin !== null && this.origin !== origin)) return false;
    const own = this.options.client;
    if (this.options.open !== open) return false;
    return this.options.identity === identity && own?.id === client?.id && own?.header === client?.header;
  }

  /** Whether no further stream is opened. */
  get exhausted(): boolean {
    return this.streams >= this.pool.maxRequests;
  }

  clientClosed(): void {
    this.clientIsClosed = true;
    if (this.session.idle) this.session.destroy();
  }

  open(user: StreamUser): UpstreamStream {
    this.deadline = 0;
    this.streams++;
    return this.session.open(user);
  }

  refusal(transport: Transport): string | null {
    return this.options.refusal?.(transport) ?? null;
  }

  onAvailable(): boolean {
    return this.pool.add(this);
  }

  onClosed(): void {
    unwatch(this);
    const { client } = this.options;
    if (client !== undefined) unbindFromClient(client.id, this);
    this.pool.sessionClosed(this);
  }

  timedOut(): void {
    if (this.session.idle) this.session.destroy();
  }
}

/** As many requests wait for the connections to a peer as permitted. */
export const QUEUE_FULL = 'queue full';

export class SessionPool {
  /** Sessions on which another stream can be opened, most recently used last. */
  private readonly sessions: PooledSession[] = [];
  /** All sessions that may have several streams at a time. */
  private readonly shared = new Set<PooledSession>();
  private closed = false;

  constructor(private readonly upstream: { readonly keepalive: KeepaliveSettings }) {}

  /** Maximum number of requests on a connection. */
  get maxRequests(): number {
    return this.upstream.keepalive.requests;
  }

  get streamLimits(): StreamLimits {
    const { max, streams } = this.upstream.keepalive;
    return max === 0 ? UNSHARED : streams;
  }

  /** Number of cached sessions. */
  get count(): number {
    return this.sessions.length;
  }

  /**
   * Opens a stream on a cached session, or returns null. `isFinal`: a failure would be final (a POST is not repeated), and
   * the kernel is asked whether the peer has closed the connection, which is known there before the event loop reports it.
   * `origin`: the location; with `keepalive` `local` only sessions that it created are used.
   */
  reuse(
    peer: Peer,
    origin: object,
    options: ConnectOptions,
    user: StreamUser,
    isFinal: boolean,
  ): UpstreamStream | typeof QUEUE_FULL | null {
    const { sessions } = this;
    const { max, local } = this.upstream.keepalive;
    if (max === 0) return null;
    for (let i = sessions.length - 1; i >= 0; i--) {
      const pooled = sessions[i] as PooledSession;
      if (!pooled.matches(peer, local ? origin : null, options)) continue;
      const { session } = pooled;
      const expired = session.idle && callbackNow() >= pooled.usableUntil;
      if (expired || !session.available || (isFinal && session.idle && session.peerLeft())) {
        this.remove(pooled);
        if (session.idle) session.destroy();
        continue;
      }
      const stream = pooled.open(user);
      if (!session.available || pooled.exhausted) {
        if (i === sessions.length - 1) sessions.pop();
        else sessions.splice(i, 1);
        pooled.cached = false;
      }
      return stream;
    }
    return options.open === undefined ? null : this.wait(peer, local ? origin : null, options, user);
  }

  /**
   * Opens a stream that waits for a connection to the peer, if there are as many connections as permitted; returns null if
   * another one may be opened.
   */
  private wait(
    peer: Peer,
    origin: object | null,
    options: ConnectOptions,
    user: StreamUser,
  ): UpstreamStream | typeof QUEUE_FULL | null {
    const { connections, queue } = this.streamLimits;
    if (connections === 0 || this.shared.size < connections) return null;
    let count = 0;
    let best: PooledSession | null = null;
    for (const pooled of this.shared) {
      if (pooled.peer !== peer) continue;
      count++;
      const { waiting } = pooled.session;
      if (waiting < 0 || waiting >= queue || pooled.exhausted || !pooled.matches(peer, origin, options)) continue;
      if (best === null || waiting < best.session.waiting) best = pooled;
    }
    if (count < connections) return null;
    return best === null ? QUEUE_FULL : best.open(user);
  }

  /** Connects to the peer and opens the first stream of the session. */
  connect(peer: Peer, origin: object, options: ConnectOptions, user: StreamUser): UpstreamStream {
    const pooled = new PooledSession(this, peer, origin, options, user);
    if (pooled.maxStreams > 1 && options.open !== undefined) {
      this.shared.add(pooled);
      // Further requests wait for this connection instead of opening others.
      if (pooled.session.available) this.add(pooled);
    }
    return pooled.first;
  }

  /** Caches a session that is available; returns false if it must be closed once it is idle. */
  add(pooled: PooledSession): boolean {
    const { sessions } = this;
    const { max, requests, timeout, time } = this.upstream.keepalive;
    if (this.closed || max === 0 || pooled.clientIsClosed || pooled.streams >= requests || now() - pooled.since > time)
      return false;
    this.remove(pooled);
    if (sessions.length >= max) sessions.find(({ session }) => session.idle)?.session.destroy();
    const timed = timeout !== 0 && pooled.session.idle;
    pooled.deadline = timed ? now() + timeout : 0;
    pooled.usableUntil = timed ? callbackNow() + timeout : Number.POSITIVE_INFINITY;
    sessions.push(pooled);
    pooled.cached = true;
    return true;
  }

  remove(pooled: PooledSession): void {
    if (!pooled.cached) return;
    this.sessions.splice(this.sessions.indexOf(pooled), 1);
    pooled.cached = false;
  }

  sessionClosed(pooled: PooledSession): void {
    this.remove(pooled);
    this.shared.delete(pooled);
  }

  /** Closes idle sessions and caches no more: a response may complete after the last exchange of its table. */
  close(): void {
    this.closed = true;
    for (const { session } of [...this.sessions]) if (session.idle) session.destroy();
  }
}
