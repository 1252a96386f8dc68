/**
 * Interface between an exchange and the connection on which its request arrived; implemented for HTTP/1 and HTTP/2.
 */
import type { Transport } from '../net/transport.js';
import type { BodySink, Chunk } from '../program/body.js';
import type { RoutingTable } from '../program/compiler.js';
import type { Exchange, HttpClient } from '../program/exchange.js';
import type { ConnectionCounts } from './connection-counts.js';

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

export interface ClientSide extends HttpClient {
  /** Counters of the server that accepted the connection. */
  readonly counts: ConnectionCounts;
  /** Sends the head of `x.response`; `ended`: no body follows (the response consists of the head). */
  sendHead(x: Exchange, ended: boolean): void;
  /** Sends a 1xx response; `lines` are field lines terminated by CRLF. */
  sendInterim(status: number, lines: string): void;
  /** Sends a chunk of the body. Returns false to wait for the producer's `resume`. */
  write(chunk: Chunk): boolean;
  /** Collects all writes until `uncork` into one write. */
  cork(): void;
  uncork(): void;
  /**
   * Nothing more is written: the response is complete, or ends early. Calls `x.finish()` when the client has accepted
   * all of a complete response, else at once.
   */
  end(completed: boolean): void;
  /** Delivers the rest of the request body to `sink`. */
  readBody(sink: BodySink): void;
  resumeBody(): void;
  /** Sends `100 Continue` if the client waits for it; called before a body is read or an upstream is contacted. */
  sendContinue(): void;
  /** Whether the connection closes after this exchange, because its listener was removed or the process ends. */
  readonly draining: boolean;
  /**
   * Whether the request is an extended CONNECT for a WebSocket (RFC 8441), in the form of the handshake of HTTP/1.1: to the
   * client a response with status 101 is one with 200, and no other response may have a 2xx status.
   */
  readonly extendedConnect: boolean;
  /** Whether bytes of the body have arrived and have not been read. */
  readonly bodyWaits: boolean;
  /** Bytes of the body that have arrived and would have fit into nginx's buffer of the head, behind it. */
  readonly bodyPreread: number;
  /** Discards received bytes of the body; returns 400 or 413 if they are invalid, else 0. */
  discardBody(): number;
  /** Hands over the socket, or the stream of an extended CONNECT, to a tunnel; returns null if it is closed. */
  detach(): DetachedClient | null;
  /** The exchange is logged and its resources are released: the connection reads the next request, lingers or closes. */
  released(): void;
}
