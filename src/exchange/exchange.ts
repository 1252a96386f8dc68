/** A request and its response. */
import type { Captures } from '../config/pcre/expression.js';
import { callbackTime } from '../http/clock.js';
import type { HeaderBlock } from '../http/header-block.js';
import { ResponseHead } from '../http/response-head.js';
import type { ErrorLog } from '../logging/error-log.js';
import type { ListenerProgram, LocationProgram, ServerProgram } from '../program/program.js';
import type { StateKey } from '../program/state-key.js';
import type { BodySink, Chunk, ClientSide, Producer } from './client-side.js';
import * as engine from './engine.js';
import type { Pace } from './pace.js';
import { NO_BODY, type RequestBody } from './request-body.js';
import { Subrequest, type SubrequestOptions, type Subrequests } from './subrequest.js';
import type { UpstreamAttempt } from './upstream-attempt.js';

export { StateKey } from '../program/state-key.js';

/**
 * Transforms a response body. `next` passes data on; null is the end of the body, and the response is complete only
 * when the last filter has passed it on. An asynchronous filter buffers pending data and calls `next` later; it then
 * replaces `x.producer`, to be resumed when the client accepts more data.
 */
export interface BodyFilter {
  /** Returns the last result of `next` (false: the client is slow), or true if nothing was passed on. */
  push(chunk: Chunk | null, next: (chunk: Chunk | null) => boolean): boolean;
}

// Values of `Exchange.lineProgress`: the request line is complete; it was read up to the version; or less.
export const LINE_READ = 2;
export const LINE_AT_VERSION = 1;
export const LINE_BEGUN = 0;

/** All fields are set in the constructor, so that all exchanges have one shape. */
export class Exchange {
  // -- the request as received
  method = 'GET';
  /** `$request`. */
  requestLine = '';
  /** Progress of reading the request line: LINE_READ, unless it was refused or never completed. */
  lineProgress = LINE_READ;
  /** Request target as written, without scheme and authority: `$request_uri`. Empty if it was not accepted. */
  target = '';
  /** 9, 10, 11 or 20. */
  version = 11;
  headers: HeaderBlock;
  /** The accepted host, from the request line or the Host field, in lower case without port; empty if there is none. */
  host = '';
  /** Declared length of the body; -1 if chunked; 0 for none. */
  contentLength = 0;
  /** Number of the configuration with which it began: `$config_generation`. */
  generation = 0;
  /** Time at which the first byte of the request was read, ms since 1970 (with fractions). */
  startTime = 0;
  /** The client's address: the connection's, unless `set_real_ip_from` trusts a proxy's report. */
  remoteAddress: string;
  remotePort: number;

  // -- processing state
  /** Decoded and normalised path: `$uri`. */
  uri = '/';
  /** `$args`. */
  args = '';
  /** Whether the original encoding of `target` still represents the URI: true while `uri` is unchanged. */
  uriUnchanged = true;
  /**
   * Whether the location's name is still a prefix of `uri`: false once `rewrite ... break` changed it there. nginx:
   * valid_location.
   */
  validLocation = true;
  listener: ListenerProgram;
  server: ServerProgram;
  location: LocationProgram;
  /** Set by a rewrite: a location must be selected again. */
  uriChanged = false;
  /** Cycles left before nginx fails with 500. */
  uriChanges = 11;
  /** Whether this is an internal redirect (`internal` locations are accessible). */
  internal = false;
  /** The subrequest of this exchange; null for a client's request. */
  nested: Subrequest | null = null;
  /** Subrequests made by this exchange. */
  subrequests: Subrequests | null = null;

  // -- values
  /** Values of variables, by `Variable.slot`. */
  slots: (string | undefined)[];
  /** The last match of a regular expression: `$1` … */
  captures: Captures | null = null;
  private states: Map<unknown, unknown> | null = null;
  /** States that survive internal redirects. */
  private requestStates: Map<unknown, unknown> | null = null;

  // -- the request body
  body: RequestBody | null = null;

  // -- the response
  readonly response = new ResponseHead();
  headSent = false;
  /** HEAD, 204, 304: a head without a body. */
  headOnly = false;
  filters: BodyFilter[] | null = null;
  producer: Producer | null = null;
  /** Status of the error for which an error page is served; 0 for none. */
  errorStatus = 0;
  /** 401 or 403 from an access handler while `satisfy any` still allows another one to grant access. */
  accessStatus = 0;
  /** Whether the request body was refused and is not read. */
  bodyDiscarded = false;
  /** Whether the exchange continues after the client has closed the connection (`proxy_ignore_client_abort`). */
  ignoreClientAbort = false;
  /** Whether ranges of the response body may be sent. */
  allowRanges = false;
  /** Whether an error page is being served (a second error is not intercepted unless `recursive_error_pages`). */
  errorPageActive = false;
  keepAlive = true;
  /** Whether the response is complete: `$request_completion`. */
  completed = false;
  /**
   * Whether the upstream closed the connection during its response: the client's connection is closed, and nginx still
   * logs `OK`.
   */
  cutByUpstream = false;
  /** Whether the exchange is logged and finished. */
  finished = false;
  /** Whether the exchange was upgraded to a tunnel. */
  tunnelled = false;
  /** bytes/s; 0: unlimited; -1: not evaluated yet. */
  limitRate = -1;
  /** Limits the rate of the body; null if unlimited. */
  pace: Pace | null = null;

  // -- the upstream
  attempts: UpstreamAttempt[] | null = null;
  /** The upstream's response head, for `$upstream_http_*`. */
  upstreamHeaders: HeaderBlock | null = null;
  /** The upstream's trailer section, each line terminated by CRLF; empty if there is none. */
  upstreamTrailers = '';
  /** Host and port of the pass directive executed in this location, if any: `$proxy_host`, `$proxy_port`. */
  upstreamHost: string | undefined = undefined;
  upstreamPort: string | undefined = undefined;
  /** Method of the upstream request. */
  upstreamMethod = '';
  /** URI of the upstream request, for log lines. */
  upstreamUri = '';
  /** Released after the exchange is logged. */
  resource: { release(): void } | null = null;
  /** Further resources, of the client's whole request; see `onFinish`. */
  disposables: { release(): void }[] | null = null;

  /** Position in the phases; see engine.ts. */
  phase = 0;
  step = 0;

  constructor(
    readonly client: ClientSide,
    headers: HeaderBlock,
    listener: ListenerProgram,
    slots: number,
  ) {
    this.headers = headers;
    this.remoteAddress = client.remoteAddress;
    this.remotePort = client.remotePort;
    this.listener = listener;
    this.server = listener.defaultServer;
    this.location = listener.defaultServer.base;
    this.slots = slots === 0 ? NO_SLOTS : new Array<string | undefined>(slots);
  }

  /**
   * Starts a subrequest with this request's fields and variables. As in nginx, access rules are not checked again, and
   * `internal` locations are accessible. Returns null and logs an error if there are too many.
   */
  subrequest(uri: string, args: string, options: SubrequestOptions): Subrequest | null {
    return Subrequest.begin(this, uri, args, options);
  }

  /** Creates the exchange of a subrequest. */
  fork(client: Subrequest): Exchange {
    const x = new Exchange(client, this.headers, this.listener, 0);
    x.nested = client;
    x.slots = this.slots;
    x.requestLine = this.requestLine;
    x.lineProgress = this.lineProgress;
    x.target = this.target;
    x.version = this.version;
    x.host = this.host;
    x.generation = this.generation;
    x.startTime = callbackTime();
    x.uriUnchanged = false;
    x.internal = true;
    x.server = this.server;
    x.location = this.server.base;
    return x;
  }

  get errorLog(): ErrorLog {
    return this.location.settings.errorLog;
  }

  /** State that a module stores for this exchange. */
  state<T>(key: StateKey<T>): T | undefined {
    const states = key.scope === 'request' ? this.main.requestStates : this.states;
    return states?.get(key) as T | undefined;
  }
  setState<T>(key: StateKey<T>, value: T): void {
    if (key.scope === 'request') {
      const { main } = this;
      main.requestStates ??= new Map();
      main.requestStates.set(key, value);
    } else {
      this.states ??= new Map();
      this.states.set(key, value);
    }
  }

  /** The client's own request: this one, or the one from which this subrequest originates. */
  get main(): Exchange {
    return this.nested?.main ?? this;
  }

  /** Releases a resource when the client's request is finished and logged. nginx: a cleanup of the request's pool. */
  onFinish(held: { release(): void }): void {
    const { main } = this;
    main.disposables ??= [];
    main.disposables.push(held);
  }

  /** Discards module state of this exchange, which continues in another location. */
  clearStates(): void {
    this.states = null;
    this.upstreamHost = undefined;
    this.upstreamPort = undefined;
  }

  /** Media type that `types` assigns to the extension of the URI, or `default_type`. */
  defaultType(): string {
    const { types, defaultType } = this.location.settings;
    const dot = this.uri.lastIndexOf('.');
    if (dot < 0 || dot < this.uri.lastIndexOf('/')) return defaultType;
    return types.get(this.uri.slice(dot + 1).toLowerCase()) ?? defaultType;
  }

  /** Runs the phases from the start; called once, after the head was read and the server selected. */
  start(): void {
    engine.start(this);
  }

  /**
   * Ends with a status: sends its error page, redirect or built-in page; 444 closes without a response. If the head was
   * already sent the connection is closed. The target of a redirect must be set with `response.set('Location', …)`
   * before.
   */
  finalize(status: number): void {
    engine.finalize(this, status);
  }

  /** Sends a complete response, with the given content type (or the location's default). */
  respond(status: number, body: string | Buffer, contentType?: string): void {
    engine.respond(this, status, body, contentType);
  }

  /**
   * Runs the header filters and sends the head. `response.status` and the fields must be set. `ended`: no body follows.
   * Returns false if a filter replaced the response; the caller then sends no body and releases its resources.
   */
  sendHead(ended = false): boolean {
    return engine.sendHead(this, ended);
  }

  /** Sends a chunk through the body filters; false: wait for `producer.resume`. */
  write(chunk: Chunk): boolean {
    return engine.write(this, chunk);
  }

  /** Sends bytes `start` to `end` of a borrowed buffer likewise. */
  writeBytes(bytes: Buffer, start: number, end: number): boolean {
    return engine.writeBytes(this, bytes, start, end);
  }

  /** Completes the body; logs and ends the exchange. */
  end(): void {
    engine.end(this);
  }

  /** Ends an incomplete response: closes the client's connection, logs and ends the exchange. */
  abort(): void {
    engine.abort(this);
  }

  /** Continues with another URI (and arguments, if given), as in `try_files`, `error_page` and `index`. */
  internalRedirect(uri: string, args?: string): void {
    engine.internalRedirect(this, uri, args);
  }

  /** Continues in a named location (`@name`); returns false if it does not exist. */
  toNamedLocation(name: string): boolean {
    return engine.toNamedLocation(this, name);
  }

  /** Reads the whole body into `this.body` (memory, then a temporary file), then calls back; not called on failure. */
  readBody(then: () => void): void {
    engine.readBody(this, then);
  }

  /** Streams the body to `sink`; it is not available afterwards. */
  streamBody(sink: BodySink): void {
    this.body = NO_BODY;
    this.client.readBody(sink);
  }

  /** Resumes the phases after a handler that returned a promise or DONE and lets the request continue. */
  resume(verdict: number): void {
    engine.resume(this, verdict);
  }
}

const NO_SLOTS: (string | undefined)[] = [];
