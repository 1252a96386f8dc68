/**
 * The request being read on a connection. An exchange exists from the request line on, so that its server applies at
 * once.
 */
import type { ClientSide } from '../exchange/client-side.js';
import { HttpExchange } from '../exchange/exchange.js';
import { admitRequest, routeHost, routeTarget, routeWithoutHost } from '../exchange/request-routing.js';
import { callbackTime } from '../http/clock.js';
import type { Refusal } from '../program/admission.js';
import type { ConfigLease } from '../program/config-lease.js';
import type { ServerProgram } from '../program/program.js';
import { headLimits } from './head-limits.js';
import { checkFraming, logDropped, takePartialLine } from './request-checks.js';
import { COMPLETE, type HeadLimits, type HeadListener, MORE, RequestReader } from './request-reader.js';

/** Reader of connections that read no further head. */
const UNUSED = new RequestReader();

export class RequestIntake implements HeadListener {
  reader = new RequestReader();
  /** Set from the request line to the end of the head. */
  private exchange: HttpExchange | null = null;
  /** Time of the first byte of a head that arrives in several reads, ms since 1970; 0 for none. */
  private begunAt = 0;

  constructor(
    private readonly client: ClientSide,
    private readonly lease: ConfigLease,
  ) {}

  /** The server selected so far. */
  get server(): ServerProgram {
    return this.exchange?.server ?? this.lease.program.defaultServer;
  }

  /** No further head is read: releases the reader, 400 bytes of an idle tunnel. */
  end(): void {
    this.reader = UNUSED;
  }

  /** Feeds the next bytes of a head; see `RequestReader.feed`. */
  feed(text: string): number {
    const { reader, lease } = this;
    const result = reader.feed(text, headLimits(lease.program.defaultServer), this);
    if (result === MORE && !reader.idle) {
      lease.acquire();
      if (this.begunAt === 0) this.begunAt = this.exchange?.startTime ?? callbackTime();
    }
    return result;
  }

  /** Takes the exchange of the (possibly partial) head. */
  take(): HttpExchange {
    const { reader } = this;
    reader.settle();
    let x = this.exchange;
    if (x === null) {
      x = this.newExchange();
      takePartialLine(x, reader);
    }
    this.exchange = null;
    this.begunAt = 0;
    return x;
  }

  /** Returns the reason to refuse the request whose head was read with this result, or null. */
  refusal(result: number, x: HttpExchange): Refusal | null {
    const { reader } = this;
    if (result !== COMPLETE) return reader;
    return routeWithoutHost(x, this.lease.program) ?? checkFraming(x, reader) ?? admitRequest(x, reader);
  }

  lineRead(): HeadLimits {
    const x = this.newExchange();
    this.exchange = x;
    return this.proceed(x, routeTarget(x, this.reader, this.lease.program));
  }

  hostRead(value: string): HeadLimits {
    const x = this.exchange as HttpExchange; // fields follow the request line
    return this.proceed(x, routeHost(x, value, this.lease.program));
  }

  lineDropped(line: string): void {
    if (this.exchange !== null) logDropped(this.exchange, this.reader, line);
  }

  /** Returns the limits of the selected server, which apply to the rest of the head. */
  private proceed(x: HttpExchange, refusal: Refusal | null): HeadLimits {
    if (refusal !== null) this.reader.refuse(refusal.status, refusal.reason);
    return headLimits(x.server);
  }

  private newExchange(): HttpExchange {
    this.lease.acquire();
    const { table, program } = this.lease;
    const x = new HttpExchange(this.client, this.reader.headers, program, table.slots());
    x.generation = table.generation;
    x.startTime = this.begunAt === 0 ? callbackTime() : this.begunAt;
    return x;
  }
}
