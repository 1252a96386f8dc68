/**
 * Requests that the proxy makes of itself while it answers another: includes, authorisation, mirrors. A subrequest is an
 * exchange like any other, but for its client, which is made here. nginx: ngx_http_subrequest.
 */
import type { BodySink, Chunk, ClientSide } from './client-side.js';
import type { ConnectionCounts } from './connection-counts.js';
import * as engine from './engine.js';
import { logError } from './error-context.js';
import type { Exchange } from './exchange.js';
import type { RequestBody } from './request-body.js';

/** How deep subrequests may make subrequests. nginx: NGX_HTTP_MAX_SUBREQUESTS. */
const DEPTH_MAX = 50;
/**
 * How many of them one request of a client may lead to. nginx allows as many at a time (16 bits, less what it keeps for
 * itself), and so two pages that include each other twice keep it busy without end.
 */
const COUNT_MAX = 65535 - 1000;

/** Takes the answer to a subrequest. None of its methods is called before `x.subrequest` has returned. */
export interface SubrequestSink {
  /** A piece of the body. False: no more until `resume` of the subrequest. */
  chunk(chunk: Chunk): boolean;
  /** The subrequest is to end with an error or a redirect. True: the sink had it answer otherwise. */
  refused?(child: Exchange, status: number): boolean;
  /** It is over. Not called where the request that made it was over before. */
  done(subrequest: Subrequest): void;
}

export interface SubrequestOptions {
  readonly sink: SubrequestSink;
  /** Only the head of the answer is wanted (`auth_request`, `mirror`): the body is dropped. Default false. */
  readonly headOnly?: boolean;
  /** Default GET. */
  readonly method?: string;
  /** The body that the client's request had is sent along; it must have been read. Default false. */
  readonly body?: boolean;
  /**
   * The answer to the client does not wait for it (`mirror`); the next request on the connection does, as in nginx. It ends
   * with its parent only where that ends early. Default false.
   */
  readonly background?: boolean;
}

/** The subrequests that an exchange has under way. */
export class Subrequests {
  /** Of a client's own request: those that were made so far, for itself and for its subrequests. */
  made = 0;
  private readonly running = new Set<Subrequest>();
  /** The parent is over, and is released with the last of them. */
  private awaited = false;

  constructor(private readonly parent: Exchange) {}

  add(subrequest: Subrequest): void {
    this.running.add(subrequest);
  }

  /** Lets go of one that is over; the last one also of a parent that waited for it. */
  remove(subrequest: Subrequest): void {
    this.running.delete(subrequest);
    if (this.running.size === 0 && this.awaited) engine.release(this.parent);
  }

  /** The parent is over. True: it is to be released later, by the last of those that go on in the background. */
  outlive(): boolean {
    for (const subrequest of [...this.running]) {
      if (!subrequest.background || !this.parent.completed) subrequest.abort();
    }
    this.awaited = this.running.size > 0;
    return this.awaited;
  }
}

/** A body that belongs to the exchange that read it. */
class LentBody implements RequestBody {
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

/** One subrequest: what its parent holds, and the client side of its exchange. */
export class Subrequest implements ClientSide {
  readonly exchange: Exchange;
  readonly background: boolean;
  readonly sink: SubrequestSink;
  /** Bytes of body that the sink was given. */
  bytesSent = 0;
  /** The exchange is over. */
  closed = false;
  readonly pipelined = false;
  readonly bodyWaits = false;
  /** The client's own request, from which it all comes. */
  readonly main: Exchange;
  private readonly depth: number;

  /** Makes one, or says in the log why there may be no more of them and gives null. It begins when the caller has returned. */
  static begin(parent: Exchange, uri: string, args: string, options: SubrequestOptions): Subrequest | null {
    const { nested } = parent;
    if (nested !== null && nested.depth >= DEPTH_MAX) {
      logError(parent, 'error', `subrequests cycle while processing "${uri}"`);
      return null;
    }
    const { subrequests } = nested?.main ?? parent;
    if (subrequests !== null && subrequests.made >= COUNT_MAX) {
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
    if (options.body === true && parent.body !== null) x.body = new LentBody(parent.body);
    this.exchange = x;
    parent.subrequests ??= new Subrequests(parent);
    parent.subrequests.add(this);
    if (this.main.subrequests !== null) this.main.subrequests.made++;
    // Not before the caller has put down what it has to remember of it.
    queueMicrotask(() => {
      if (!x.finished) engine.startNested(x);
    });
  }

  /** The status of the answer; 0 where there is none. */
  get status(): number {
    return this.exchange.response.status;
  }

  /** The sink can take more. */
  resume(): void {
    this.exchange.producer?.resume();
  }

  /** Ends it; the sink hears nothing more but `done`. */
  abort(): void {
    engine.abort(this.exchange);
  }

  // -- what the exchange sees of the client

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

  /** The body came with the client's request, and whoever wanted it has read it. */
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
      // `return 444` means the client's connection, wherever it stands.
      if (x.response.status === 444 && !this.background) engine.finalize(parent, 444);
      else this.sink.done(this);
    }
    parent.subrequests?.remove(this);
  }
}
