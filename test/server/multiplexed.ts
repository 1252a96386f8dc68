/**
 * A protocol with concurrent streams on one connection, as HTTP/2 has them: proves that routing and the engine depend on
 * `RequestHead` and `ClientSide` only. Requests are lines `<stream> <method> <target> <authority>`, or `<stream> cancel`.
 * Responses are lines `<stream> head <status>`, `<stream> data <length>` followed by that many bytes, `<stream> end` and
 * `<stream> reset`.
 */

import { BodilessClient } from '../../src/exchange/bodiless-client.js';
import { ClientInfo } from '../../src/exchange/client-info.js';
import { clientLeft } from '../../src/exchange/client-loss.js';
import type { ClientSide } from '../../src/exchange/client-side.js';
import type { Connection, ConnectionHost } from '../../src/exchange/connection.js';
import {
  CLOSING,
  type ConnectionCounts,
  CountedState,
  WAITING,
  WRITING,
} from '../../src/exchange/connection-counts.js';
import { HttpExchange } from '../../src/exchange/exchange.js';
import { admitRequest, routeTarget, routeWithoutHost } from '../../src/exchange/request-routing.js';
import { HeaderBlock } from '../../src/http/header-block.js';
import type { RequestHead } from '../../src/http/request-head.js';
import type { Accepted } from '../../src/net/accept-step.js';
import { now, type Timed, unwatch, watch } from '../../src/net/deadlines.js';
import type { Transport } from '../../src/net/transport.js';
import type { Chunk } from '../../src/program/body.js';
import { type Arrived, ConfigLease } from '../../src/program/config-lease.js';

function headOf(method: string, target: string, authority: string): RequestHead {
  return {
    method,
    requestLine: `${method} ${target} HTTP/2.0`,
    target,
    query: target.indexOf('?'),
    complex: /%|\/[./]/.test(target),
    emptyPath: false,
    authority,
    version: 20,
    headers: new HeaderBlock(),
    contentLength: 0,
  };
}

class Stream extends BodilessClient implements ClientSide {
  readonly exchange: HttpExchange;
  readonly lease: ConfigLease;
  readonly requestLength = 0;
  readonly requests: number;
  bytesSent = 0;
  bodyBytesSent = 0;
  private over = false;

  constructor(
    readonly number: string,
    private readonly connection: MultiplexedConnection,
    head: RequestHead,
  ) {
    super();
    this.requests = ++connection.requests;
    this.lease = new ConfigLease(connection.host, connection.arrived, this.localAddress);
    this.lease.acquire();
    const { table, program } = this.lease;
    this.exchange = new HttpExchange(this, head.headers, program, table.slots());
    this.exchange.generation = table.generation;
    this.exchange.startTime = Date.now();
  }

  start(head: RequestHead): void {
    const { exchange: x } = this;
    const { program } = this.lease;
    let refusal = routeTarget(x, head, program);
    routeWithoutHost(x, program);
    refusal ??= admitRequest(x, head);
    if (refusal === null) x.start();
    else x.finalize(refusal.status);
  }

  get counts(): ConnectionCounts {
    return this.connection.host.counts;
  }
  get closed(): boolean {
    return this.over || this.connection.closed;
  }
  get id(): number {
    return this.connection.info.id;
  }
  get remoteAddress(): string {
    return this.connection.info.remoteAddress;
  }
  get remotePort(): number {
    return this.connection.info.remotePort;
  }
  get localAddress(): string {
    return this.connection.info.localAddress;
  }
  get localPort(): number {
    return this.connection.info.localPort;
  }
  get unixPath(): string | null {
    return this.connection.info.unixPath;
  }
  get accepted(): Accepted | null {
    return this.connection.info.accepted;
  }
  get secure(): boolean {
    return this.connection.info.secure;
  }
  get since(): number {
    return this.connection.info.since;
  }

  private send(text: string): boolean {
    this.bytesSent += text.length;
    return this.connection.transport.writeText(`${this.number} ${text}`);
  }
  sendHead(x: HttpExchange): void {
    this.send(`head ${x.response.status}\n`);
  }
  write(chunk: Chunk): boolean {
    if (this.closed || chunk.length === 0) return true;
    this.bodyBytesSent += chunk.length;
    return this.send(`data ${chunk.length}\n${typeof chunk === 'string' ? chunk : chunk.latin1Slice()}`);
  }
  cork(): void {}
  uncork(): void {}

  end(completed: boolean): void {
    if (completed) this.send('end\n');
    else if (!this.connection.closed) this.send('reset\n');
    this.exchange.finish();
  }
  released(): void {
    this.over = true;
    this.lease.release();
    this.connection.streamReleased(this);
  }
}

export class MultiplexedConnection implements Connection, Timed {
  deadline = 0;
  deadlineIndex = -1;
  usedAt: number;
  moved = false;
  before: Connection | null = null;
  after: Connection | null = null;
  requests = 0;
  readonly info: ClientInfo;
  private readonly streams = new Map<string, Stream>();
  private readonly counted: CountedState;
  private readonly lease: ConfigLease;
  private received = '';
  private draining = false;

  constructor(
    readonly transport: Transport,
    readonly host: ConnectionHost,
    readonly arrived: Arrived,
    accepted: Accepted | null,
  ) {
    this.info = new ClientInfo(transport, arrived.listening.path, accepted);
    this.lease = new ConfigLease(host, arrived, this.info.localAddress);
    this.counted = new CountedState(host.counts);
    this.counted.set(WAITING);
    watch(this);
    this.usedAt = now();
  }

  get closed(): boolean {
    return this.transport.closed;
  }
  get idle(): boolean {
    return this.received === '' && this.streams.size === 0;
  }

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.received += bytes.latin1Slice(0, length);
    const lines = this.received.split('\n');
    this.received = lines.pop() ?? '';
    for (const line of lines) {
      const [number = '', method = '', target = '', authority = ''] = line.split(' ');
      const open = this.streams.get(number);
      if (method === 'cancel') {
        if (open !== undefined) clientLeft(open.exchange, null);
        continue;
      }
      const head = headOf(method, target, authority);
      const stream = new Stream(number, this, head);
      this.streams.set(number, stream);
      this.counted.reading();
      this.counted.set(WRITING);
      stream.start(head);
    }
  }

  onDrain(): void {
    for (const { exchange } of this.streams.values()) exchange.producer?.resume();
  }

  streamReleased(stream: Stream): void {
    this.streams.delete(stream.number);
    if (this.streams.size > 0 || this.closed) return;
    this.counted.set(WAITING);
    this.usedAt = now();
    this.moved = true;
    if (this.draining) this.transport.destroySoon();
  }

  drain(): void {
    this.draining = true;
    if (!this.idle) return;
    if (this.requests > 0) this.transport.destroySoon();
    else {
      this.lease.reserve();
      this.deadline = now() + 2000;
    }
  }
  destroy(): void {
    this.transport.destroy();
  }
  timedOut(): void {
    this.destroy();
  }
  onEnd(): void {
    this.transport.destroySoon();
  }
  onConnected(): void {}
  onClosed(_transport: Transport, error: NodeJS.ErrnoException | null): void {
    unwatch(this);
    for (const { exchange } of [...this.streams.values()]) clientLeft(exchange, error);
    this.counted.set(CLOSING);
    this.lease.release();
    this.host.forget(this);
  }
}
