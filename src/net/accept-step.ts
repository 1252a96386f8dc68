/**
 * Steps between accepting a socket and the protocol of its connection, in the order in which a listener lists them: the
 * PROXY protocol header, the TLS ClientHello, the TLS handshake. Listeners without steps pay nothing for them.
 *
 * To add a step:
 *
 * - One that reads bytes first implements `ReadStep`. It is a function of the bytes received so far, which returns how
 *   many of them it consumes: 0 to only inspect them (a ClientHello), the length of a header to remove it (PROXY
 *   protocol). The rest is pushed back to the next step, or to the connection.
 * - One that changes the bytes (TLS) implements `TransportStep`. It takes over the socket, with the bytes received and
 *   not consumed, and returns a transport of its own when the connection is established. It may set the protocol, as
 *   negotiated by ALPN.
 * - Results for later steps and for variables are stored by `AcceptKey`.
 * - The code of `listen` adds the step to `Listening.steps`.
 */
import type { Level } from '../config/log-level.js';
import type { AcceptedSocket } from './accepted-socket.js';
import type { Transport } from './transport.js';

/** Results of `ReadStep.read` that are no number of bytes. */
export const MORE = -1;
export const REFUSED = -2;

/** Key of a result of a step: `incoming.accepted.set(key, value)`, `accepted.get(key)`. */
export class AcceptKey<T> {
  declare readonly type: T;
  constructor(readonly name: string) {}
}

/** Results of the steps of one connection. */
export class Accepted {
  /** Keys and values alternate. There are few, and a `Map` for each connection costs more. */
  private readonly entries: unknown[] = [];

  constructor(
    /** `$connection`: serial number. */
    readonly id: number,
    /** Time at which the socket was accepted, ms since 1970. */
    readonly since: number,
  ) {}

  get<T>(key: AcceptKey<T>): T | undefined {
    const at = this.find(key);
    return at < 0 ? undefined : (this.entries[at + 1] as T);
  }
  set<T>(key: AcceptKey<T>, value: T): void {
    const at = this.find(key);
    if (at < 0) this.entries.push(key, value);
    else this.entries[at + 1] = value;
  }

  private find(key: AcceptKey<unknown>): number {
    const { entries } = this;
    for (let at = 0; at < entries.length; at += 2) if (entries[at] === key) return at;
    return -1;
  }
}

/** A connection whose protocol is not chosen yet, as seen by its steps. */
export interface Incoming {
  readonly accepted: Accepted;
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** ALPN name of the protocol that the connection will use (RFC 7301): initially that of its listener. */
  protocol: string;
  /**
   * Ends a `TransportStep`: the next step, or the protocol, uses this transport from now on. `unread`: bytes that the
   * step has read from it and does not consume; borrowed.
   */
  proceed(transport: Transport, unread?: Buffer): void;
  /** Logs `message`, with the activity of the step, and closes the connection. Returns REFUSED. */
  refuse(level: Level, message: string): typeof REFUSED;
}

/** Reads from the beginning of the stream. */
export interface ReadStep {
  /** For log messages, in nginx's words: `reading PROXY protocol`. */
  readonly activity: string;
  /**
   * Receives all bytes that have arrived and no step has consumed; borrowed. Returns the number of bytes consumed, MORE
   * to be called again with more bytes, or the result of `incoming.refuse`. Refuses instead of waiting for more than the
   * format allows, because the bytes are buffered.
   */
  read(bytes: Buffer, incoming: Incoming): number;
  /**
   * Refuses a connection that the client has closed after some bytes, with the last bytes passed to `read`. Default: it is
   * refused as closed.
   */
  ended?(bytes: Buffer, incoming: Incoming): void;
}

/** A step that has taken over a socket. */
export interface Abortable {
  /** Closes the socket, if it is not closed yet: after `refuse`, on timeout, or because the server stops. */
  destroy(): void;
}

/** Replaces the transport. */
export interface TransportStep {
  readonly activity: string;
  /**
   * Takes over an accepted socket that is not being read. `early`: bytes received before, owned by the step. Ends with
   * `incoming.proceed` or `incoming.refuse`, at once or later. Calls after the connection has been closed have no effect.
   */
  wrap(socket: AcceptedSocket, early: Buffer, incoming: Incoming): Abortable;
}

export type AcceptStep = ReadStep | TransportStep;
