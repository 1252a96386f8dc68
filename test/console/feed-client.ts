/** A viewer of the console for tests, with the messages and rows of its feed. */
import { WebSocket } from 'ws';
import type { DetailsMessage, FeedRow, HelloMessage, SubscribeMessage } from '../../src/console/feed-format.js';
import { decodeRows } from '../../src/console/row-decoder.js';
import { until } from '../kit/index.js';

export const PROTOCOL = 'tsproxy.console.1';

type Row<T extends FeedRow['type']> = Extract<FeedRow, { type: T }>;

export interface FeedOptions {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class FeedClient {
  readonly rows: FeedRow[] = [];
  readonly messages: ({ readonly type: string } & Record<string, unknown>)[] = [];
  /** Settles with the close code. */
  readonly closed: Promise<number>;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data, binary) => {
      if (binary) this.rows.push(...decodeRows(data as Buffer));
      else this.messages.push(JSON.parse(String(data)));
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.once('close', resolve));
  }

  /** A viewer whose WebSocket is open, and has received nothing yet. */
  static over(socket: WebSocket): FeedClient {
    return new FeedClient(socket);
  }

  /** Rejects if the handshake fails. */
  static open(port: number, { path = '/console/feed', headers = {} }: FeedOptions = {}): Promise<FeedClient> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, PROTOCOL, { headers, perMessageDeflate: false });
      const client = new FeedClient(socket);
      socket.once('open', () => resolve(client));
      socket.once('error', reject);
    });
  }

  /** Opens a feed with a subscription. */
  static async watch(
    port: number,
    wanted: Partial<SubscribeMessage> = {},
    options: FeedOptions = {},
  ): Promise<FeedClient> {
    const client = await FeedClient.open(port, options);
    client.subscribe(wanted);
    return client;
  }

  subscribe({ kinds = ['http', 'websocket', 'sse'], frames = 'all', payload = 1024 }: Partial<SubscribeMessage>): void {
    this.socket.send(JSON.stringify({ type: 'subscribe', kinds, frames, payload }));
  }

  async message<M = HelloMessage>(type: string): Promise<M> {
    await until(`a message "${type}"`, () => this.messages.some((message) => message.type === type));
    return this.messages.find((message) => message.type === type) as M;
  }

  /** Details of a request. */
  async details(id: string): Promise<DetailsMessage['request']> {
    const isAnswer = (message: { readonly type: string; readonly id?: unknown }): boolean =>
      message.type === 'details' && message.id === id;
    const before = this.messages.filter(isAnswer).length;
    this.socket.send(JSON.stringify({ type: 'details', id }));
    await until(`details of ${id}`, () => this.messages.filter(isAnswer).length > before);
    return (this.messages.filter(isAnswer).at(-1) as unknown as DetailsMessage).request;
  }

  of<T extends FeedRow['type']>(type: T): Row<T>[] {
    return this.rows.filter((row): row is Row<T> => row.type === type);
  }

  /** Waits for rows of a type. */
  async first<T extends FeedRow['type']>(type: T, count = 1): Promise<Row<T>[]> {
    await until(`${count} rows "${type}"`, () => this.of(type).length >= count);
    return this.of(type);
  }

  /** Waits until a request with that target has ended; returns its two rows. */
  async exchange(target: string): Promise<{ readonly request: Row<'request'>; readonly response: Row<'response'> }> {
    let found: { readonly request: Row<'request'>; readonly response: Row<'response'> } | undefined;
    await until(`the end of ${target}`, () => {
      const request = this.of('request').find((row) => row.target === target);
      const response = this.of('response').find((row) => row.id === request?.id);
      if (request !== undefined && response !== undefined) found = { request, response };
      return found !== undefined;
    });
    return found as NonNullable<typeof found>;
  }

  /** Sender, opcode, and payload of the frames. */
  get frames(): string[] {
    return this.of('frame').map(
      ({ from, opcode, payload, withheld }) => `${from} ${opcode} ${withheld ?? Buffer.from(payload ?? []).toString()}`,
    );
  }

  close(): Promise<number> {
    this.socket.close();
    return this.closed;
  }
}
