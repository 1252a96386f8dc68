/**
 * A client's HTTP/1 connection: reads heads, has its stream handle one exchange at a time, and keeps or closes the
 * connection. Pipelined requests stay in the input buffer until the previous response is complete.
 *
 * The states and their transitions are drawn in docs/states.md.
 */
import { formatAddress } from '../config/address.js';
import { notifyClientClosed } from '../exchange/client-bound.js';
import { ClientInfo } from '../exchange/client-info.js';
import type { DetachedClient } from '../exchange/client-side.js';
import type { Connection, ConnectionHost } from '../exchange/connection.js';
import { CLOSING, type ConnectionCounts, CountedState, WAITING, WRITING } from '../exchange/connection-counts.js';
import type { HttpExchange } from '../exchange/exchange.js';
import type { ConnectionDescription } from '../exchange/open-connections.js';
import { TunnelledClient } from '../exchange/tunnelled-client.js';
import type { Accepted } from '../net/accept-step.js';
import { now } from '../net/deadlines.js';
import type { Transport } from '../net/transport.js';
import { type Arrived, ConfigLease } from '../program/config-lease.js';
import type { LocationSettings } from '../program/settings.js';
import { ClientTimeouts, NOTHING, TIMED_OUT, type TimeoutOwner } from './client-timeouts.js';
import { InputBuffer, type InputConsumer } from './input-buffer.js';
import { expectsContinue, logReading, refuseRequest } from './request-checks.js';
import { RequestIntake } from './request-intake.js';
import { COMPLETE, MORE } from './request-reader.js';
import { Http1Stream, type StreamConnection } from './server-stream.js';
import { CLOSED_BY_CLIENT, logReset, logUnused } from './unused-connection.js';

// Connection state; also determines which timeout the deadline stands for.
const IDLE = 0;
const READING_HEAD = 1;
const HANDLING = 2;
const LINGERING = 3;
const TUNNEL = 4;
const CLOSED = 5;

/** Maximum bytes of a head converted to text at once, so that a body behind it is not converted. */
const MAX_HEAD_CHUNK = 4096;

/** Statuses of rejected heads after which more data is expected from the client. */
const MORE_DATA_EXPECTED: ReadonlySet<number> = new Set([414, 494, 503]);

export class Http1Connection implements Connection, InputConsumer, StreamConnection, TimeoutOwner {
  usedAt: number;
  moved = false;
  before: Connection | null = null;
  after: Connection | null = null;
  peerEnded = false;
  readonly info: ClientInfo;
  readonly input: InputBuffer;
  readonly timeouts: ClientTimeouts;
  private readonly stream: Http1Stream;
  private readonly intake: RequestIntake;
  private readonly lease: ConfigLease;
  private readonly counted: CountedState;
  private state = READING_HEAD;
  private readonly openedAt: number;
  private lastSettings: LocationSettings | null = null;
  /** Whether the deadline for the current head is set. */
  private headTimed = true;
  /** Whether one of the client timeouts has expired. */
  private timeoutExpired = false;

  constructor(
    readonly transport: Transport,
    private readonly host: ConnectionHost,
    readonly arrived: Arrived,
    accepted: Accepted | null,
  ) {
    this.info = new ClientInfo(transport, arrived.listening.path, accepted);
    this.counted = new CountedState(host.counts);
    this.counted.set(WAITING);
    this.lease = new ConfigLease(host, arrived, this.info.localAddress, accepted);
    this.input = new InputBuffer(transport, this);
    this.timeouts = new ClientTimeouts(transport, this);
    this.stream = new Http1Stream(this);
    this.intake = new RequestIntake(this.stream, this.lease);
    this.openedAt = now(); // the clock only runs while something is watched
    this.usedAt = this.openedAt;
    this.timeouts.waitForHead(this.openedAt, this.lease.program.defaultServer.clientHeaderTimeout);
  }

  get counts(): ConnectionCounts {
    return this.host.counts;
  }
  get requests(): number {
    return this.stream.requests;
  }
  get closed(): boolean {
    return this.state === CLOSED;
  }
  get age(): number {
    return now() - this.openedAt;
  }
  get headRoom(): number {
    return this.intake.reader.bufferRoom;
  }
  get keeps(): boolean {
    return this.host.keeps(this.arrived);
  }

  get settings(): LocationSettings {
    return (
      this.stream.exchange?.location.settings ?? this.lastSettings ?? this.lease.program.defaultServer.base.settings
    );
  }

  // -- as seen by the server

  get idle(): boolean {
    return !this.input.unread && (this.state === IDLE || (this.state === READING_HEAD && this.intake.reader.idle));
  }

  drain(): void {
    if (this.state === IDLE && !this.input.unread) this.transport.destroySoon();
    else if (this.idle) {
      this.lease.reserve();
      this.timeouts.expectSoon();
    } else if (this.state === HANDLING) this.lease.reserve();
  }

  destroy(): void {
    this.transport.destroy();
  }

  describe(): ConnectionDescription {
    const { info, state } = this;
    const x = state === HANDLING || state === TUNNEL ? this.stream.exchange : null;
    const states = ['idle', this.idle ? 'idle' : 'reading', 'handling', 'closing', 'tunnel', 'closing'] as const;
    const { id, since, remoteAddress: ip, remotePort, localAddress, localPort, unixPath } = info;
    return {
      id,
      client: unixPath === null ? formatAddress({ host: ip, port: remotePort }) : ip,
      local: unixPath === null ? formatAddress({ host: localAddress, port: localPort }) : localAddress,
      since,
      requests: this.requests,
      state: states[state as 0],
      request: x && { method: x.method, host: x.host, target: x.target, location: x.location.name },
    };
  }

  // -- bytes from the client

  onConnected(): void {}

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.input.receive(bytes, length);
  }

  get blocked(): boolean {
    return this.stream.body.full;
  }

  consume(): boolean {
    const { state, input, timeouts } = this;
    if (state === IDLE || state === READING_HEAD) this.readHead();
    else if (state === HANDLING && this.stream.body.consumable) this.stream.consumeBody();
    else if (state === LINGERING) {
      input.start = input.end;
      if (timeouts.waitingFor === NOTHING) timeouts.extendLingering();
    } else return false;
    return true;
  }

  /** If the client has already sent FIN, all data received before it (including pipelined requests) is now consumed. */
  pushbackConsumed(): void {
    if (!this.peerEnded) return;
    const { body } = this.stream;
    if (this.state === IDLE || this.state === READING_HEAD) this.onEnd();
    else if (this.state === HANDLING && !body.done && body.sink !== null) body.cut();
  }

  private readHead(): void {
    const { intake, input, timeouts } = this;
    const { reader } = intake;
    if (reader.idle) this.lease.rebind();
    this.counted.reading();
    if (this.state === IDLE) {
      this.state = READING_HEAD;
      this.headTimed = false;
    } else if (this.requests === 0) {
      timeouts.waitForHead(this.openedAt, this.lease.program.defaultServer.clientHeaderTimeout);
    }
    const before = reader.receivedLength;
    const end = Math.min(input.end, input.start + MAX_HEAD_CHUNK);
    const result = intake.feed(input.chunk.latin1Slice(input.start, end));
    if (result === MORE) {
      input.start = end;
      if (!this.headTimed && end === input.end) {
        // Set once, by the server selected after all initially available bytes are read.
        this.headTimed = true;
        timeouts.waitForHead(now(), intake.server.clientHeaderTimeout);
      }
      return;
    }
    // Empty lines before a request line are not part of the reader's length.
    const skipped = before + (end - input.start) - reader.receivedLength;
    input.start = result === COMPLETE ? input.start + skipped + reader.length - before : end;
    this.begin(result);
  }

  /** Starts handling the request whose head was read with this result. */
  private begin(result: number): void {
    const { intake } = this;
    const { body } = this.stream;
    const x = this.open();
    const refusal = intake.refusal(result, x);
    if (refusal !== null) {
      this.stream.keep = false;
      refuseRequest(x, refusal, intake.reader);
      return;
    }
    if (x.contentLength !== 0) body.begin(x, x.contentLength);
    body.expectContinue = expectsContinue(x);
    x.start();
  }

  /** Makes the (possibly partial) request the current exchange. */
  private open(): HttpExchange {
    const { intake } = this;
    this.state = HANDLING;
    this.counted.set(WRITING);
    this.timeouts.waitForNothing();
    const x = intake.take();
    this.stream.open(x, intake.reader.parsedLength);
    return x;
  }

  onDrain(): void {
    this.stream.onDrain();
  }

  // -- after an exchange

  exchangeReleased(x: HttpExchange): void {
    const { stream } = this;
    this.lastSettings = x.location.settings;
    this.timeouts.waitForNothing();
    // If the listener was removed, data still in flight has no other table.
    this.lease.release(this.state === HANDLING && (this.input.unread || !this.keeps));
    this.counted.set(CLOSING);
    if (this.state !== HANDLING) return;
    if (!x.completed) this.closeAfterCut(x);
    else if (!stream.keep || stream.body.broken) this.close();
    else if (stream.body.done) this.nextRequest();
    else stream.discardRest();
  }

  bodyDiscarded(): void {
    if (this.stream.exchange !== null || this.state !== HANDLING) return;
    if (this.stream.body.broken) this.close();
    else this.nextRequest();
  }

  private nextRequest(): void {
    const { input } = this;
    this.intake.reader.reset();
    this.lease.rebind();
    this.stream.pipelined = input.unread;
    if (!input.unread && (!this.keeps || this.peerEnded)) {
      this.close();
      return;
    }
    this.state = IDLE;
    this.usedAt = now();
    this.moved = true;
    this.counted.set(WAITING);
    this.timeouts.waitForHead(now(), this.settings.keepaliveTimeout);
    input.resumeReading();
    if (this.peerEnded && this.state === IDLE && !input.unread) this.close();
  }

  /** Closes the connection after a complete response. */
  private close(): void {
    const { lingeringClose } = this.settings;
    const more = !this.stream.body.done || this.input.unread || MORE_DATA_EXPECTED.has(this.intake.reader.status);
    const linger = lingeringClose === 'always' || (lingeringClose === 'on' && more);
    this.state = LINGERING;
    this.input.dropUnread();
    this.timeouts.linger();
    if (linger && !this.peerEnded) {
      // Closing with unread bytes would reset the connection and could lose the response (RFC 9112 9.6).
      this.transport.end();
      this.transport.resume();
    } else this.transport.destroySoon();
  }

  /** Closes the connection after an incomplete response, so that the client cannot mistake it for complete. */
  private closeAfterCut(x: HttpExchange): void {
    const { transport } = this;
    this.state = LINGERING;
    this.input.dropUnread();
    if (x.headSent) this.stream.flush();
    if (this.timeoutExpired && x.location.settings.resetTimedoutConnection) transport.reset();
    else if (transport.pending > 0 && !this.timeoutExpired) {
      // Data already received from the upstream still reaches the client.
      this.timeouts.waitToSend();
      transport.destroySoon();
    } else transport.destroy();
  }

  // -- timeouts and the end of the connection

  /** Whether nothing of a first request has arrived. */
  private get unused(): boolean {
    return this.state === READING_HEAD && this.requests === 0 && this.intake.reader.idle;
  }

  timedOut(): void {
    if (this.state === READING_HEAD && !this.intake.reader.idle) {
      this.timeoutExpired = true;
      this.cutHead(408, TIMED_OUT);
    } else if (this.state !== HANDLING || this.stream.exchange === null) {
      if (this.unused) logUnused(this, TIMED_OUT);
      this.transport.destroy();
    } else {
      this.timeoutExpired = true;
      this.stream.timedOut();
    }
  }

  /** Logs and drops a request with an incomplete head. */
  private cutHead(status: number, reason: string): void {
    const x = this.open();
    logReading(x, this.intake.reader, reason);
    x.response.status = status;
    x.abort();
  }

  onEnd(): void {
    if (this.unused && !this.peerEnded) logUnused(this, CLOSED_BY_CLIENT);
    this.peerEnded = true;
    if (this.state === READING_HEAD && !this.intake.reader.idle) {
      this.cutHead(400, 'client prematurely closed connection');
    } else if (this.state !== HANDLING || this.stream.exchange === null) {
      if (this.state !== IDLE || !this.input.unread) this.transport.destroySoon();
    } else this.stream.peerEnd();
  }

  onClosed(_transport: Transport, error: NodeJS.ErrnoException | null): void {
    const before = this.state;
    if (error !== null && this.unused && !this.peerEnded) logReset(this, error);
    this.timeouts.stop();
    this.state = CLOSED;
    this.input.dropUnread();
    this.host.forget(this);
    notifyClientClosed(this.info.id);
    if (this.stream.exchange !== null) {
      this.stream.lost(error);
      return;
    }
    this.counted.set(CLOSING);
    if (before === READING_HEAD && !this.intake.reader.idle && !this.peerEnded) {
      this.cutHead(400, 'client closed connection');
      this.state = CLOSED;
    }
    this.lease.release();
  }

  // -- a tunnel

  detach(x: HttpExchange): DetachedClient | null {
    if (this.state !== HANDLING || this.transport.closed) return null;
    const { stream } = this;
    stream.flush();
    this.state = TUNNEL;
    stream.endBodies();
    this.intake.end();
    this.timeouts.stop();
    return new TunnelledClient(this, this.lease, x, this.input.takeUnread());
  }

  tunnelEnded(x: HttpExchange, completed: boolean): void {
    x.completed = completed;
    x.finish();
    this.state = CLOSED;
    this.host.forget(this);
    notifyClientClosed(this.info.id);
  }
}
