/** Runs a request through the real server and client connection code, without a network. */

import { Http1Connection } from '../http1/server-connection.js';
import type { ErrorLog } from '../logging/error-log.js';
import { memoryPair } from '../net/memory-transport.js';
import type { Transport, TransportOwner } from '../net/transport.js';
import type { RoutingTable } from '../program/compiler.js';
import { Server } from '../server/server.js';
import type { Arrival } from './listener-choice.js';
import type { ParsedRequest } from './request-input.js';

/** Timeout in ms for asynchronous handlers (DNS lookup, delay); then the explanation continues without them. */
const HANDLER_TIMEOUT = 10_000;
/** Maximum length of the response body that is kept, in bytes. */
const MAX_BODY = 4096;
const EVENT_STREAM = /^Content-Type: *text\/event-stream/im;
const ZEROS = Buffer.alloc(65536);

/** A server without listeners that signals the end of an exchange. */
class SocketlessServer extends Server {
  onOver: () => void = () => {};

  /** Connections may be kept alive, as in a server with listeners. */
  override keeps(): boolean {
    return true;
  }

  override released(table: RoutingTable): void {
    super.released(table);
    this.onOver();
  }
}

/** The response that the client received. */
export interface Received {
  /** Empty if the connection was closed without a response. */
  readonly head: string;
  readonly body: string;
  /** Whether the request was finished before the timeout. */
  readonly over: boolean;
}

/** Address of the client. */
export interface Client {
  readonly address: string;
  readonly port: number;
}

/** Handles a request with a routing table; resolves when the request is finished, or on timeout. */
export function runRequest(
  table: RoutingTable,
  { head, body, bodyLength }: ParsedRequest,
  { listening, localAddress, secure }: Arrival,
  { address, port }: Client,
  errorLog: ErrorLog,
): Promise<Received> {
  const server = new SocketlessServer({ errorLog });
  server.table = table;
  return new Promise((resolve) => {
    const client = new ExplainedClient();
    let settled = false;
    const settle = (over: boolean): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      client.onFinished = () => {
        outgoing.destroy();
        const { received } = client;
        const end = received.indexOf('\r\n\r\n');
        if (end < 0) resolve({ head: received, body: '', over });
        else resolve({ head: received.slice(0, end + 4), body: received.slice(end + 4, end + 4 + MAX_BODY), over });
      };
      // The end of the stream follows all bytes of the response.
      if (client.finished) client.onFinished();
      else accepted.destroySoon();
    };
    const timer = setTimeout(() => settle(false), HANDLER_TIMEOUT);
    server.onOver = () => settle(true);
    const endpoints = {
      remoteAddress: address,
      remotePort: port,
      localAddress,
      localPort: listening.port,
      secure,
    };
    const { outgoing, accepted } = memoryPair(client, NO_OWNER, endpoints);
    client.onReceived = () => {
      // The beginning of a long body is enough.
      const end = client.received.indexOf('\r\n\r\n');
      if (end >= 0 && client.received.length > end + MAX_BODY) settle(true);
      // An event stream has no end.
      if (end >= 0 && EVENT_STREAM.test(client.received.slice(0, end))) settle(true);
      // If the connection became a tunnel, nothing follows the head.
      setImmediate(() => {
        if (accepted.owner !== connection) settle(true);
      });
    };
    const connection = new Http1Connection(accepted, server, { listening, table }, null);
    accepted.owner = connection;
    client.send(outgoing, head + (body ?? ''), body === null ? bodyLength : 0);
  });
}

/** The client's end of the connection. */
class ExplainedClient implements TransportOwner {
  received = '';
  /** Whether all bytes of the response have been received. */
  finished = false;
  onReceived: () => void = () => {};
  onFinished: () => void = () => {};
  /** Bytes of the body that are not sent yet. */
  private left = 0;

  /** Sends a text and then `zeros` zero bytes, as fast as the connection accepts them. */
  send(transport: Transport, text: string, zeros: number): void {
    this.left = zeros;
    if (transport.writeText(text)) this.onDrain(transport);
  }

  onDrain(transport: Transport): void {
    while (this.left > 0 && !transport.closing) {
      const length = Math.min(this.left, ZEROS.length);
      this.left -= length;
      if (!transport.writeBorrowed(ZEROS, 0, length)) return;
    }
  }
  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.received += bytes.latin1Slice(0, length);
    this.onReceived();
  }
  onEnd(): void {
    this.finish();
  }
  onClosed(): void {
    this.finish();
  }
  onConnected(): void {}

  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.onFinished();
  }
}

/** Placeholder owner of a transport until its connection is created. */
const NO_OWNER: TransportOwner = {
  onBytes(): void {},
  onEnd(): void {},
  onDrain(): void {},
  onClosed(): void {},
  onConnected(): void {},
};
