/** What an exchange asks of the connection on which its request came; HTTP/1 implements it (and HTTP/2 can). */
import type { Transport } from '../http/transport.js';
import type { RoutingTable } from './compiler.js';
import type { ConnectionCounts } from './connection-counts.js';
import type { Exchange } from './exchange.js';

/** A piece of a body. A Buffer is only lent: who keeps it longer than the call must copy it. A string is bytes. */
export type Chunk = Buffer | string;

/** Takes the request's body, piece by piece. */
export interface BodySink {
  /** A piece of the body; `last`: `bodyEnd` follows at once. Returns false to be left alone until `resumeBody`. */
  bodyChunk(chunk: Buffer, last: boolean): boolean;
  /** The client is gone: what has come of the body is logged as `$request_body`. `bodyFailed` follows. */
  bodyCut?(): void;
  /** The body is complete. Trailer fields as name, value … (usually none). */
  bodyEnd(): void;
  /** The body will not be complete: the client is gone (`400`), too slow (`408`), or its framing is broken (`400`, `413`). */
  bodyFailed(status: number): void;
}

/** Makes an answer's body: asked to go on when the client can take more, and to stop when the client is gone. */
export interface Producer {
  /** The present activity of the upstream request, in nginx's words (`reading upstream`); empty where none is. */
  readonly activity?: string;
  resume(): void;
  /** The client connection ended; nothing more can be sent. The producer lets go of what it holds. */
  abort(): void;
}

/** A client's socket that left HTTP. */
export interface DetachedClient {
  readonly transport: Transport;
  /** The table with which the exchange began. */
  readonly table: RoutingTable;
  /** What the client sent behind its head. */
  readonly early: Buffer;
  /** The client has ended its side already, behind those bytes. */
  readonly peerEnded: boolean;
  /** The tunnel belongs to another table from now on. */
  moveTo(table: RoutingTable): void;
  /** Tells that the tunnel is over: the exchange is logged and ended. `completed`: `$request_completion` is `OK`. */
  ended(completed: boolean): void;
}

export interface ClientSide {
  /** What the server has counted that accepted the connection. */
  readonly counts: ConnectionCounts;
  /** `$connection`: serial number. */
  readonly id: number;
  /** `$connection_requests`. */
  readonly requests: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** The path of the unix socket that was connected to, or null. */
  readonly unixPath: string | null;
  /** TLS. */
  readonly secure: boolean;
  /** `$connection_time` start, ms since 1970. */
  readonly since: number;
  /** `$pipe`: the request was pipelined. */
  readonly pipelined: boolean;
  /** Bytes sent on this connection for the present exchange, heads included: `$bytes_sent`. */
  readonly bytesSent: number;
  /** Those of them that are not the final head, chunk sizes included: `$body_bytes_sent`. */
  readonly bodyBytesSent: number;
  /** Bytes of the present request: head and body as far as read: `$request_length`. */
  readonly requestLength: number;
  /** True when the connection is gone. */
  readonly closed: boolean;
  /** Sends `x.response`; `ended` where no body follows at all (the whole answer is this head). */
  sendHead(x: Exchange, ended: boolean): void;
  /** Sends a 1xx answer; `lines` are field lines that end in CRLF. */
  sendInterim(status: number, lines: string): void;
  /** Sends a piece of the body; false: wait for the producer's `resume`. */
  write(chunk: Chunk): boolean;
  /** Until `release`, what is written is gathered into one write. */
  cork(): void;
  uncork(): void;
  /** The body is complete. */
  end(): void;
  /** Delivers the body from here on. */
  readBody(sink: BodySink): void;
  resumeBody(): void;
  /** Sends `100 Continue` where the client waits for it; before a body is read, or where an upstream is asked. */
  sendContinue(): void;
  /** Bytes of the body have arrived and wait to be read. */
  readonly bodyWaits: boolean;
  /** Drops what has arrived of the body; 400 or 413 where it cannot be one, else 0. */
  discardBody(): number;
  /** Hands the socket over, for a tunnel; null where it is gone (or cannot be had, in HTTP/2). */
  detach(): DetachedClient | null;
  /** The exchange is over and logged; the connection reads the next request, lingers or closes. */
  done(x: Exchange): void;
}
