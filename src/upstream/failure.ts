/**
 * Failures of an attempt to obtain a response from an upstream. The kind of a failure determines its log line, the status
 * of the response and the reason of `proxy_next_upstream`: one row for each kind. The activity during which it occurred
 * determines whether the request may be repeated.
 */
import type { Level } from '../config/log-level.js';
import type { StreamFailures } from '../http/upstream-session.js';
import type { Outcome } from './balancer.js';
import { connectFailure, handshakeFailure, isConnectError, localFailure, receiveFailure } from './connect-failure.js';
import type { ConnectOptions } from './connect-options.js';
import { NEXT_UPSTREAM, reasonOfStatus } from './next-upstream.js';

/** Activity of an upstream request, in nginx's words. */
export type Activity =
  | 'connecting to upstream'
  | 'SSL handshaking to upstream'
  | 'sending request to upstream'
  | 'reading response header from upstream'
  | 'reading upstream';

/**
 * Whether the request may be sent to another peer. `always`: nothing of it was sent. `repeatable`: its method allows it
 * and its body is buffered. `never`: the head of the response was passed on.
 */
export type RetrySafety = 'always' | 'repeatable' | 'never';

const RETRY_SAFETY: Readonly<Record<Activity, RetrySafety>> = {
  'connecting to upstream': 'always',
  'SSL handshaking to upstream': 'always',
  'sending request to upstream': 'repeatable',
  'reading response header from upstream': 'repeatable',
  'reading upstream': 'never',
};

/** Causes by kind of failure. */
export interface FailureCauses extends Omit<StreamFailures, 'connect' | 'receive'> {
  /** The peer or the network refused the connection. `address`: the peer's, as in `$upstream_addr`. */
  readonly connect: { readonly error: NodeJS.ErrnoException | null; readonly address: string };
  /** The TLS handshake failed; null: the peer has closed the connection. */
  readonly handshake: NodeJS.ErrnoException | null;
  /** Reading failed. `secure`: the connection uses TLS. */
  readonly receive: { readonly error: NodeJS.ErrnoException; readonly secure: boolean };
  /** This host could not start the connection: level and message. */
  readonly local: readonly [level: Level, message: string];
  /** As many requests wait for the connections to the peer as permitted. */
  readonly busy: null;
  /** No peer is available. */
  readonly 'no peers': null;
  readonly timeout: null;
  /** The total time of the request has elapsed (`upstream_timeout`). */
  readonly expired: null;
  /** The configuration does not allow a connection to the peer. */
  readonly denied: null;
  /** A response with a status for which another peer is tried. */
  readonly status: number;
  /** A valid response that this request cannot use; in nginx's words. */
  readonly unusable: string;
  /** The body of the request cannot be read, which is logged already; the status of the response. */
  readonly 'request body': number;
  /** Matching a regular expression failed, which is logged already. */
  readonly match: null;
}
export type FailureKind = keyof FailureCauses;

interface Rule<Cause> {
  /** Message without the activity; null: nothing is logged. */
  message(cause: Cause): string | null;
  /** Level of the message; default `error`. */
  level?(cause: Cause): Level;
  /** Status of the response if no other peer is tried. */
  status(cause: Cause): number;
  /** Bit of NEXT_UPSTREAM; 0: no other peer is tried, and the peer has not failed. */
  reason(cause: Cause): number;
}

const error = () => NEXT_UPSTREAM.error;
const noReason = () => 0;
const badGateway = () => 502;
const serverError = () => 500;

const RULES: { readonly [K in FailureKind]: Rule<FailureCauses[K]> } = {
  connect: {
    message: ({ error, address }) => connectFailure(error, address)[1],
    level: ({ error, address }) => connectFailure(error, address)[0],
    status: badGateway,
    reason: error,
  },
  handshake: {
    message: (cause) => handshakeFailure(cause)[1],
    level: (cause) => handshakeFailure(cause)[0],
    status: badGateway,
    reason: error,
  },
  local: { message: ([, message]) => message, level: ([level]) => level, status: serverError, reason: noReason },
  refused: { message: (text) => text, status: badGateway, reason: error },
  busy: {
    message: () => 'too many requests wait for connections to upstream',
    status: () => 503,
    reason: error,
  },
  'no peers': { message: () => 'no live upstreams', status: badGateway, reason: noReason },
  closed: { message: () => 'upstream prematurely closed connection', status: badGateway, reason: error },
  receive: { message: ({ error, secure }) => receiveFailure(error, secure), status: badGateway, reason: error },
  timeout: {
    message: () => 'upstream timed out (110: Connection timed out)',
    status: () => 504,
    reason: () => NEXT_UPSTREAM.timeout,
  },
  denied: {
    message: () => 'access to upstream is not allowed',
    status: badGateway,
    reason: () => NEXT_UPSTREAM.denied,
  },
  expired: { message: () => 'upstream timed out (upstream_timeout)', status: () => 504, reason: noReason },
  'invalid head': { message: (text) => text, status: badGateway, reason: () => NEXT_UPSTREAM.invalid_header },
  'invalid body': { message: (text) => text, status: badGateway, reason: () => NEXT_UPSTREAM.invalid_header },
  unprocessed: { message: ({ text }) => text, status: badGateway, reason: error },
  status: { message: () => null, status: (status) => status, reason: reasonOfStatus },
  unusable: { message: (text) => text, status: badGateway, reason: noReason },
  'request body': { message: () => null, status: (status) => status, reason: noReason },
  match: { message: () => null, status: serverError, reason: noReason },
};

export const FAILURE_KINDS = Object.keys(RULES) as readonly FailureKind[]; // the keys of a literal

export class UpstreamFailure<K extends FailureKind = FailureKind> {
  constructor(
    readonly kind: K,
    /** Activity during which it occurred. */
    readonly activity: Activity,
    readonly cause: FailureCauses[K],
  ) {}

  private get rule(): Rule<FailureCauses[K]> {
    return RULES[this.kind];
  }

  /** Log line with its level, without the context of the request; null if nothing is logged. */
  get logLine(): readonly [level: Level, message: string] | null {
    const { rule, cause, activity } = this;
    const message = rule.message(cause);
    if (message === null) return null;
    return [rule.level?.(cause) ?? 'error', `${message} while ${activity}`];
  }

  /** Status of the response if no other peer is tried. */
  get status(): number {
    return this.rule.status(this.cause);
  }

  /** Bit of NEXT_UPSTREAM by which another peer may be tried; 0: none. */
  get reason(): number {
    return this.retry === 'never' ? 0 : this.rule.reason(this.cause);
  }

  get retry(): RetrySafety {
    return this.kind === 'unprocessed' ? 'always' : RETRY_SAFETY[this.activity];
  }

  /** Whether the same peer may process the request on another connection. */
  get fresh(): boolean {
    return this.kind === 'unprocessed' && (this.cause as FailureCauses['unprocessed']).fresh; // of this kind
  }

  /** Outcome for the balancer. As in nginx a peer whose response has begun is not counted as failed. */
  get outcome(): Outcome {
    const { reason } = this;
    if (reason === 0) return 'ok';
    if (this.fresh || this.kind === 'busy') return 'next';
    return reason === NEXT_UPSTREAM.http_403 || reason === NEXT_UPSTREAM.http_404 ? 'next' : 'failed';
  }

  /** A response with status 103 in a version of HTTP that has none. */
  static ofHints(): UpstreamFailure {
    const message = 'upstream sent HTTP/1.0 response with early hints';
    return new UpstreamFailure('invalid head', 'reading response header from upstream', message);
  }

  /** Failure that a stream has reported. `activity`: what it was doing if it was connected. */
  static ofStream<K extends keyof StreamFailures>(
    kind: K,
    cause: StreamFailures[K],
    activity: Activity,
    address: string,
    options: ConnectOptions,
  ): UpstreamFailure {
    if (kind === 'connect') {
      const error = cause as StreamFailures['connect']; // of this kind
      return UpstreamFailure.ofConnection(error, address, options);
    }
    if (kind === 'refused') {
      return new UpstreamFailure<'refused'>(kind, 'SSL handshaking to upstream', cause as string); // of this kind
    }
    if (kind === 'receive') {
      const error = cause as StreamFailures['receive']; // of this kind
      return new UpstreamFailure('receive', activity, { error, secure: options.identity !== '' });
    }
    return new UpstreamFailure(kind as FailureKind, activity, cause as never); // the causes are the same
  }

  /** Failure of a connection that could not be established: of connect(), of the TLS handshake, or of this host. */
  static ofConnection(cause: NodeJS.ErrnoException | null, address: string, options: ConnectOptions): UpstreamFailure {
    if (options.identity !== '' && !isConnectError(cause)) {
      return new UpstreamFailure('handshake', 'SSL handshaking to upstream', cause);
    }
    const local = localFailure(cause, address, options);
    return local === null
      ? new UpstreamFailure('connect', 'connecting to upstream', { error: cause, address })
      : new UpstreamFailure('local', 'connecting to upstream', local);
  }
}
