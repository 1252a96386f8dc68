/**
 * Subrequests, which the proxy makes while it handles another request: includes, authorisation, mirrors. A subrequest
 * is an ordinary exchange, except for its client side, which is implemented here. nginx: ngx_http_subrequest.
 */

import { logError } from '../program/error-context.js';
import type { BodySink, Chunk, ClientSide } from './client-side.js';
import type { ConnectionCounts } from './connection-counts.js';
import * as engine from './engine.js';
import type { Exchange } from './exchange.js';
import type { RequestBody } from './request-body.js';

/** Maximum nesting depth. nginx: NGX_HTTP_MAX_SUBREQUESTS. */
const MAX_DEPTH = 50;
/**
 * Maximum number of subrequests per client request. nginx allows this number at a time (16 bits minus a reserve), so
 * two pages that include each other twice keep it busy endlessly.
 */
const MAX_COUNT = 65535 - 1000;

/** Receives the response to a subrequest. No method is called before `x.subrequest` has returned. */
export interface SubrequestSink {
  /** Receives a chunk of the body. Returns false to pause until the subrequest's `resume`. */
  chunk(chunk: Chunk): boolean;
  /** The subrequest would end with an error or a redirect. Returns true if the sink replaced the response. */
  refused?(child: Exchange, status: number): boolean;
  /** The subrequest is finished. Not called if its parent finished before. */
  done(subrequest: Subrequest): void;
}

export interface SubrequestOptions {
  readonly sink: SubrequestSink;
  /** Whether only the head of the response is needed (`auth_request`, `mirror`): the body is dropped. Default false. */
  readonly headOnly?: boolean;
  /** Default GET. */
  readonly method?: string;
  /** Whether the body of the client's request is sent along; it must have been read. Default false. */
  readonly body?: boolean;
  /**
   * Whether the response to the client does not wait for it (`mirror`); the next request on the connection does, as in
   * nginx. It ends with its parent only if that ends early. Default false.
   */
  readonly background?: boolean;
}

/** Active subrequests of an exchange. */
export class Subrequests {
  /** For a client's own request: number of subrequests made so far, including nested ones. */
  made = 0;
  private readonly running = new Set<Subrequest>();
  /** Whether the parent is finished and will be released with the last subrequest. */
  private parentFinished = false;

  constructor(private readonly parent: Exchange) {}

  add(subrequest: Subrequest): void {
    this.running.add(subrequest);
  }

  /** Removes a finished subrequest; the last one releases a waiting parent. */
  remove(subrequest: Subrequest): void {
    this.running.delete(subrequest);
    if (this.running.size === 0 && this.parentFinished) engine.release(this.parent);
  }

  /** Called when the parent is finished. Returns true if the last background subrequest will release it. */
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
export class Subrequest implements ClientSide {
  readonly exchange: Exchange;
  readonly background: boolean;
  readonly sink: SubrequestSink;
  /** Bytes of body passed to the sink. */
  bytesSent = 0;
  /** Whether the exchange is finished. */
  closed = false;
  readonly pipelined = false;
  readonly bodyWaits = false;
  /** The client's own request, from which it originates. */
  readonly main: Exchange;
  private readonly depth: number;

  /**
   * Creates a subrequest, or logs why no more are allowed and returns null. It starts after the caller has returned.
   */
  static begin(parent: Exchange, uri: string, args: string, options: SubrequestOptions): Subrequest | null {
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
    return new Subrequest(parent, uri, args, options);
  }

  private constructor(
    readonly parent: Exchange,
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
      if (!x.finished) engine.startNested(x);
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
    engine.abort(this.exchange);
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
    engine.finish(this.exchange);
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

  done(x: Exchange): void {
    this.closed = true;
    const { parent } = this;
    if (!parent.finished) {
      // `return 444` closes the client's connection, in whatever subrequest it is executed.
      if (x.response.status === 444 && !this.background) engine.finalize(parent, 444);
      else this.sink.done(this);
    }
    parent.subrequests?.remove(this);
  }
}
