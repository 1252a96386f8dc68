/** `websocket_mirror`: copies of messages to another WebSocket server, whose messages are ignored. */
import net from 'node:net';
import type { WebSocket } from 'ws';
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import type { Upstream } from '../../upstream/upstream.js';
import type { Message, MessageHandler } from '../../websocket/message-handler.js';

/** Bytes of copies that wait for the mirror; further ones are dropped. */
const MAX_WAITING = 262_144;
/** ms for the mirror to accept the connection. */
const HANDSHAKE_TIMEOUT = 10_000;
/** Largest message of the mirror, bytes; it is ignored. */
const MAX_PAYLOAD = 1_048_576;

let ws: typeof import('ws') | null = null;

/** Loads the WebSocket client. */
export async function loadMirror(): Promise<void> {
  ws ??= await import('ws');
}

export interface MirrorTarget {
  /** `ws://` or `wss://`. */
  readonly url: string;
  /** Upstream of that name; undefined: the host is an address or a name. */
  readonly upstream: Upstream | undefined;
}

/** Number of connections so far: they are distributed over an upstream's servers in turn. */
let opened = 0;

/** Socket to the next server of an upstream that is not down; undefined: none is available. */
function connectTo(upstream: Upstream): net.Socket | undefined {
  const peers = upstream.servers.flatMap((server) => server.peers).filter(({ down }) => !down);
  const address = peers[opened++ % Math.max(1, peers.length)]?.address;
  if (address === undefined) return undefined;
  return 'path' in address ? net.connect(address.path) : net.connect(address.port, address.host);
}

/** The messages of one WebSocket, in both directions if both are mirrored. */
export class Mirror implements MessageHandler {
  private readonly socket: WebSocket | null;
  /** Copies that wait until the connection is open. */
  private waiting: { readonly data: Buffer; readonly binary: boolean }[] = [];
  private waitingBytes = 0;
  private failed = false;
  private dropped = 0;

  constructor(
    private readonly x: Exchange,
    private readonly target: MirrorTarget,
  ) {
    this.socket = this.open();
  }

  handle({ data, binary }: Message): null {
    const { socket } = this;
    if (socket === null || this.failed) return null;
    const isOpen = socket.readyState === socket.OPEN;
    if ((isOpen ? socket.bufferedAmount : this.waitingBytes) + data.length > MAX_WAITING) {
      if (this.dropped++ === 0) this.log('queue is full, dropping messages');
      return null;
    }
    const copy = Buffer.from(data);
    if (isOpen) socket.send(copy, { binary });
    else {
      this.waiting.push({ data: copy, binary });
      this.waitingBytes += copy.length;
    }
    return null;
  }

  dispose(): void {
    if (this.dropped > 1) this.log(`${this.dropped} messages were dropped`);
    this.failed = true;
    this.waiting = [];
    // Before the handshake is complete, `close` emits an error, which `failed` suppresses.
    this.socket?.close(1000);
  }

  private open(): WebSocket | null {
    const { upstream, url } = this.target;
    if (ws === null) return null;
    const socket = new ws.WebSocket(url, {
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT,
      maxPayload: MAX_PAYLOAD,
      ...(upstream !== undefined && { createConnection: () => connectTo(upstream) as net.Socket }),
    });
    socket.on('open', () => {
      const { waiting } = this;
      this.waiting = [];
      this.waitingBytes = 0;
      for (const { data, binary } of waiting) socket.send(data, { binary });
    });
    socket.on('error', (error) => this.fail(error.message));
    socket.on('close', (code) => this.fail(`connection closed with code ${code}`));
    return socket;
  }

  private fail(reason: string): void {
    if (this.failed) return;
    this.failed = true;
    this.waiting = [];
    this.log(reason);
  }

  private log(what: string): void {
    logError(this.x, 'warn', `mirror ${this.target.url}: ${what}`);
  }
}
