/**
 * The request being read on a connection. An exchange exists from the request line on, so that its server applies at
 * once.
 */
import type { ClientSide } from '../exchange/client-side.js';
import { Exchange } from '../exchange/exchange.js';
import { callbackTime } from '../http/clock.js';
import { headLimits } from '../http1/head-limits.js';
import { COMPLETE, type HeadLimits, type HeadListener, MORE, RequestReader } from '../http1/request-reader.js';
import type { ConfigLease } from '../program/config-lease.js';
import type { ServerProgram } from '../program/program.js';
import { admitRequest, logDropped, type Refusal, routeHost, routeLine, takePartialLine } from './routing.js';

export class RequestIntake implements HeadListener {
  readonly reader = new RequestReader();
  /** Set from the request line to the end of the head. */
  private exchange: Exchange | null = null;
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
  take(): Exchange {
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
  refusal(result: number, x: Exchange): Refusal | null {
    return result === COMPLETE ? admitRequest(x, this.lease.program) : this.reader;
  }

  lineRead(): HeadLimits {
    const x = this.newExchange();
    this.exchange = x;
    return this.proceed(x, routeLine(x, this.reader, this.lease.program));
  }

  hostRead(value: string): HeadLimits {
    const x = this.exchange as Exchange; // fields follow the request line
    return this.proceed(x, routeHost(x, value, this.lease.program));
  }

  lineDropped(line: string): void {
    if (this.exchange !== null) logDropped(this.exchange, this.reader, line);
  }

  /** Returns the limits of the selected server, which apply to the rest of the head. */
  private proceed(x: Exchange, refusal: Refusal | null): HeadLimits {
    if (refusal !== null) this.reader.refuse(refusal.status, refusal.reason);
    return headLimits(x.server);
  }

  private newExchange(): Exchange {
    this.lease.acquire();
    const { table, program } = this.lease;
    const x = new Exchange(this.client, this.reader.headers, program, table.slots());
    x.generation = table.generation;
    x.startTime = this.begunAt === 0 ? callbackTime() : this.begunAt;
    return x;
  }
}
