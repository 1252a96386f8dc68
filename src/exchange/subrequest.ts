/**
 * Subrequests, which the proxy makes while it handles another request: includes, authorisation, mirrors. A subrequest
 * is an ordinary exchange, except for its client side, which is implemented here. nginx: ngx_http_subrequest.
 */

import { atEndOfCallback } from '../net/microtask.js';
import type { Chunk } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { SubrequestOptions, SubrequestSink } from '../program/exchange.js';
import { SettingsKey } from '../program/settings-key.js';
import { BorrowedBody } from './borrowed-body.js';
import type { ActiveSubrequests, EngineExchange, EngineSubrequest } from './engine-exchange.js';
import { InnerClient } from './inner-client.js';

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
  /** Mostly one. */
  private readonly running: EngineSubrequest[];
  /** Whether the parent is finished and will be released with the last subrequest. */
  private parentFinished = false;

  constructor(
    private readonly parent: EngineExchange,
    first: EngineSubrequest,
  ) {
    this.running = [first];
  }

  add(subrequest: EngineSubrequest): void {
    this.running.push(subrequest);
  }

  remove(subrequest: EngineSubrequest): void {
    const { running } = this;
    if (running[running.length - 1] === subrequest) running.pop();
    else {
      const i = running.indexOf(subrequest);
      if (i >= 0) running.splice(i, 1);
    }
    if (running.length === 0 && this.parentFinished) this.parent.release();
  }

  outlive(): boolean {
    if (this.running.length === 0) return false;
    for (const subrequest of [...this.running]) {
      const { background, exchange } = subrequest;
      if (!background || !(this.parent.completed || exchange.ignoreClientAbort)) subrequest.abort();
    }
    this.parentFinished = this.running.length > 0;
    return this.parentFinished;
  }
}

/** A subrequest: the parent's handle of it, and the client side of its exchange. */
export class NestedRequest extends InnerClient implements EngineSubrequest {
  /** The exchange that it belongs to: in the background the client's own request, so that no other one waits for it. */
  readonly parent: EngineExchange;
  readonly exchange: EngineExchange;
  readonly background: boolean;
  readonly sink: SubrequestSink;
  /** Bytes of body passed to the sink. */
  bytesSent = 0;
  /** Whether the exchange is finished. */
  closed = false;
  /** The client's own request, from which it originates. */
  readonly main: EngineExchange;
  readonly depth: number;
  protected readonly origin: EngineExchange;

  /**
   * Creates a subrequest, or logs why no more are allowed and returns null. It starts after the caller has returned, or `atOnce`.
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
    const subrequest = new NestedRequest(parent, uri, args, options);
    const { exchange: x } = subrequest;
    const start = options.clone === true ? () => x.startContent() : () => x.start();
    if (options.atOnce === true) start();
    // Deferred until the caller has stored its state.
    else {
      atEndOfCallback(() => {
        if (!x.finished) start();
      });
    }
    return subrequest;
  }

  private constructor(from: EngineExchange, uri: string, args: string, options: SubrequestOptions) {
    super();
    const { nested } = from;
    this.depth = nested === null ? 1 : nested.depth + 1;
    this.main = nested?.main ?? from;
    this.sink = options.sink;
    this.background = options.background ?? false;
    const parent = this.background ? this.main : from;
    this.parent = parent;
    this.origin = parent;
    const x = from.fork(this);
    x.method = options.method ?? 'GET';
    x.uri = uri;
    x.args = args;
    x.headOnly = options.headOnly ?? false;
    const { body = false } = options;
    if (typeof body !== 'boolean') x.body = body;
    else if (body && from.body !== null) x.body = new BorrowedBody(from.body);
    if (options.clone === true) {
      x.location = from.location;
      x.uriUnchanged = from.uriUnchanged;
      x.validLocation = from.validLocation;
      x.internal = from.internal;
      x.captures = from.captures;
    }
    this.exchange = x;
    if (parent.subrequests === null) parent.subrequests = new Subrequests(parent, this);
    else parent.subrequests.add(this);
    if (this.main.subrequests !== null) this.main.subrequests.made++;
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

  get bodyBytesSent(): number {
    return this.bytesSent;
  }

  write(chunk: Chunk): boolean {
    if (this.closed || chunk.length === 0) return true;
    this.bytesSent += chunk.length;
    return this.sink.chunk(chunk);
  }

  end(): void {
    this.exchange.finish();
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
