/** The connection to the feed, which is opened again when it is lost. */
import {
  type DetailsMessage,
  type ErrorMessage,
  FEED_PROTOCOL,
  type FeedRow,
  type HelloMessage,
  type RequestDetails,
  ROW_KINDS,
  type SubscribeMessage,
  type ViewerMessage,
} from '../feed-format.js';
import { decodeRows } from '../row-decoder.js';
import type { StateMessage } from '../state.js';
import { urlOf } from './url.js';

/** Bytes of each payload that the page requests. */
const PAYLOAD = 1 << 20;
/** Delay before the connection is opened again, ms: minimum and maximum. */
const FIRST_DELAY = 500;
const MAX_DELAY = 5000;

type ServerMessage = HelloMessage | StateMessage | DetailsMessage | ErrorMessage;

export type ConnectionState = 'connecting' | 'open' | 'lost';

export interface FeedReceiver {
  rows(rows: readonly FeedRow[]): void;
  state(state: StateMessage): void;
  hello(hello: HelloMessage): void;
  /** The connection has been opened, or lost. */
  changed(state: ConnectionState): void;
}

export class Connection {
  private socket: WebSocket | null = null;
  private delay = FIRST_DELAY;
  private frames: SubscribeMessage['frames'] = 'none';
  private readonly waiting = new Map<string, ((details: RequestDetails | null) => void)[]>();

  constructor(private readonly receiver: FeedReceiver) {}

  open(): void {
    const url = urlOf('feed');
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, FEED_PROTOCOL);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    socket.addEventListener('open', () => {
      this.delay = FIRST_DELAY;
      this.subscribe();
      this.receiver.changed('open');
    });
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') this.received(JSON.parse(data) as ServerMessage);
      else this.receiver.rows(decodeRows(new Uint8Array(data as ArrayBuffer)));
    });
    socket.addEventListener('close', () => this.lost());
  }

  private lost(): void {
    this.socket = null;
    for (const answers of this.waiting.values()) for (const answer of answers) answer(null);
    this.waiting.clear();
    this.receiver.changed('lost');
    setTimeout(() => {
      this.receiver.changed('connecting');
      this.open();
    }, this.delay);
    this.delay = Math.min(MAX_DELAY, this.delay * 2);
  }

  private received(message: ServerMessage): void {
    switch (message.type) {
      case 'hello':
        this.receiver.hello(message);
        break;
      case 'state':
        this.receiver.state(message);
        break;
      case 'details': {
        const answers = this.waiting.get(message.id) ?? [];
        this.waiting.delete(message.id);
        for (const answer of answers) answer(message.request);
        break;
      }
      case 'error':
        console.warn(`feed: ${message.message}`);
    }
  }

  private send(message: ViewerMessage): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Subscribes to the frames and events of these WebSockets and event streams. */
  watch(frames: SubscribeMessage['frames']): void {
    this.frames = frames;
    this.subscribe();
  }

  private subscribe(): void {
    this.send({ type: 'subscribe', kinds: ROW_KINDS, frames: this.frames, payload: PAYLOAD });
  }

  /** Details of a request; null if there are none. */
  details(id: string): Promise<RequestDetails | null> {
    return new Promise((resolve) => {
      const answers = this.waiting.get(id);
      if (answers !== undefined) answers.push(resolve);
      else if (this.send({ type: 'details', id })) this.waiting.set(id, [resolve]);
      else resolve(null);
    });
  }
}
