/** The request that a connection is reading: from its request line on an exchange, so that its server is in force at once. */
import type { ClientSide } from '../exchange/client-side.js';
import { callbackTime } from '../exchange/clock.js';
import { Exchange } from '../exchange/exchange.js';
import type { ServerProgram } from '../exchange/program.js';
import { COMPLETE, type HeadLimits, type HeadListener, MORE, RequestReader } from '../http/request-reader.js';
import type { ConfigLease } from './config-lease.js';
import { admitRequest, logDropped, type Refusal, routeHost, routeLine, takePartialLine } from './routing.js';

export class RequestIntake implements HeadListener {
  readonly reader = new RequestReader();
  /** From the request line to the end of the head. */
  private exchange: Exchange | null = null;
  /** When the first byte came, of a head that comes in several pieces; 0 for none. ms since 1970. */
  private begunAt = 0;

  constructor(
    private readonly client: ClientSide,
    private readonly tableUse: ConfigLease,
    private readonly servers: { limits(server: ServerProgram): HeadLimits },
  ) {}

  /** The server that is in force for what is read. */
  get server(): ServerProgram {
    return this.exchange?.server ?? this.tableUse.program.defaultServer;
  }

  /** Takes the next bytes of a head; see `RequestReader.feed`. */
  feed(text: string): number {
    const { reader, tableUse } = this;
    const result = reader.feed(text, this.servers.limits(tableUse.program.defaultServer), this);
    if (result === MORE && !reader.idle) {
      tableUse.acquire();
      if (this.begunAt === 0) this.begunAt = this.exchange?.startTime ?? callbackTime();
    }
    return result;
  }

  /** The exchange of the head that was read, as far as it was. */
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

  /** Why the request is not to be handled whose head was read with this result; null: it is. */
  refusal(result: number, x: Exchange): Refusal | null {
    return result === COMPLETE ? admitRequest(x, this.tableUse.program) : this.reader;
  }

  lineRead(): HeadLimits {
    const x = this.newExchange();
    this.exchange = x;
    return this.proceed(x, routeLine(x, this.reader, this.tableUse.program));
  }

  hostRead(value: string): HeadLimits {
    const x = this.exchange as Exchange; // a field follows the request line
    return this.proceed(x, routeHost(x, value, this.tableUse.program));
  }

  lineDropped(line: string): void {
    if (this.exchange !== null) logDropped(this.exchange, this.reader, line);
  }

  /** The limits of the server that is in force hold for the rest of the head. */
  private proceed(x: Exchange, refusal: Refusal | null): HeadLimits {
    if (refusal !== null) this.reader.refuse(refusal.status, refusal.reason);
    return this.servers.limits(x.server);
  }

  private newExchange(): Exchange {
    this.tableUse.acquire();
    const { table, program } = this.tableUse;
    const x = new Exchange(this.client, this.reader.headers, program, table.slots());
    x.generation = table.generation;
    x.startTime = this.begunAt === 0 ? callbackTime() : this.begunAt;
    return x;
  }
}
