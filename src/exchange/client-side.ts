/**
 * Interface between an exchange and the connection on which its request arrived; implemented for HTTP/1 (HTTP/2 is
 * possible).
 */
import type { Transport } from '../net/transport.js';
import type { RoutingTable } from '../program/compiler.js';
import type { ConnectionCounts } from './connection-counts.js';
import type { Exchange } from './exchange.js';

/**
 * A chunk of a body. A Buffer is borrowed: it must be copied if retained beyond the call. A string is a byte string.
 */
export type Chunk = Buffer | string;

/** Receives the request body in chunks. */
export interface BodySink {
  /** Receives a chunk; `last`: `bodyEnd` follows immediately. Returns false to pause until `resumeBody`. */
  bodyChunk(chunk: Buffer, last: boolean): boolean;
  /** The client closed the connection: the body received so far is logged as `$request_body`. `bodyFailed` follows. */
  bodyCut?(): void;
  /** The body is complete. */
  bodyEnd(): void;
  /**
   * The body will not be complete: the client closed the connection (`400`), was too slow (`408`), or the framing is
   * invalid (`400`, `413`).
   */
  bodyFailed(status: number): void;
}

/**
 * Source of a response body: resumed when the client accepts more data, aborted when the client closes the connection.
 */
export interface Producer {
  /** Current activity of the upstream request, in nginx's words (`reading upstream`); empty if there is none. */
  readonly activity?: string;
  resume(): void;
  /** The client connection was closed; nothing more can be sent. The producer releases its resources. */
  abort(): void;
}

/** A client's socket after the upgrade. */
export interface DetachedClient {
  readonly transport: Transport;
  /** The table with which the exchange began. */
  readonly table: RoutingTable;
  /** Bytes that the client sent after its head. */
  readonly early: Buffer;
  /** Whether the client has sent FIN after those bytes. */
  readonly peerEnded: boolean;
  /** Moves the tunnel to another table. */
  moveTo(table: RoutingTable): void;
  /** Ends the tunnel: the exchange is logged and ended. `completed`: `$request_completion` is `OK`. */
  ended(completed: boolean): void;
}

export interface ClientSide {
  /** Counters of the server that accepted the connection. */
  readonly counts: ConnectionCounts;
  /** `$connection`: serial number. */
  readonly id: number;
  /** `$connection_requests`. */
  readonly requests: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Path of the listening unix socket, or null. */
  readonly unixPath: string | null;
  /** Whether the connection uses TLS. */
  readonly secure: boolean;
  /** `$connection_time` start, ms since 1970. */
  readonly since: number;
  /** `$pipe`: whether the request was pipelined. */
  readonly pipelined: boolean;
  /** Bytes sent for the current exchange, including heads: `$bytes_sent`. */
  readonly bytesSent: number;
  /** Bytes sent without the final head, including chunk framing: `$body_bytes_sent`. */
  readonly bodyBytesSent: number;
  /** Bytes of the current request, head and body, as far as read: `$request_length`. */
  readonly requestLength: number;
  /** Whether the connection is closed. */
  readonly closed: boolean;
  /** Sends the head of `x.response`; `ended`: no body follows (the response consists of the head). */
  sendHead(x: Exchange, ended: boolean): void;
  /** Sends a 1xx response; `lines` are field lines terminated by CRLF. */
  sendInterim(status: number, lines: string): void;
  /** Sends a chunk of the body. Returns false to wait for the producer's `resume`. */
  write(chunk: Chunk): boolean;
  /** Collects all writes until `uncork` into one write. */
  cork(): void;
  uncork(): void;
  /** The body is complete. */
  end(): void;
  /** Delivers the rest of the request body to `sink`. */
  readBody(sink: BodySink): void;
  resumeBody(): void;
  /** Sends `100 Continue` if the client waits for it; called before a body is read or an upstream is contacted. */
  sendContinue(): void;
  /** Whether bytes of the body have arrived and have not been read. */
  readonly bodyWaits: boolean;
  /** Discards received bytes of the body; returns 400 or 413 if they are invalid, else 0. */
  discardBody(): number;
  /** Hands over the socket to a tunnel; returns null if it is closed (or not available, in HTTP/2). */
  detach(): DetachedClient | null;
  /** The exchange is finished and logged; the connection reads the next request, lingers or closes. */
  done(x: Exchange): void;
}
