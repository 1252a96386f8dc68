/**
 * A protocol that echoes lines, as a second implementation of `Connection`: a request is a line, and its response is
 * the same line. A line `hold` is answered when the test calls `release`.
 */
import type { Connection, ConnectionHost } from '../../src/exchange/connection.js';
import { CLOSING, READING, WAITING } from '../../src/exchange/connection-counts.js';
import type { Accepted } from '../../src/net/accept-step.js';
import { now, type Timed, unwatch, watch } from '../../src/net/deadlines.js';
import type { Transport } from '../../src/net/transport.js';
import { type Arrived, ConfigLease } from '../../src/program/config-lease.js';

export class LineEcho implements Connection, Timed {
  deadline = 0;
  deadlineIndex = -1;
  usedAt: number;
  moved = false;
  before: Connection | null = null;
  after: Connection | null = null;
  draining = false;
  private line = '';
  private held = false;
  private requests = 0;
  private readonly lease: ConfigLease;

  constructor(
    readonly transport: Transport,
    private readonly host: ConnectionHost,
    readonly arrived: Arrived,
    readonly accepted: Accepted | null,
    private readonly all: Set<LineEcho>,
  ) {
    this.lease = new ConfigLease(host, arrived, transport.localAddress);
    host.counts.move(CLOSING, WAITING);
    watch(this);
    this.usedAt = now();
    all.add(this);
  }

  get closed(): boolean {
    return this.transport.closed;
  }
  get idle(): boolean {
    return this.line === '' && !this.held;
  }

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    if (this.idle) {
      this.host.counts.move(WAITING, READING);
      this.lease.rebind();
      this.lease.acquire();
    }
    this.line += bytes.latin1Slice(0, length);
    this.echo();
  }

  private echo(): void {
    for (let end = this.line.indexOf('\n'); end >= 0 && !this.held; end = this.line.indexOf('\n')) {
      this.requests++;
      if (this.line.startsWith('hold\n')) {
        this.held = true;
        return;
      }
      this.transport.writeText(this.line.slice(0, end + 1));
      this.line = this.line.slice(end + 1);
    }
    if (this.idle) this.becomeIdle();
  }

  /** Answers `hold`. */
  release(): void {
    this.transport.writeText('held\n');
    this.line = this.line.slice('hold\n'.length);
    this.held = false;
    this.echo();
  }

  private becomeIdle(): void {
    this.usedAt = now();
    this.moved = true;
    this.host.counts.move(READING, WAITING);
    this.lease.release();
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
  onDrain(): void {}
  onConnected(): void {}
  onClosed(): void {
    unwatch(this);
    this.all.delete(this);
    this.host.counts.move(this.idle ? WAITING : READING, CLOSING);
    this.lease.release();
    this.host.forget(this);
  }
}
