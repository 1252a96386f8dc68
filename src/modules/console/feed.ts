/** `GET feed` of the console: upgrades to the WebSocket of the feed, which ends in this process. */
import type { WebSocket } from 'ws';
import { FEED_PROTOCOL } from '../../console/feed-format.js';
import { httpExchange } from '../../exchange/exchange.js';
import { TransportStream } from '../../net/transport-stream.js';
import type { Exchange } from '../../program/exchange.js';
import { DONE, type Verdict } from '../../program/verdict.js';
import { UpgradedExchange } from '../../tunnel/upgraded.js';
import { acceptOf, checkRequest, membersOf, namesWebSocket, requestedProtocols } from '../../websocket/handshake.js';
import type { ConsoleSettings, ConsoleTable } from './context.js';
import { Viewer } from './viewer.js';

/** Viewers of a worker. */
const MAX_VIEWERS = 64;
/** Longest message of a viewer, bytes. */
const MAX_MESSAGE = 64 << 10;
/** Limits: frames of a message, buffered pieces of a frame, and queued pongs for a slow viewer. */
const MAX_FRAGMENTS = 1024;
const MAX_PIECES = 4096;
const MAX_PONGS = 60;
/** Timeout of the closing handshake, ms. */
const CLOSE_TIMEOUT = 5000;

/** Part of `ws` that its type declarations omit: the server's side of a WebSocket whose handshake is complete. */
interface ServerWebSocket extends WebSocket {
  setSocket(
    socket: TransportStream,
    head: Buffer,
    options: {
      readonly allowSynchronousEvents: boolean;
      readonly maxBufferedChunks: number;
      readonly maxFragments: number;
      readonly maxPayload: number;
      readonly skipUTF8Validation: boolean;
    },
  ): void;
}

let ServerSocket: (new (address: null, protocols: undefined, options: object) => ServerWebSocket) | null = null;

/** Loads the WebSocket library. */
export async function loadFeed(): Promise<void> {
  ServerSocket ??= (await import('ws')).WebSocket as unknown as typeof ServerSocket;
}

/** The tunnels without an upstream are those of viewers. */
const NO_TARGET = { upstream: '', address: '' };

/** Handles a request for the feed, whose origin has been checked. */
export function sendFeed(x: Exchange, table: ConsoleTable, settings: ConsoleSettings): Verdict {
  const { headers, response } = x;
  if (!namesWebSocket(headers) || requestedProtocols(headers).length === 0) {
    response.set('Upgrade', 'websocket');
    return 426;
  }
  const refusal = checkRequest(x.method, headers);
  if (refusal !== null) {
    if (refusal.status === 426) response.set('Sec-WebSocket-Version', '13');
    return refusal.status;
  }
  const protocols = headers.all('sec-websocket-protocol').flatMap(membersOf);
  if (!protocols.includes(FEED_PROTOCOL)) return 400;
  if (table.viewers.size >= MAX_VIEWERS) return 503;
  open(x, table, settings);
  return DONE;
}

function open(x: Exchange, table: ConsoleTable, settings: ConsoleSettings): void {
  const { response } = x;
  response.status = 101;
  response.set('Upgrade', 'websocket');
  response.set('Sec-WebSocket-Accept', acceptOf(x.headers.get('sec-websocket-key') ?? ''));
  response.set('Sec-WebSocket-Protocol', FEED_PROTOCOL);
  const engine = httpExchange(x);
  engine.tunnelled = true;
  if (!engine.sendHead(false)) return;
  const client = engine.client.detach();
  if (client === null || ServerSocket === null) {
    engine.finish();
    return;
  }
  const { transport } = client;
  const stream = new TransportStream((owner) => {
    transport.owner = owner;
    return transport;
  });
  const socket = new ServerSocket(null, undefined, {
    autoPong: true,
    maxPendingAutoPongs: MAX_PONGS,
    closeTimeout: CLOSE_TIMEOUT,
  });
  socket.setSocket(stream, Buffer.from(client.early), {
    allowSynchronousEvents: true,
    maxBufferedChunks: MAX_PIECES,
    maxFragments: MAX_FRAGMENTS,
    maxPayload: MAX_MESSAGE,
    skipUTF8Validation: false,
  });
  if (client.peerEnded) stream.push(null);
  const viewer = new Viewer(socket, client, table, settings, () => {
    table.tunnels.delete(upgraded);
    client.ended(true);
  });
  const upgraded = new UpgradedExchange(engine, client, viewer, NO_TARGET, true);
  table.tunnels.add(upgraded);
}
