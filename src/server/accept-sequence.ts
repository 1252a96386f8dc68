/**
 * Runs the steps of a listener on an accepted socket, one after another:
 *
 * 1. The server accepts a socket, unless it has to refuse it.
 * 2. A `ReadStep` (PROXY protocol, ClientHello) reads the first bytes and pushes back those it does not consume.
 * 3. A `TransportStep` (TLS) takes over the socket with these bytes, and may set the protocol (ALPN).
 * 4. After the last step the server creates the connection by its protocol, and passes it the bytes pushed back.
 *
 * Listeners without steps skip 2 and 3: their connections are created at once. As in nginx, `client_header_timeout` of
 * the default server limits each connection until its protocol is chosen.
 */
import type { Level } from '../config/log-level.js';
import { type Connection, type ConnectionHost, nextConnectionId } from '../exchange/connection.js';
import { logs } from '../logging/error-log.js';
import {
  type Abortable,
  Accepted,
  type AcceptStep,
  type Incoming,
  MORE,
  REFUSED,
  type TransportStep,
} from '../net/accept-step.js';
import type { AcceptedSocket } from '../net/accepted-socket.js';
import { now, type Timed, unwatch, watch } from '../net/deadlines.js';
import { SocketTransport } from '../net/socket-transport.js';
import type { Transport } from '../net/transport.js';
import { type Arrived, ConfigLease } from '../program/config-lease.js';

const NO_BYTES = Buffer.alloc(0);
/** Timeout of a connection whose listener was removed, ms. */
const DRAIN_TIMEOUT = 2000;

/** The server as seen by a sequence. */
export interface SequenceHost extends ConnectionHost {
  /**
   * All steps are complete: replaces `sequence` by the connection of its protocol. `early`: bytes pushed back, borrowed.
   */
  establish(sequence: AcceptSequence, transport: Transport, early: Buffer): void;
}

export class AcceptSequence implements Connection, Incoming, Timed {
  readonly accepted = new Accepted(nextConnectionId(), Date.now());
  readonly remoteAddress: string;
  readonly localAddress: string;
  protocol: string;
  deadline = 0;
  deadlineIndex = -1;
  readonly usedAt: number;
  moved = false;
  before: Connection | null = null;
  after: Connection | null = null;
  closed = false;
  private readonly steps: readonly AcceptStep[];
  /** Index of the current step. */
  private at = 0;
  /** Transport that a `ReadStep` reads from, or the result of a `TransportStep`; null before and in between. */
  private transport: Transport | null = null;
  /** The step in progress that has taken over the socket. */
  private wrapping: Abortable | null = null;
  /** Bytes that no step has consumed. */
  private unread = NO_BYTES;
  private received = false;
  /** Keeps the table of a listener that was removed. */
  private lease: ConfigLease | null = null;

  constructor(
    private readonly socket: AcceptedSocket,
    private readonly host: SequenceHost,
    readonly arrived: Arrived,
  ) {
    this.remoteAddress = socket.remoteAddress ?? '';
    this.localAddress = socket.localAddress ?? '';
    this.steps = arrived.listening.steps ?? [];
    this.protocol = arrived.listening.protocol;
    watch(this);
    this.usedAt = now();
    this.deadline = this.usedAt + arrived.listening.program.defaultServer.clientHeaderTimeout;
  }

  /** Whether nothing has been received. */
  get idle(): boolean {
    return !this.received;
  }

  /** Begins the first step. */
  start(): void {
    this.run(NO_BYTES);
  }

  /** Runs steps with the bytes that are available, until one has to wait. `bytes` are borrowed. */
  private run(bytes: Buffer): void {
    let rest = bytes;
    for (let step = this.steps[this.at]; step !== undefined; step = this.steps[this.at]) {
      if ('wrap' in step) {
        this.wrap(step, Buffer.from(rest));
        return;
      }
      this.transport ??= SocketTransport.adopt(this.socket, this);
      const consumed = rest.length === 0 ? MORE : step.read(rest, this);
      if (consumed === REFUSED || this.closed) return;
      if (consumed === MORE) {
        this.unread = Buffer.from(rest);
        return;
      }
      rest = rest.subarray(consumed);
      this.at++;
    }
    this.establish(this.transport ?? SocketTransport.adopt(this.socket, this), rest);
  }

  private wrap(step: TransportStep, early: Buffer): void {
    const { transport } = this;
    this.transport = null;
    this.unread = NO_BYTES;
    const socket = transport instanceof SocketTransport ? transport.release() : this.socket;
    const wrapping = step.wrap(socket, early, this);
    if (this.steps[this.at] !== step) return;
    if (this.closed) wrapping.destroy();
    else this.wrapping = wrapping;
  }

  proceed(transport: Transport, unread = NO_BYTES): void {
    if (this.closed) return;
    this.wrapping = null;
    this.transport = transport;
    transport.owner = this;
    this.received = true;
    this.at++;
    this.run(unread);
  }

  private establish(transport: Transport, early: Buffer): void {
    this.finish();
    this.host.establish(this, transport, early);
    this.lease?.release();
  }

  refuse(level: Level, message: string): typeof REFUSED {
    if (this.closed) return REFUSED;
    const { key, program } = this.arrived.listening;
    const { errorLog } = program.defaultServer.base.settings;
    const activity = this.steps[this.at]?.activity ?? '';
    if (logs(errorLog, level)) {
      const context = `client: ${this.remoteAddress}, server: ${key}`;
      errorLog.write(level, `*${this.accepted.id} ${message} while ${activity}, ${context}`);
    }
    this.destroy();
    return REFUSED;
  }

  // -- events of the transport

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.received = true;
    const { unread } = this;
    const received = bytes.subarray(0, length);
    this.run(unread.length === 0 ? received : Buffer.concat([unread, received]));
  }

  onEnd(): void {
    const { unread } = this;
    const step = this.steps[this.at];
    if (unread.length > 0 && step !== undefined && 'ended' in step) step.ended?.(unread, this);
    this.refuse('info', 'client closed connection');
  }

  onClosed(_transport: Transport, error: NodeJS.ErrnoException | null): void {
    if (error !== null) this.refuse('info', 'client closed connection');
    this.destroy();
  }

  onDrain(): void {}
  onConnected(): void {}

  // -- as seen by the server

  timedOut(): void {
    this.refuse('info', 'client timed out (110: Connection timed out)');
  }

  drain(): void {
    if (this.lease !== null) return;
    this.lease = new ConfigLease(this.host, this.arrived, this.localAddress);
    this.lease.reserve();
    this.deadline = Math.min(this.deadline, now() + DRAIN_TIMEOUT);
  }

  destroy(): void {
    if (this.closed) return;
    const { transport, wrapping } = this;
    this.finish();
    if (wrapping !== null) wrapping.destroy();
    else if (transport !== null) transport.destroy();
    this.host.forget(this);
    this.lease?.release();
  }

  private finish(): void {
    this.closed = true;
    this.deadline = 0;
    unwatch(this);
  }
}
