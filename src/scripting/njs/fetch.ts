/**
 * `ngx.fetch`: sends one request and receives the whole response. It has its own settings (`js_fetch_*`) and connections,
 * and uses neither upstreams nor their balancing. Failures are errors with njs's messages.
 */
import {
  type ClientRequest,
  type RequestOptions as HttpOptions,
  type IncomingMessage,
  request as requestHttp,
} from 'node:http';
import { toBytes, toText } from '../../diagnostics/byte-string.js';
import type { FetchConnections, FetchRequestOptions, Hop } from './fetch-connections.js';
import { FetchFailed } from './fetch-failed.js';
import { fieldsOf, receivedHeaders } from './headers.js';
import { MessageBody } from './message-body.js';
import { Request, type RequestOptions, type Target, targetOf } from './request.js';
import { Response } from './response.js';

export interface FetchSettings {
  /** `js_fetch_timeout`: ms for connecting, and between two successive reads or writes. */
  readonly timeout: number;
  /** `js_fetch_buffer_size`: maximum size of the head of a response, bytes. */
  readonly headSize: number;
  /** `js_fetch_max_response_buffer_size`: maximum size of the body of a response, bytes. */
  readonly maxBody: number;
  /** `js_fetch_verify`. */
  readonly verify: boolean;
  readonly connections: FetchConnections;
}

/** Options of `ngx.fetch`; the sizes are deprecated in njs. */
export interface FetchOptions extends RequestOptions {
  readonly buffer_size?: unknown;
  readonly max_response_body_size?: unknown;
  readonly verify?: unknown;
}

/** Settings of the location, with the hop that depends on the request. */
export interface FetchRoute extends FetchSettings {
  /** Proxy and name resolution. */
  readonly hop: Hop;
}

const MAX_HOST = 256;
/** Fields that describe the framing; they follow from the body. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'connection']);
/** Methods that may be repeated if a connection was closed while idle (RFC 9110 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']);

/** Messages for codes of Node's parser. */
const PARSER_ERRORS: readonly (readonly [code: RegExp, message: string])[] = [
  [/^HPE_(UNEXPECTED_CONTENT_LENGTH|INVALID_CONTENT_LENGTH)$/, 'invalid http content length'],
  [/^HPE_(INVALID_CHUNK_SIZE|CHUNK_EXTENSIONS_OVERFLOW)$/, 'invalid http chunked response'],
  [
    /^HPE_(INVALID_HEADER_TOKEN|HEADER_OVERFLOW|LF_EXPECTED|CR_EXPECTED|INVALID_TRANSFER_ENCODING)$/,
    'invalid http header',
  ],
  [/^HPE_CLOSED_CONNECTION$/, 'http trailing data'],
  [/^HPE_/, 'invalid http status line'],
];

/**
 * Sends a request; rejects with TypeError for invalid arguments, otherwise with FetchFailed. `caller`: the function that a
 * script has called; the stack of a failure begins at its call.
 */
export async function scriptFetch(
  input: unknown,
  options: FetchOptions | undefined,
  route: FetchRoute,
  caller: (...args: never[]) => unknown = scriptFetch,
): Promise<Response> {
  const stack = stackAbove(caller);
  const request = new Request(input, options);
  const target = targetOf(request.url);
  if (target.host.length >= MAX_HOST) throw new TypeError('Host name too long');
  const limits = limitsOf(options, route);
  try {
    return await send(request, target, limits, 0);
  } catch (error) {
    if (error instanceof FetchFailed) error.stack = `Error: ${error.message}${stack}`;
    throw error;
  }
}

/** Frames of the callers of a function, each on a line of its own. */
function stackAbove(caller: (...args: never[]) => unknown): string {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, caller);
  const { stack = '' } = holder;
  const first = stack.indexOf('\n');
  return first < 0 ? '' : stack.slice(first);
}

function limitsOf(options: FetchOptions | undefined, route: FetchRoute): FetchRoute {
  if (typeof options !== 'object' || options === null) return route;
  const { buffer_size, max_response_body_size, verify } = options;
  return {
    ...route,
    headSize: buffer_size === undefined ? route.headSize : sizeOf(buffer_size),
    maxBody: max_response_body_size === undefined ? route.maxBody : sizeOf(max_response_body_size),
    verify: verify === undefined ? route.verify : Boolean(verify),
  };
}

function sizeOf(value: unknown): number {
  const size = Math.trunc(Number(value)) || 0;
  if (size < 0) throw new RangeError('size is negative');
  return size;
}

async function send(request: Request, target: Target, route: FetchRoute, attempt: number): Promise<Response> {
  const exchange = new FetchExchange(request, target, route);
  try {
    return await exchange.response;
  } catch (error) {
    // The server closed an idle connection while the request was in transit.
    if (exchange.reusedAndClosed && attempt < 3 && IDEMPOTENT.has(request.method)) {
      return send(request, target, route, attempt + 1);
    }
    throw error;
  }
}

class FetchExchange {
  readonly response: Promise<Response>;
  reusedAndClosed = false;
  private over = false;
  private readonly aborter = new AbortController();
  private readonly message: ClientRequest;
  private received: IncomingMessage | null = null;
  private timer: NodeJS.Timeout | null = null;
  private reject: (reason: Error) => void = () => {};

  constructor(
    private readonly request: Request,
    target: Target,
    private readonly route: FetchRoute,
  ) {
    const body = MessageBody.bytesOf(request);
    const { hop } = route;
    const plainProxy = hop.proxy !== null && !target.secure;
    const headers = this.headers(target, body, plainProxy ? (hop.proxy?.authorization ?? null) : null);
    const options: HttpOptions & FetchRequestOptions = {
      agent: route.connections.agent,
      fetchTarget: target,
      fetchHop: hop,
      fetchVerify: route.verify,
      fetchSignal: this.aborter.signal,
      host: target.host,
      port: target.port,
      method: request.method,
      path: toBytes(plainProxy ? absoluteForm(target) : target.path),
      headers,
      setHost: false,
      maxHeaderSize: Math.max(route.headSize, 1),
    };
    this.message = requestHttp(options);
    this.response = new Promise((resolve, reject) => {
      this.reject = reject;
      this.message.on('response', (received) => this.receive(received, resolve));
    });
    this.message.on('error', (error: NodeJS.ErrnoException) => this.fail(error));
    this.message.on('close', () => this.fail(null));
    this.message.on('socket', (socket) => {
      socket.on('connect', this.active);
      socket.on('drain', this.active);
      this.message.once('close', () => {
        socket.off('connect', this.active);
        socket.off('drain', this.active);
      });
    });
    this.active();
    this.message.end(body);
  }

  /** Names and values in turn. */
  private headers(target: Target, body: Buffer, authorization: string | null): string[] {
    const { headers, method } = this.request;
    const fields: string[] = [];
    const host = headers.get('Host') ?? (target.isDefaultPort ? target.host : `${target.host}:${target.port}`);
    fields.push('Host', toBytes(host));
    if (!headers.has('User-Agent')) fields.push('User-Agent', 'nginx-js');
    if (authorization !== null) fields.push('Proxy-Authorization', authorization);
    fields.push('Connection', this.route.connections.keepsConnections ? 'keep-alive' : 'close');
    for (const [name, value] of fieldsOf(headers)) {
      const lower = name.toLowerCase();
      if (FRAMING.has(lower) || lower === 'host') continue;
      fields.push(name, toBytes(value));
    }
    if (body.length > 0 || (method !== 'GET' && method !== 'HEAD')) {
      fields.push('Content-Length', String(body.length));
    }
    return fields;
  }

  /** Starts the time until the next event again. */
  private readonly active = (): void => {
    if (this.over) return;
    if (this.timer === null) this.timer = setTimeout(() => this.timedOut(), this.route.timeout);
    else this.timer.refresh();
  };

  private timedOut(): void {
    const connected = this.message.socket?.connecting === false;
    this.settle(new FetchFailed(connected || this.message.reusedSocket ? 'read timed out' : 'write timed out'));
  }

  private receive(received: IncomingMessage, resolve: (response: Response) => void): void {
    this.received = received;
    this.active();
    const chunks: Buffer[] = [];
    let size = 0;
    const complete = (): void => {
      this.stopTimer();
      resolve(
        Response.received({
          url: this.request.url,
          status: received.statusCode ?? 0,
          statusText: toText(received.statusMessage ?? ''),
          headers: receivedHeaders(pairsOf(received.rawHeaders)),
          body: Buffer.concat(chunks, size),
        }),
      );
    };
    // The response to HEAD has no body: bytes that follow its head are an error.
    if (this.request.method === 'HEAD') complete();
    const { maxBody } = this.route;
    const declared = this.request.method === 'HEAD' ? 0 : Number(received.headers['content-length'] ?? 0);
    if (declared > maxBody) {
      this.settle(new FetchFailed('http content length is too large'));
      return;
    }
    received.on('data', (chunk: Buffer) => {
      this.active();
      size += chunk.length;
      if (size <= maxBody) chunks.push(chunk);
      else this.settle(new FetchFailed(tooLarge(received)));
    });
    received.on('error', (error: NodeJS.ErrnoException) => this.fail(error));
    received.on('end', () => {
      if (!received.complete) {
        this.fail(null);
        return;
      }
      complete();
    });
  }

  /** Fails with the message for an error of Node; null: the connection was closed. */
  private fail(error: NodeJS.ErrnoException | null): void {
    const code = error?.code ?? '';
    const closed = error === null || code === 'ECONNRESET' || code === 'EPIPE';
    if (!this.over && closed && this.message.reusedSocket && this.received === null) this.reusedAndClosed = true;
    this.settle(reasonOf(error, closed));
  }

  private settle(reason: Error): void {
    if (this.over) return;
    this.stopTimer();
    this.reject(reason);
    this.aborter.abort(reason);
    this.message.destroy();
  }

  private stopTimer(): void {
    this.over = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}

/** The error for scripts. */
function reasonOf(error: NodeJS.ErrnoException | null, closed: boolean): Error {
  if (error instanceof FetchFailed) return error;
  const code = error?.code ?? '';
  const parser = PARSER_ERRORS.find(([each]) => each.test(code))?.[1];
  if (parser !== undefined) return new FetchFailed(parser);
  if (closed) return new FetchFailed('prematurely closed connection');
  return code === '' && error !== null ? error : new FetchFailed('connect failed');
}

function tooLarge({ headers }: IncomingMessage): string {
  return headers['transfer-encoding'] === undefined
    ? 'http response body is too large'
    : 'very large http chunked response';
}

/** RFC 9112 3.2.2. */
function absoluteForm({ host, port, path, isDefaultPort }: Target): string {
  return `http://${host}${isDefaultPort ? '' : `:${port}`}${path}`;
}

/** Node's list of names and values, decoded. */
function* pairsOf(raw: readonly string[]): Generator<[string, string]> {
  for (let i = 0; i + 1 < raw.length; i += 2) yield [raw[i] ?? '', toText(raw[i + 1] ?? '')];
}
