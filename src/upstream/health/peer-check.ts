/** One health check of a peer: connects or reuses a connection, sends the request, and evaluates the response. */
import { MatchFailed } from '../../config/pcre/match-failed.js';
import type { HttpExchange } from '../../exchange/exchange.js';
import { NameSet } from '../../http/header-block.js';
import type {
  SessionHost,
  StreamFailures,
  StreamUser,
  UpstreamHead,
  UpstreamSession,
  UpstreamStream,
} from '../../http/upstream-session.js';
import { Http1UpstreamSession } from '../../http1/upstream-session.js';
import { connectionRefused } from '../../net/connection-limit.js';
import { type Timed, unwatch, watch } from '../../net/deadlines.js';
import { SocketTransport } from '../../net/socket-transport.js';
import { TlsFileError } from '../../net/tls-files.js';
import type { Transport } from '../../net/transport.js';
import { checkResponse } from '../../websocket/handshake.js';
import { type ConnectOptions, connectTarget } from '../connect-options.js';
import { type Activity, UpstreamFailure } from '../failure.js';
import type { ForwardingRules } from '../forwarding-rules.js';
import type { PeerAddress } from '../peer.js';

import { type CheckRequest, checkExchange } from './check-exchange.js';
import { handshakeHead, httpHead, newKey } from './request-head.js';
import { EXAMINED, type ResponseMatch } from './response-match.js';
import type { CheckType } from './settings.js';
import { WebSocketPing } from './websocket-ping.js';

/** Fields of a handshake that the location may have chosen. */
const CHOSEN = new NameSet(['Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions']);

/** Settings and services that the checks of all peers of an upstream share. */
export interface CheckPlan {
  readonly type: CheckType;
  readonly request: CheckRequest;
  readonly rules: ForwardingRules;
  /** Name of the upstream. */
  readonly upstream: string;
  readonly match: ResponseMatch;
  /** ms for which a connection is used; 0: for one check. */
  readonly keepaliveTime: number;
  /** Limit of a whole check, ms; 0: the timeouts of the location apply alone. */
  readonly timeout: number;
}

/** A connection to a peer that is kept between checks. */
export class CheckConnection implements SessionHost {
  readonly maxStreams = 1;
  session: UpstreamSession | null = null;
  private readonly since = performance.now();

  constructor(
    private readonly keepaliveTime: number,
    private readonly options: ConnectOptions,
  ) {}

  /** Whether another check can use it. */
  get usable(): boolean {
    const { session } = this;
    return session?.available === true && this.isWithinTime && !session.peerLeft();
  }

  private get isWithinTime(): boolean {
    return performance.now() - this.since < this.keepaliveTime;
  }

  refusal(transport: Transport): string | null {
    return this.options.refusal?.(transport) ?? null;
  }

  onAvailable(): boolean {
    return this.isWithinTime;
  }

  onClosed(): void {
    this.session = null;
  }
}

export class PeerCheck implements StreamUser, Timed {
  deadline = 0;
  deadlineIndex = -1;
  private activity: Activity = 'connecting to upstream';
  private readonly x: HttpExchange;
  private options: ConnectOptions | null = null;
  private stream: UpstreamStream | null = null;
  private ping: WebSocketPing | null = null;
  private readonly limit: number;
  private body = '';
  private received = 0;
  private isOver = false;

  constructor(
    private readonly plan: CheckPlan,
    readonly address: PeerAddress,
    /** The address in messages. */
    private readonly name: string,
    /** Called once with the activity that failed and its reason, or null if the check has passed. */
    private readonly done: (failure: string | null) => void,
  ) {
    const { request, timeout, type } = plan;
    this.limit = timeout === 0 ? Number.POSITIVE_INFINITY : performance.now() + timeout;
    const fields = [
      ['Upgrade', 'websocket'],
      ['Connection', 'upgrade'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', newKey()],
    ] as const;
    this.x = checkExchange(request, type === 'websocket' ? fields : []);
  }

  /** Starts on a kept connection, or a new one, which is returned; null if none could be started. */
  start(kept: CheckConnection | null): CheckConnection | null {
    const { plan, x, name } = this;
    const attempt = x.attempts?.[0];
    if (attempt !== undefined) {
      attempt.address = name;
      attempt.started = performance.now();
    }
    watch(this);
    this.await(plan.rules.settings.connectTimeout);
    if (kept?.session != null && kept.usable) {
      this.stream = kept.session.open(this);
      this.onReady();
      return kept;
    }
    kept?.session?.destroy();
    const refused = connectionRefused();
    if (refused !== null) return this.cannotStart(refused);
    try {
      const options = plan.rules.connectOptions(x, plan.upstream);
      this.options = options;
      const connection = new CheckConnection(plan.keepaliveTime, options);
      const open = options.open ?? Http1UpstreamSession.open;
      const target = connectTarget(this, options);
      const { session, stream } = open(connection, this, target, options.connect ?? SocketTransport.connect);
      connection.session = session;
      this.stream = stream;
      return connection;
    } catch (error) {
      if (!(error instanceof TlsFileError)) throw error;
      return this.cannotStart(error.message);
    }
  }

  private cannotStart(reason: string): null {
    // The caller has not stored the check yet.
    queueMicrotask(() => this.end(`connecting to upstream (${reason})`));
    return null;
  }

  /** Ends without a result. */
  cancel(): void {
    this.isOver = true;
    this.close();
  }

  private close(): void {
    unwatch(this);
    const { stream, ping } = this;
    this.stream = null;
    if (stream?.open === true) stream.cancel();
    stream?.release();
    if (this.isOver && ping !== null) this.ping = null;
  }

  private end(failure: string | null): void {
    if (this.isOver) return;
    this.isOver = true;
    this.close();
    this.done(failure);
  }

  // -- timeouts

  /** Sets the deadline of the awaited event, ms; 0: unlimited. */
  private await(timeout: number): void {
    const now = performance.now();
    const until = Math.min(timeout === 0 ? Number.POSITIVE_INFINITY : now + timeout, this.limit);
    this.deadline = Number.isFinite(until) ? until : 0;
  }

  timedOut(): void {
    this.ping?.destroy();
    this.end(`${this.activity} (upstream timed out (110: Connection timed out))`);
  }

  // -- the stream

  onReady(): void {
    const { plan, x, stream } = this;
    const { rules, type, keepaliveTime } = plan;
    if (stream === null) return;
    if (type === 'tcp') {
      this.end(null);
      return;
    }
    this.activity = 'reading response header from upstream';
    const head = rules.requestHead(x, 0, false);
    const ownHead =
      type === 'http'
        ? httpHead(head, keepaliveTime > 0)
        : handshakeHead(head, x.headers.get('sec-websocket-key') ?? '');
    stream.begin(ownHead, 0, false, rules.settings.bufferSize);
    stream.end();
    this.await(rules.settings.readTimeout);
  }

  onFields(): void {}
  onRead(): void {}
  onReadMore(): void {}
  onReadEnd(): void {}
  onInterim(): void {}
  onDrain(): void {}

  onHead(): void {
    const { stream, plan } = this;
    if (stream === null) return;
    if (plan.type === 'websocket') {
      this.end(`checking status code (the status is ${stream.head.status}, not 101)`);
      return;
    }
    this.activity = 'reading upstream';
    this.await(plan.rules.settings.readTimeout);
  }

  onData(bytes: Buffer, start: number, end: number): void {
    const { plan } = this;
    const size = Math.min(end - start, EXAMINED - this.received);
    if (plan.match.examinesBody) this.body += bytes.latin1Slice(start, start + size);
    this.received += size;
    this.await(plan.rules.settings.readTimeout);
    if (this.received === EXAMINED) this.evaluate();
  }

  onEnd(): void {
    this.evaluate();
  }

  onUpgrade(bytes: Buffer, from: number, length: number): void {
    const { stream, plan, x } = this;
    if (stream === null) return;
    if (plan.type !== 'websocket') {
      this.end('checking status code (the status is 101)');
      return;
    }
    const invalid = checkResponse(x.headers, stream.head.headers, CHOSEN);
    if (invalid !== null) {
      this.end(`checking WebSocket handshake (${invalid})`);
      return;
    }
    this.activity = 'reading upstream';
    this.await(plan.rules.settings.readTimeout);
    const early = Buffer.from(bytes.subarray(from, length));
    const transport = stream.detach();
    this.stream = null;
    stream.release();
    this.ping = new WebSocketPing(transport, {
      pinged: (error) => this.end(error === null ? null : `waiting for Pong (${error})`),
    });
    this.ping.start(early);
  }

  onFailure<K extends keyof StreamFailures>(kind: K, cause: StreamFailures[K]): void {
    const { options, activity } = this;
    const used = options ?? { identity: '', keepAlive: false };
    const { logLine } = UpstreamFailure.ofStream(kind, cause, activity, this.name, used);
    const [, message = activity] = logLine ?? [];
    // "MESSAGE while ACTIVITY"
    const at = message.lastIndexOf(' while ');
    this.end(at < 0 ? message : `${message.slice(at + 7)} (${message.slice(0, at)})`);
  }

  private evaluate(): void {
    const { stream, x, plan } = this;
    if (stream === null) return;
    const { status, headers } = stream.head;
    this.end(this.failureOf({ status, headers }, x, plan.match));
  }

  private failureOf(
    { status, headers }: Pick<UpstreamHead, 'status' | 'headers'>,
    x: HttpExchange,
    match: ResponseMatch,
  ): string | null {
    x.upstreamHeaders = headers;
    const attempt = x.attempts?.[0];
    if (attempt !== undefined) {
      attempt.status = status;
      attempt.responseTime = performance.now() - attempt.started;
    }
    try {
      return match.failure(x, status, headers, this.body);
    } catch (error) {
      if (!(error instanceof MatchFailed)) throw error;
      return 'checking response (the match was aborted)';
    } finally {
      x.upstreamHeaders = null;
    }
  }
}
