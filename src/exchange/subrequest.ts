/**
 * Subrequests, which the proxy makes while it handles another request: includes, authorisation, mirrors. A subrequest
 * is an ordinary exchange, except for its client side, which is implemented here. nginx: ngx_http_subrequest.
 */

import type { BodySink, Chunk, RequestBody } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { SubrequestOptions, SubrequestSink } from '../program/exchange.js';
import type { AcceptResults } from '../program/session.js';
import { SettingsKey } from '../program/settings-key.js';
import type { ClientSide } from './client-side.js';
import type { ConnectionCounts } from './connection-counts.js';
import type { ActiveSubrequests, EngineExchange, EngineSubrequest } from './engine-exchange.js';

/** `log_subrequest`, and `subrequest_output_buffer_size` in bytes. */
export const SUBREQUESTS = new SettingsKey('subrequests', { log: false, outputBufferSize: 4096 });

/** Maximum nesting depth. nginx: NGX_HTTP_MAX_SUBREQUESTS. */
const MAX_DEPTH = 50;
/**
 * Maximum number of subrequests per client request. nginx allows this number at a time (16 bits minus a reserve), so
 * two pages that include each other twice keep it busy endlessly.
 */
const MAX_COUNT = 65535 - 1000;

class Subrequests implements ActiveSubrequests {
  made = 0;
  private readonly running = new Set<EngineSubrequest>();
  /** Whether the parent is finished and will be released with the last subrequest. */
  private parentFinished = false;

  constructor(private readonly parent: EngineExchange) {}

  add(subrequest: EngineSubrequest): void {
    this.running.add(subrequest);
  }

  remove(subrequest: EngineSubrequest): void {
    this.running.delete(subrequest);
    if (this.running.size === 0 && this.parentFinished) this.parent.release();
  }

  outlive(): boolean {
    for (const subrequest of [...this.running]) {
      if (!subrequest.background || !this.parent.completed) subrequest.abort();
    }
    this.parentFinished = this.running.size > 0;
    return this.parentFinished;
  }
}

/** A view of a body that is owned by another exchange. */
class BorrowedBody implements RequestBody {
  constructor(private readonly body: RequestBody) {}
  get length(): number {
    return this.body.length;
  }
  get memory(): Buffer | null {
    return this.body.memory;
  }
  get file(): string | null {
    return this.body.file;
  }
  read(into: Buffer, position: number): number {
    return this.body.read(into, position);
  }
  release(): void {}
}

/** A subrequest: the parent's handle of it, and the client side of its exchange. */
export class NestedRequest implements EngineSubrequest, ClientSide {
  readonly exchange: EngineExchange;
  readonly background: boolean;
  readonly sink: SubrequestSink;
  /** Bytes of body passed to the sink. */
  bytesSent = 0;
  /** Whether the exchange is finished. */
  closed = false;
  readonly pipelined = false;
  readonly bodyWaits = false;
  readonly bodyPreread = 0;
  /** The client's own request, from which it originates. */
  readonly main: EngineExchange;
  readonly depth: number;

  /**
   * Creates a subrequest, or logs why no more are allowed and returns null. It starts after the caller has returned.
   */
  static begin(parent: EngineExchange, uri: string, args: string, options: SubrequestOptions): NestedRequest | null {
    const { nested } = parent;
    if (nested !== null && nested.depth >= MAX_DEPTH) {
      logError(parent, 'error', `subrequests cycle while processing "${uri}"`);
      return null;
    }
    const { subrequests } = nested?.main ?? parent;
    if (subrequests !== null && subrequests.made >= MAX_COUNT) {
      logError(parent, 'crit', `request reference counter overflow while processing "${uri}"`);
      return null;
    }
    return new NestedRequest(parent, uri, args, options);
  }

  private constructor(
    readonly parent: EngineExchange,
    uri: string,
    args: string,
    options: SubrequestOptions,
  ) {
    const { nested } = parent;
    this.depth = nested === null ? 1 : nested.depth + 1;
    this.main = nested?.main ?? parent;
    this.sink = options.sink;
    this.background = options.background ?? false;
    const x = parent.fork(this);
    x.method = options.method ?? 'GET';
    x.uri = uri;
    x.args = args;
    x.headOnly = options.headOnly ?? false;
    if (options.body === true && parent.body !== null) x.body = new BorrowedBody(parent.body);
    this.exchange = x;
    parent.subrequests ??= new Subrequests(parent);
    parent.subrequests.add(this);
    if (this.main.subrequests !== null) this.main.subrequests.made++;
    // Deferred until the caller has stored its state.
    queueMicrotask(() => {
      if (!x.finished) x.start();
    });
  }

  /** Status of the response; 0 if there is none. */
  get status(): number {
    return this.exchange.response.status;
  }

  /** The sink accepts more data. */
  resume(): void {
    this.exchange.producer?.resume();
  }

  /** Aborts the subrequest; only `done` of the sink is still called. */
  abort(): void {
    this.exchange.abort();
  }

  // -- client side of the exchange

  get counts(): ConnectionCounts {
    return this.parent.client.counts;
  }
  get id(): number {
    return this.parent.client.id;
  }
  get requests(): number {
    return this.parent.client.requests;
  }
  get remoteAddress(): string {
    return this.parent.remoteAddress;
  }
  get remotePort(): number {
    return this.parent.remotePort;
  }
  get localAddress(): string {
    return this.parent.client.localAddress;
  }
  get localPort(): number {
    return this.parent.client.localPort;
  }
  get unixPath(): string | null {
    return this.parent.client.unixPath;
  }
  get accepted(): AcceptResults | null {
    return this.parent.client.accepted;
  }
  get secure(): boolean {
    return this.parent.client.secure;
  }
  get since(): number {
    return this.parent.client.since;
  }
  get requestLength(): number {
    return this.parent.client.requestLength;
  }
  get bodyBytesSent(): number {
    return this.bytesSent;
  }

  sendHead(): void {}
  sendInterim(): void {}

  write(chunk: Chunk): boolean {
    if (this.closed || chunk.length === 0) return true;
    this.bytesSent += chunk.length;
    return this.sink.chunk(chunk);
  }

  cork(): void {
    this.parent.client.cork();
  }
  uncork(): void {
    this.parent.client.uncork();
  }

  end(): void {
    this.exchange.finish();
  }

  /** The body arrived with the client's request and has already been read. */
  readBody(sink: BodySink): void {
    sink.bodyEnd();
  }
  resumeBody(): void {}
  sendContinue(): void {}
  discardBody(): number {
    return 0;
  }
  detach(): null {
    return null;
  }

  released(): void {
    this.closed = true;
    const { parent, exchange: x } = this;
    if (!parent.finished) {
      // `return 444` closes the client's connection, in whatever subrequest it is executed.
      if (x.response.status === 444 && !this.background) parent.finalize(444);
      else this.sink.done(this);
    }
    parent.subrequests?.remove(this);
  }
}
