/** Runs a request through the real server and client connection code, without a network. */

import type { ErrorLog } from '../logging/error-log.js';
import type { Transport, TransportOwner } from '../net/transport.js';
import type { RoutingTable } from '../program/compiler.js';
import { ClientConnection } from '../server/client-connection.js';
import { Server } from '../server/server.js';
import type { Arrival } from './listener-choice.js';
import { memoryTransport } from './memory-socket.js';
import type { ParsedRequest } from './request-input.js';

/** Timeout in ms for asynchronous handlers (DNS lookup, delay); then the explanation continues without them. */
const HANDLER_TIMEOUT = 10_000;
/** Maximum length of the response body that is kept, in bytes. */
const MAX_BODY = 4096;
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
  { listening, localAddress }: Arrival,
  client: Client,
  errorLog: ErrorLog,
): Promise<Received> {
  const server = new SocketlessServer({ errorLog });
  server.table = table;
  return new Promise((resolve) => {
    let received = '';
    let settled = false;
    const settle = (over: boolean): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      // Include the bytes that are written in this turn of the event loop.
      setImmediate(() => {
        transport.destroy();
        const end = received.indexOf('\r\n\r\n');
        if (end < 0) resolve({ head: received, body: '', over });
        else resolve({ head: received.slice(0, end + 4), body: received.slice(end + 4, end + 4 + MAX_BODY), over });
      });
    };
    const timer = setTimeout(() => settle(false), HANDLER_TIMEOUT);
    server.onOver = () => settle(true);
    const ends = {
      remoteAddress: client.address,
      remotePort: client.port,
      localAddress,
      localPort: listening.port,
    };
    const transport = memoryTransport(ends, NO_OWNER, (bytes) => {
      if (settled) return;
      received += bytes.latin1Slice();
      const end = received.indexOf('\r\n\r\n');
      // The beginning of a long body is enough.
      if (end >= 0 && received.length > end + MAX_BODY) settle(true);
      // If the connection became a tunnel, nothing follows the head.
      setImmediate(() => {
        if (transport.owner !== connection) settle(true);
      });
    });
    const connection = new ClientConnection(transport, server, { listening, table });
    transport.owner = connection;
    void send(transport, head, body, bodyLength);
  });
}

/** Passes the bytes of the request to the connection, respecting its back-pressure. */
async function send(transport: Transport, head: string, body: string | null, length: number): Promise<void> {
  const push = (bytes: Buffer): void => transport.owner.onBytes(transport, bytes, bytes.length);
  push(Buffer.from(head + (body ?? ''), 'latin1'));
  if (body !== null) return;
  for (let left = length; left > 0 && !transport.closed; ) {
    await new Promise((resolve) => setImmediate(resolve));
    if (transport.paused || transport.closed) continue;
    const piece = Math.min(left, ZEROS.length);
    push(ZEROS.subarray(0, piece));
    left -= piece;
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
