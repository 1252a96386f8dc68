/**
 * The client role of HTTP, for any version: a session is a connection to a server, and a stream is one request with its
 * response. In HTTP/1 a session has one stream at a time, in HTTP/2 many. Selecting peers, repeating requests, timeouts
 * and the conversion of heads are not part of it: see `src/upstream`. `test/upstream/session-contract.ts` checks this
 * contract for each implementation.
 */
import type { Connect, ConnectTarget, Transport } from '../net/transport.js';
import type { HeaderBlock } from './header-block.js';

/** Head of a response. `headers` are valid until the stream is released. */
export interface UpstreamHead {
  readonly status: number;
  /** Reason phrase; may be empty. */
  readonly reason: string;
  /** 10, 11 or 20. */
  readonly version: number;
  readonly headers: HeaderBlock;
}

/** Failures of a stream, with their causes. */
export interface StreamFailures {
  /** No connection could be established, or its TLS handshake failed; null if it was closed. */
  readonly connect: NodeJS.ErrnoException | null;
  /** The session's owner has refused the established connection, for this reason. */
  readonly refused: string;
  /** The connection (or the stream, with HTTP/2) was closed before the end of the response. */
  readonly closed: null;
  /** Reading failed, such as with ECONNRESET. */
  readonly receive: NodeJS.ErrnoException;
  /** The head is invalid; in nginx's words. */
  readonly 'invalid head': string;
  /** The framing of the body is invalid; in nginx's words. */
  readonly 'invalid body': string;
  /** The peer has not processed the request, which can be sent again whatever its method is (RFC 9113 8.7). */
  readonly unprocessed: Unprocessed;
}

export interface Unprocessed {
  /** In nginx's words. */
  readonly text: string;
  /** Whether the same peer may process it on another connection. */
  readonly fresh: boolean;
}

/**
 * Receives the events of a stream: `onReady` (only if the stream was not ready when it was opened), then for each head
 * `onFields` followed by `onInterim` (1xx), `onUpgrade` (101) or `onHead` (final), any number of `onData`, and `onEnd`. A
 * stream that fails emits `onFailure` as its last event, at any time. After `cancel` and `detach` no event but a due
 * `onReadEnd` is emitted.
 */
export interface StreamUser {
  /** The session is established: the request can be sent. */
  onReady(): void;
  /** `length` bytes were received (0: bytes that were reported before). The events up to `onReadEnd` are caused by them: writes that they cause may be joined. */
  onRead(length: number): void;
  /** `length` more bytes were received by the same read. */
  onReadMore(length: number): void;
  onReadEnd(): void;
  /** The fields of a head were read; they may be edited before they are evaluated. */
  onFields(head: UpstreamHead): void;
  /** A 1xx response other than 101. */
  onInterim(head: UpstreamHead): void;
  /** A 101 response; bytes `from` to `length` follow it, borrowed. The user calls `detach` or `cancel`. */
  onUpgrade(bytes: Buffer, from: number, length: number): void;
  /** The final head. */
  onHead(): void;
  /** Bytes `start` to `end` of the body, without framing; borrowed until the call returns. */
  onData(bytes: Buffer, start: number, end: number): void;
  /** The response is complete. `excess`: nginx's message if bytes follow it that are not part of it, or null. */
  onEnd(excess: string | null): void;
  /** The stream is over; its session is not available if it has failed, so that the request can be sent again. */
  onFailure<K extends keyof StreamFailures>(kind: K, cause: StreamFailures[K]): void;
  /** More of the request can be sent, after a method returned false. */
  onDrain(): void;
}

/** Methods that send return false if the sender should wait for `onDrain`, and do nothing once the stream is over. */
export interface UpstreamStream {
  readonly user: StreamUser | null;
  /** Whether the request can be sent. */
  readonly ready: boolean;
  /** Whether the connection is established, but its TLS handshake is not complete. */
  readonly handshaking: boolean;
  /** Whether the stream has not ended, failed, or been cancelled or detached. */
  readonly open: boolean;

  // -- the request
  /**
   * Begins the request. `head`: request line and field lines in the form of HTTP/1, with the empty line; other protocols
   * convert them. It is sent with the first bytes of the body, `flush` or `end`. `bodyLength`: -1 if unknown; then the
   * stream frames the body. `bodiless`: the response has no body, whatever its fields declare (HEAD). `headLimit`: maximum
   * size of the response's head, bytes.
   */
  begin(head: string, bodyLength: number, bodiless: boolean, headLimit: number): void;
  /** Sends a byte string; `last`: it ends the body. */
  sendText(text: string, last: boolean): boolean;
  /** Sends bytes that no longer change. */
  send(bytes: Buffer, last: boolean): boolean;
  /** Sends bytes `start` to `end` of a borrowed buffer. */
  sendBorrowed(bytes: Buffer, start: number, end: number, last: boolean): boolean;
  /** Sends a head that has not been sent yet. */
  flush(): void;
  /** Ends the body, if no `last` has. */
  end(): void;
  /** Bytes sent, including the head and framing. */
  readonly bytesSent: number;
  /** Bytes sent that wait for the peer, in this process. */
  readonly pending: number;
  /** Whether sent bytes may still reach the peer. */
  readonly writable: boolean;
  /** Whether the peer has accepted bytes since the last call. */
  madeProgress(): boolean;
  /** Calls back once when nothing is pending, or the connection is closed; possibly at once. */
  whenFlushed(then: () => void): void;

  // -- the response
  /** The last head. */
  readonly head: UpstreamHead;
  /** Whether part of the head has been received. */
  readonly headBegun: boolean;
  /** Length that the final head declares for the body; -1: unknown. */
  readonly declaredLength: number;
  /** Whether trailers may follow the body. */
  readonly mayHaveTrailers: boolean;
  /** Bytes of the body received, including framing. */
  readonly bodyLength: number;
  /** Trailer section at `onEnd`, each line terminated by CRLF; empty if there is none. */
  readonly trailers: string;
  /** Stops `onData` and `onEnd`. The peer is slowed down by flow control. */
  pause(): void;
  resume(): void;

  /** Abandons the request. HTTP/1 closes the connection; HTTP/2 resets the stream only. */
  cancel(): void;
  /** Takes over the bytes of both directions, in `onUpgrade`. */
  detach(): Transport;
  /** Cancels the stream if it is open. Its head is no longer used. */
  release(): void;
}

export interface UpstreamSession {
  /** Whether a stream can be opened. */
  readonly available: boolean;
  /** Whether no stream is open. */
  readonly idle: boolean;
  /**
   * Whether the peer has closed the connection, reset it or sent unrequested data, including what the event loop has not
   * reported yet. Only if `available`.
   */
  peerLeft(): boolean;
  /** Opens a stream; `available` must be true, unless streams may wait (`waiting`). */
  open(user: StreamUser): UpstreamStream;
  /** Streams that are not ready because the peer accepts no more at a time; -1: none may wait. */
  readonly waiting: number;
  /** Closes the connection. Open streams are not notified. */
  destroy(): void;
}

/** Owner of a session. */
export interface SessionHost {
  /** Maximum number of streams at a time, if the protocol has several. */
  readonly maxStreams: number;
  /** Checks an established connection before its first request. Returns the reason to refuse it, or null. */
  refusal(transport: Transport): string | null;
  /**
   * Another stream can be opened (again), or the session has become idle. Returns false if no stream will be opened: the
   * session closes as soon as it is idle.
   */
  onAvailable(session: UpstreamSession): boolean;
  /** The session is closed, or its connection was detached. */
  onClosed(session: UpstreamSession): void;
}

/** Connects to a server with `connect` and opens the first stream, for `user`. `host` becomes the session's owner. */
export type OpenSession = (
  host: SessionHost,
  user: StreamUser,
  target: ConnectTarget,
  connect: Connect,
) => { readonly session: UpstreamSession; readonly stream: UpstreamStream };
