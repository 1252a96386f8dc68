/** A viewer of the console: the WebSocket of the feed, from the upgrade to its end. */
import type { RawData, WebSocket } from 'ws';
import {
  type DetailsMessage,
  type ErrorMessage,
  FEED_VERSION,
  type HelloMessage,
  MAX_FEED_PAYLOAD,
  MAX_FRAME_IDS,
  ROW_KINDS,
  type RowKind,
  type SubscribeMessage,
} from '../../console/feed-format.js';
import type { FeedSubscription } from '../../console/feed-settings.js';
import { openFeed, otherWorkers } from '../../console/open-feed.js';
import type { StateMessage } from '../../console/state.js';
import type { DetachedClient } from '../../exchange/client-side.js';
import { now } from '../../net/deadlines.js';
import type { DrainSchedule } from '../../tunnel/drain.js';
import type { UpgradedConnection } from '../../tunnel/upgraded.js';
import { GOING_AWAY, SERVICE_RESTART } from '../../websocket/close-codes.js';
import { type ConsoleSettings, type ConsoleTable, consoleOf, feedSettings, type Viewing } from './context.js';
import { findDetails } from './details.js';
import { statesOf } from './state.js';

/** ms between two pings; a viewer that has not answered by the next one is disconnected. */
const PING_INTERVAL = 20_000;
/** Bytes that wait for a slow viewer above which messages other than rows and hello are left out. */
const MAX_WAITING = 1 << 20;
/** Requests for details that are answered at a time. */
const MAX_QUESTIONS = 8;

type ServerMessage = HelloMessage | StateMessage | DetailsMessage | ErrorMessage;

export class Viewer implements UpgradedConnection, Viewing {
  readonly stats = null;
  private feeds: readonly FeedSubscription[] = [];
  private closing: NodeJS.Timeout | null = null;
  private deadline: NodeJS.Timeout | null = null;
  private readonly pings: NodeJS.Timeout;
  private alive = true;
  private questions = 0;
  private endState = (): void => {};

  constructor(
    private readonly socket: WebSocket,
    private readonly connection: DetachedClient,
    private table: ConsoleTable,
    private readonly settings: ConsoleSettings,
    private readonly ended: () => void,
  ) {
    table.viewers.add(this);
    this.pings = setInterval(() => this.ping(), PING_INTERVAL);
    this.pings.unref();
    socket.on('pong', () => {
      this.alive = true;
    });
    socket.on('message', (data, binary) => this.onMessage(data, binary));
    // The close event follows.
    socket.on('error', () => {});
    socket.once('close', () => this.end());
    this.hello();
    this.watchState();
  }

  get client(): UpgradedConnection['client'] {
    return this.connection.transport;
  }

  private hello(): void {
    const { control, replay, payload } = this.settings;
    const { workers, token } = this.table;
    const { generation } = this.connection.table;
    this.send({
      type: 'hello',
      version: FEED_VERSION,
      generation,
      workers,
      control,
      replay,
      payload,
      token: control ? token : null,
    });
  }

  /** Begins to send overviews of the table. */
  private watchState(): void {
    this.endState();
    const states = statesOf(this.table.compiler.shared);
    if (states !== undefined) this.endState = states.watch((state) => this.send({ type: 'state', ...state }));
  }

  /** Sends a message unless the viewer is slow. Returns whether it was sent. */
  send(message: ServerMessage): boolean {
    const { socket } = this;
    if (socket.readyState !== socket.OPEN) return false;
    if (message.type !== 'hello' && socket.bufferedAmount > MAX_WAITING) return false;
    socket.send(JSON.stringify(message));
    return true;
  }

  private ping(): void {
    if (!this.alive) {
      this.socket.terminate();
      return;
    }
    this.alive = false;
    if (this.socket.readyState === this.socket.OPEN) this.socket.ping();
  }

  // -- messages of the viewer

  private onMessage(data: RawData, binary: boolean): void {
    const message = binary ? null : parsed(data);
    if (isSubscribe(message)) this.subscribe(message);
    else if (isDetails(message)) void this.answerDetails(message.id);
    else this.send({ type: 'error', message: 'invalid message' });
  }

  private subscribe({ kinds, frames, payload }: SubscribeMessage): void {
    const settings = feedSettings(this.settings, { kinds, frames, payload: Math.floor(payload) });
    if (this.feeds.length > 0) {
      for (const feed of this.feeds) feed.configure(settings);
      return;
    }
    const { tap, tunnels } = this.table;
    const deliver = (rows: Uint8Array): Promise<unknown> => this.deliver(rows);
    const others = otherWorkers.get(tap)?.subscribe(settings, deliver);
    const own = openFeed(tap, () => tunnels, settings, deliver);
    this.feeds = others === undefined ? [own] : [own, others];
  }

  /** Settles when the viewer can take more. */
  private deliver(rows: Uint8Array): Promise<unknown> {
    const { socket } = this;
    if (socket.readyState !== socket.OPEN) return Promise.resolve();
    return new Promise((resolve) => socket.send(rows, { binary: true }, resolve));
  }

  private async answerDetails(id: string): Promise<void> {
    if (this.questions >= MAX_QUESTIONS) {
      this.send({ type: 'error', message: 'too many concurrent requests for details' });
      return;
    }
    this.questions++;
    try {
      this.send({ type: 'details', id, request: await findDetails(this.table, id, this.settings.redaction) });
    } finally {
      this.questions--;
    }
  }

  // -- as an upgraded connection

  configure(): void {
    const next = consoleOf(this.connection.table.shared);
    if (next === undefined || next === this.table) return;
    // The viewer continues in a new table in which the settings of its location are the same.
    this.table.viewers.delete(this);
    this.table = next;
    next.viewers.add(this);
    this.hello();
    this.watchState();
  }

  closeGracefully(code: number, reason: string): void {
    this.drain({ code, reason, at: now(), deadline: now() + 5000 });
  }

  drain({ code, reason = '', at, deadline }: DrainSchedule): void {
    if (this.closing !== null) return;
    const close = (): void => {
      this.socket.close(code, reason);
    };
    this.closing = setTimeout(close, Math.max(0, at - now()));
    // Timers of Node are limited to 24 days.
    if (deadline - now() < 1e9)
      this.deadline = setTimeout(() => this.socket.terminate(), Math.max(0, deadline - now()));
  }

  cancelDrain(): boolean {
    const { closing, socket } = this;
    if (closing === null || socket.readyState !== socket.OPEN) return false;
    clearTimeout(closing);
    if (this.deadline !== null) clearTimeout(this.deadline);
    this.closing = null;
    this.deadline = null;
    return true;
  }

  stop(): void {
    this.socket.close(GOING_AWAY);
    this.socket.terminate();
  }

  superseded(): void {
    const { table } = this;
    // Viewers whose location has the same settings have moved by then.
    setImmediate(() => {
      if (this.table === table) this.closeGracefully(SERVICE_RESTART, 'the configuration has changed');
    });
  }

  private end(): void {
    clearInterval(this.pings);
    if (this.closing !== null) clearTimeout(this.closing);
    if (this.deadline !== null) clearTimeout(this.deadline);
    this.table.viewers.delete(this);
    this.endState();
    for (const feed of this.feeds) feed.end();
    this.feeds = [];
    this.ended();
  }
}

function parsed(data: RawData): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isSubscribe(value: unknown): value is SubscribeMessage {
  if (!isRecord(value) || value.type !== 'subscribe') return false;
  const { kinds, frames, payload } = value;
  return (
    Array.isArray(kinds) &&
    kinds.every((kind) => ROW_KINDS.includes(kind as RowKind)) &&
    (frames === 'all' || frames === 'none' || isIds(frames)) &&
    typeof payload === 'number' &&
    payload >= 0 &&
    payload <= MAX_FEED_PAYLOAD
  );
}

function isIds(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= MAX_FRAME_IDS && value.every((id) => typeof id === 'string');
}

function isDetails(value: unknown): value is { readonly id: string } {
  return isRecord(value) && value.type === 'details' && typeof value.id === 'string';
}
