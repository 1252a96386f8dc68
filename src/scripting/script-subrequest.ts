/** Subrequests of scripts: `r.subrequest()`. */
import { httpExchange } from '../exchange/exchange.js';
import { SUBREQUESTS } from '../exchange/subrequest.js';
import { isToken } from '../http/field-line.js';
import { parseUnsafeUri } from '../http/unsafe-uri.js';
import type { Chunk, RequestBody } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { Exchange, Subrequest, SubrequestSink } from '../program/exchange.js';
import { exactBuffer } from './request-body.js';
import { bytesOf } from './text.js';

/** A subrequest as a script describes it. Byte strings. */
export interface ScriptSubrequest {
  readonly path: string;
  readonly args: string;
  readonly method: string;
  /** Null: the body of the request itself. */
  readonly body: string | null;
  readonly detached: boolean;
}

type Callback = (reply: unknown) => unknown;

/** Parses the arguments of `r.subrequest()`. Throws TypeError. */
export function parseSubrequest(
  uri: unknown,
  second: unknown,
  third: unknown,
): { readonly request: ScriptSubrequest; readonly callback: Callback | null } {
  const written = bytesOf(uri);
  if (written === '') throw new TypeError('uri is empty');
  let args = '';
  let callback: unknown = null;
  let options: Readonly<Record<string, unknown>> = {};
  if (typeof second === 'string') args = bytesOf(second);
  else if (typeof second === 'function') callback = second;
  else if (typeof second === 'object' && second !== null) options = second as Readonly<Record<string, unknown>>;
  else if (second !== null && second !== undefined) throw new TypeError('failed to convert args');
  if (options.args !== undefined) args = bytesOf(options.args);
  const parsed = parseUnsafeUri(written);
  if (parsed === null) throw new TypeError('unsafe uri');
  if (callback === null && third !== null && third !== undefined) {
    if (typeof third !== 'function') throw new TypeError('callback is not a function');
    callback = third;
  }
  const detached = Boolean(options.detached);
  if (detached && callback !== null) throw new TypeError('detached flag and callback are mutually exclusive');
  const method = options.method === undefined ? 'GET' : bytesOf(options.method);
  if (!isToken(method)) throw new TypeError('invalid method');
  return {
    request: {
      path: parsed.path,
      args: args === '' ? parsed.args : args,
      method,
      body: options.body === undefined ? null : bytesOf(options.body),
      detached,
    },
    callback: callback as Callback | null,
  };
}

/** Collects the body of the response, up to `subrequest_output_buffer_size`. */
class ResponseCollector implements SubrequestSink {
  private readonly chunks: Buffer[] = [];
  private length = 0;
  private tooBig = false;

  constructor(
    private readonly x: Exchange,
    private readonly limit: number,
    private readonly then: (child: Exchange, body: Buffer | null) => void,
  ) {}

  chunk(chunk: Chunk): boolean {
    if (this.tooBig) return true;
    this.length += chunk.length;
    if (this.length > this.limit) {
      this.tooBig = true;
      this.chunks.length = 0;
      logError(this.x, 'error', `too big subrequest response: ${this.length}`);
    } else this.chunks.push(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : Buffer.from(chunk));
    return true;
  }

  done({ exchange }: Subrequest): void {
    keepHead(exchange);
    this.then(exchange, this.tooBig ? null : exactBuffer(Buffer.concat(this.chunks)));
  }
}

/** Scripts may read the fields of a reply at any time, after its reader has read other heads. */
function keepHead(child: Exchange): void {
  const x = httpExchange(child);
  const { response, upstreamHeaders } = x;
  x.upstreamHeaders = upstreamHeaders?.copy() ?? null;
  response.upstream = response.upstream === upstreamHeaders ? x.upstreamHeaders : (response.upstream?.copy() ?? null);
}

const IGNORED: SubrequestSink = { chunk: () => true, done() {} };

/** A body that a script gives. */
class GivenBody implements RequestBody {
  readonly file = null;
  memory: Buffer | null;
  length: number;
  constructor(bytes: string) {
    this.memory = Buffer.from(bytes, 'latin1');
    this.length = this.memory.length;
  }
  read(into: Buffer, position: number): number {
    return this.memory?.copy(into, 0, position) ?? 0;
  }
  release(): void {
    this.memory = null;
    this.length = 0;
  }
}

/**
 * Starts a subrequest. Returns false if there are too many.
 *
 * @param then receives the subrequest's exchange and the body of the response; null if it is too long
 */
export function startSubrequest(
  x: Exchange,
  { path, args, method, body, detached }: ScriptSubrequest,
  then: (child: Exchange, body: Buffer | null) => void,
): boolean {
  const { outputBufferSize } = x.location.settings.get(SUBREQUESTS);
  const subrequest = x.subrequest(path, args, {
    sink: detached ? IGNORED : new ResponseCollector(x, outputBufferSize, then),
    method,
    background: detached,
    headOnly: detached || method === 'HEAD',
    body: body === null ? x.body !== null : new GivenBody(body),
  });
  return subrequest !== null;
}
