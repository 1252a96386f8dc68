/** The place where a request is handled: the real server and a real connection, over no network. */
import type { RoutingTable } from '../exchange/compiler.js';
import type { ErrorLog } from '../exchange/error-log.js';
import type { Transport, TransportOwner } from '../http/transport.js';
import { ClientConnection } from '../server/client-connection.js';
import { Server } from '../server/server.js';
import type { Arrival } from './listener-choice.js';
import { memoryTransport } from './memory-socket.js';
import type { PlainRequest } from './request-input.js';

/** ms for which a handler may wait (for a name, for its turn) before the explanation goes on without it. */
const PATIENCE = 10_000;
/** How much of an answer's body is of interest. */
const BODY_MAX = 4096;
const PIECE = Buffer.alloc(65536);

/** A server that listens on nothing and tells when an exchange is over. */
class Stage extends Server {
  over: () => void = () => {};

  /** Nothing listens, and yet a connection would be kept. */
  override keeps(): boolean {
    return true;
  }

  override released(table: RoutingTable): void {
    super.released(table);
    this.over();
  }
}

/** What the client got. */
export interface Received {
  /** Empty where the connection was closed without an answer. */
  readonly head: string;
  readonly body: string;
  /** The request was over in time. */
  readonly over: boolean;
}

/** Where the client is. */
export interface Client {
  readonly address: string;
  readonly port: number;
}

/** Has a request handled by a table; resolves when it is over, or nothing more is to be expected. */
export function perform(
  table: RoutingTable,
  { head, body, bodyLength }: PlainRequest,
  { listening, localAddress }: Arrival,
  client: Client,
  errorLog: ErrorLog,
): Promise<Received> {
  const stage = new Stage({ errorLog });
  stage.table = table;
  return new Promise((resolve) => {
    let received = '';
    let settled = false;
    const settle = (over: boolean): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      // What is written in this turn still arrives.
      setImmediate(() => {
        transport.destroy();
        const end = received.indexOf('\r\n\r\n');
        if (end < 0) resolve({ head: received, body: '', over });
        else resolve({ head: received.slice(0, end + 4), body: received.slice(end + 4, end + 4 + BODY_MAX), over });
      });
    };
    const timer = setTimeout(() => settle(false), PATIENCE);
    stage.over = () => settle(true);
    const ends = {
      remoteAddress: client.address,
      remotePort: client.port,
      localAddress,
      localPort: listening.port,
    };
    const transport = memoryTransport(ends, NOBODY, (bytes) => {
      if (settled) return;
      received += bytes.latin1Slice();
      const end = received.indexOf('\r\n\r\n');
      // Of a long body the beginning is enough.
      if (end >= 0 && received.length > end + BODY_MAX) settle(true);
      // A head behind which the connection becomes a tunnel is all that there is.
      setImmediate(() => {
        if (transport.owner !== connection) settle(true);
      });
    });
    const connection = new ClientConnection(transport, stage, { listening, table });
    transport.owner = connection;
    void send(transport, head, body, bodyLength);
  });
}

/** Puts the bytes of the request to the connection, as fast as it takes them. */
async function send(transport: Transport, head: string, body: string | null, length: number): Promise<void> {
  const give = (bytes: Buffer): void => transport.owner.onBytes(transport, bytes, bytes.length);
  give(Buffer.from(head + (body ?? ''), 'latin1'));
  if (body !== null) return;
  for (let left = length; left > 0 && !transport.closed; ) {
    await new Promise((resolve) => setImmediate(resolve));
    if (transport.paused || transport.closed) continue;
    const piece = Math.min(left, PIECE.length);
    give(PIECE.subarray(0, piece));
    left -= piece;
  }
}

/** Owns a transport until its connection is made. */
const NOBODY: TransportOwner = {
  onBytes(): void {},
  onEnd(): void {},
  onDrain(): void {},
  onClosed(): void {},
  onConnected(): void {},
};
