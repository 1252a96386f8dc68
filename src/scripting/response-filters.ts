/** Functions that change responses: `js_header_filter`, `js_body_filter`. They must not wait. */
import { StringDecoder } from 'node:string_decoder';
import type { BodyFilter, Chunk } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { BodyFilterFactory, HeaderFilter } from '../program/handler.js';
import { StateKey } from '../program/state-key.js';
import { type FilterOutput, outcomeOf, requestOf } from './request-object.js';
import { FAILED, type ScriptFunction } from './script-function.js';
import { failsOpen } from './script-limits.js';
import type { Scripts } from './scripts.js';
import { bytesOf } from './text.js';

/** A header filter of the request has failed: the response of the error passes without it. */
const FAILED_HEADER = new StateKey<true>('failed js_header_filter', 'request');

/** Logs an error for an `async` function: only its part before the first `await` has had an effect. */
function reportAsync(x: Exchange, fn: ScriptFunction, result: unknown, kind: string): void {
  if (!fn.abandonPromise(x, result)) return;
  logError(x, 'error', `async operation inside "${fn.name}" ${kind} filter`);
}

/** `js_header_filter`: the function changes status and fields. If it fails the response is 500, or unchanged (`fail=open`). */
export function scriptHeaderFilter(fn: ScriptFunction, scripts: Scripts): HeaderFilter {
  return (x) => {
    if (x.state(FAILED_HEADER) !== undefined) return;
    const outcome = outcomeOf(x);
    const outer = outcome.filter;
    outcome.filter = 'head';
    const result = fn.call(x, requestOf(x, scripts));
    outcome.filter = outer;
    if (result !== FAILED) {
      reportAsync(x, fn, result, 'header');
      return;
    }
    if (failsOpen(x)) return;
    x.setState(FAILED_HEADER, true);
    return 500;
  };
}

/** Type of the data that a function receives. */
export type BufferType = 'string' | 'buffer';

/** `js_body_filter`: the function is called with each part of the body, and with an empty one at the end. */
export function scriptBodyFilter(fn: ScriptFunction, scripts: Scripts, type: BufferType): BodyFilterFactory {
  return (x) => new ScriptBodyFilter(x, fn, scripts, type);
}

type Next = (chunk: Chunk | null) => boolean;

class ScriptBodyFilter implements BodyFilter, FilterOutput {
  private readonly decoder: StringDecoder | null;
  /** Data that the current call of the function sends. */
  private sent: Buffer[] = [];
  /** The function is no longer called: the rest passes unchanged. */
  private passes = false;
  private ended = false;
  private bytes = 0;
  /** Whether the part that is processed is the last one. */
  private last = false;
  private lastSent = false;
  /** Declared length of the body; -1: none. */
  private readonly length: number;

  constructor(
    private readonly x: Exchange,
    private readonly fn: ScriptFunction,
    private readonly scripts: Scripts,
    type: BufferType,
  ) {
    this.decoder = type === 'string' ? new StringDecoder('utf8') : null;
    this.length = x.response.contentLength;
  }

  push(chunk: Chunk | null, next: Next): boolean {
    if (this.ended) return true;
    if (this.passes) return this.pass(chunk, next);
    this.last = chunk === null;
    this.lastSent = false;
    const outcome = outcomeOf(this.x);
    const outer = outcome.filter;
    outcome.filter = this;
    const data = this.dataOf(chunk);
    const result = this.fn.call(this.x, requestOf(this.x, this.scripts), data, { last: this.last });
    outcome.filter = outer;
    const { sent } = this;
    this.sent = [];
    if (result === FAILED) return this.failed();
    reportAsync(this.x, this.fn, result, 'body');
    let more = true;
    for (const each of sent) {
      more = this.pass(each, next);
      if (this.ended) return true;
    }
    // The rest of a character that was not complete.
    if (this.passes && this.decoder !== null && chunk !== null) {
      const rest = Buffer.from(this.decoder.end());
      if (rest.length > 0) more = this.pass(rest, next);
    }
    if (this.last || this.lastSent) this.pass(null, next);
    return more;
  }

  /** `r.sendBuffer()`. */
  sendBuffer(data: unknown, options: unknown): void {
    const bytes = bytesOf(data);
    if (bytes !== '') this.sent.push(Buffer.from(bytes, 'latin1'));
    const { last } = (typeof options === 'object' && options !== null ? options : {}) as { readonly last?: unknown };
    this.lastSent = last === undefined ? this.last : Boolean(last);
  }

  /** `r.done()`. */
  done(): void {
    this.passes = true;
  }

  private dataOf(chunk: Chunk | null): string | Buffer {
    const { decoder } = this;
    if (chunk === null) return decoder === null ? Buffer.alloc(0) : decoder.end();
    // A copy: the chunk is borrowed, and the function may keep it.
    const bytes = Buffer.from(chunk as string, 'latin1'); // the encoding applies to strings only
    return decoder === null ? bytes : decoder.write(bytes);
  }

  /** Passes data on, up to the declared length: further bytes would be read as the next response. */
  private pass(chunk: Chunk | null, next: Next): boolean {
    const { length } = this;
    this.bytes += chunk?.length ?? 0;
    if (length >= 0 && (this.bytes > length || (chunk === null && this.bytes < length))) {
      const reason = this.bytes > length ? 'longer' : 'shorter';
      logError(
        this.x,
        'error',
        `the response is ${reason} than its Content-Length of ${length} after js_body_filter "${this.fn.name}"`,
      );
      return this.failed();
    }
    if (chunk === null) this.ended = true;
    return next(chunk);
  }

  private failed(): true {
    this.ended = true;
    // Deferred: the exchange must not end during a write of the producer.
    setImmediate(() => {
      if (!this.x.finished) this.x.abort();
    });
    return true;
  }
}
