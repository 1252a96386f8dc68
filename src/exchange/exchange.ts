/** One request and its answer. */
import type { Captures } from '../config/pcre/expression.js';
import type { HeaderBlock } from '../http/header-block.js';
import { ResponseHead } from '../http/response-head.js';
import type { BodySink, Chunk, ClientSide, Producer } from './client-side.js';
import { callbackTime } from './clock.js';
import * as engine from './engine.js';
import type { ErrorLog } from './error-log.js';
import type { Pace } from './pace.js';
import type { ListenerProgram, LocationProgram, ServerProgram } from './program.js';
import { NO_BODY, type RequestBody } from './request-body.js';
import type { StateKey } from './state-key.js';
import { Subrequest, type SubrequestOptions, type Subrequests } from './subrequest.js';
import type { UpstreamAttempt } from './upstream-attempt.js';

export { StateKey } from './state-key.js';

/**
 * Changes an answer's body on its way. `next` takes what is to go on; null is the end of the body, and the answer is complete
 * only when the last filter has passed it on. A filter that must wait for something keeps what it cannot pass on yet, and
 * calls `next` later; it then stands in for `x.producer`, so that it hears when the client can take more.
 */
export interface BodyFilter {
  /** Returns what `next` returned last (false: the client is slow), or true where nothing was passed on. */
  push(chunk: Chunk | null, next: (chunk: Chunk | null) => boolean): boolean;
}

/** Values of `Exchange.lineProgress`: the request line is complete; it was read up to the version; or not so far. */
export const LINE_READ = 2;
export const LINE_AT_VERSION = 1;
export const LINE_BEGUN = 0;

/** Every field is set in the constructor, so that all exchanges have one shape. */
export class Exchange {
  // -- the request, as it came
  method = 'GET';
  /** `$request`. */
  requestLine = '';
  /** How far the request line was read: LINE_READ, unless it is refused or never completed. */
  lineProgress = LINE_READ;
  /** The request target as written, without scheme and authority: `$request_uri`. Empty where it was not accepted. */
  target = '';
  /** 9, 10, 11 or 20. */
  version = 11;
  headers: HeaderBlock;
  /** The accepted host, of the request line or of the Host field, in lower case without port; empty where there is none. */
  host = '';
  /** Declared length of the body; -1 where chunked; 0 for none. */
  contentLength = 0;
  /** The number of the configuration with which it began: `$config_generation`. */
  generation = 0;
  /** ms since 1970 (with fractions), when the first byte of the request was read. */
  startTime = 0;
  /** The client's address: the connection's, unless `set_real_ip_from` trusts what another proxy says. */
  remoteAddress: string;
  remotePort: number;

  // -- where it is handled
  /** Decoded and normalised path: `$uri`. */
  uri = '/';
  /** `$args`. */
  args = '';
  /** Bytes of the target that already are the URI in its original encoding: true while `uri` is unchanged. */
  uriUnchanged = true;
  /** The location's name still is a prefix of `uri`: false once `rewrite ... break` changed it in there. nginx: valid_location. */
  validLocation = true;
  listener: ListenerProgram;
  server: ServerProgram;
  location: LocationProgram;
  /** Set by a rewrite: look for a location again. */
  uriChanged = false;
  /** Cycles left before nginx gives up with 500. */
  uriChanges = 11;
  /** Inside an internal redirect (`internal` locations are open). */
  internal = false;
  /** What this exchange is where the proxy itself made the request; null where a client did. */
  nested: Subrequest | null = null;
  /** The subrequests that were made for this exchange. */
  subrequests: Subrequests | null = null;

  // -- values
  /** Values of variables, by `Variable.slot`. */
  slots: (string | undefined)[];
  /** The last match of a regular expression: `$1` … */
  captures: Captures | null = null;
  private states: Map<unknown, unknown> | null = null;
  /** Those that outlive internal redirects. */
  private requestStates: Map<unknown, unknown> | null = null;

  // -- the body of the request
  body: RequestBody | null = null;

  // -- the answer
  readonly response = new ResponseHead();
  headSent = false;
  /** HEAD, 204, 304: a head without a body. */
  headOnly = false;
  filters: BodyFilter[] | null = null;
  producer: Producer | null = null;
  /** The status of the error that is being answered by an error page; 0 for none. */
  errorStatus = 0;
  /** 401 or 403 that an access handler gave while `satisfy any` still waits for one that lets through. */
  accessStatus = 0;
  /** The body of the request was refused: it is not read. */
  bodyDiscarded = false;
  /** The exchange goes on when the client is gone (`proxy_ignore_client_abort`). */
  ignoreClientAbort = false;
  /** The answer's body may be cut into ranges. */
  allowRanges = false;
  /** An error page is being served (a second error is not caught again unless `recursive_error_pages`). */
  errorPageActive = false;
  keepAlive = true;
  /** The answer is complete: `$request_completion`. */
  completed = false;
  /** The upstream ended in the middle of its answer: the client's connection is closed, and nginx says `OK` all the same. */
  cutByUpstream = false;
  /** Logged and over. */
  finished = false;
  /** The upgrade was taken: this exchange is a tunnel. */
  tunnelled = false;
  /** bytes/s; 0 unlimited; -1: not evaluated yet. */
  limitRate = -1;
  /** Holds the body back to that rate; null where nothing limits it. */
  pace: Pace | null = null;

  // -- the upstream side
  attempts: UpstreamAttempt[] | null = null;
  /** The upstream's answer head, for `$upstream_http_*`. */
  upstreamHeaders: HeaderBlock | null = null;
  /** The upstream's trailer section, each line ended by CRLF; empty where there is none. */
  upstreamTrailers = '';
  /** Host and port of the pass directive that this location carried out, if any: `$proxy_host`, `$proxy_port`. */
  upstreamHost: string | undefined = undefined;
  upstreamPort: string | undefined = undefined;
  /** The method of the request to the upstream. */
  upstreamMethod = '';
  /** The URI that the upstream was asked for, for log lines. */
  upstreamUri = '';
  /** What is given back when the exchange was logged. */
  resource: { release(): void } | null = null;
  /** More of that, of the client's whole request; see `hold`. */
  disposables: { release(): void }[] | null = null;

  /** Where the engine stands; see engine.ts. */
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
   * Makes a request of the proxy to itself, with this request's fields and variables. As in nginx, access rules are not
   * asked again, and locations that are `internal` are open. Null, with a line in the log, where there are too many.
   */
  subrequest(uri: string, args: string, options: SubrequestOptions): Subrequest | null {
    return Subrequest.begin(this, uri, args, options);
  }

  /** A new exchange for a subrequest of this one. */
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

  /** What a module remembers for this exchange. */
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

  /** The client's own request: this one, or the one from which this subrequest comes. */
  get main(): Exchange {
    return this.nested?.main ?? this;
  }

  /** Gives something back when the client's request is over and logged. nginx: a cleanup of the request's pool. */
  onFinish(held: { release(): void }): void {
    const { main } = this;
    main.disposables ??= [];
    main.disposables.push(held);
  }

  /** Forgets what modules remember for this exchange: it goes on in another location. */
  clearStates(): void {
    this.states = null;
    this.upstreamHost = undefined;
    this.upstreamPort = undefined;
  }

  /** The media type that `types` gives to the extension of the URI, or `default_type`. */
  defaultType(): string {
    const { types, defaultType } = this.location.settings;
    const dot = this.uri.lastIndexOf('.');
    if (dot < 0 || dot < this.uri.lastIndexOf('/')) return defaultType;
    return types.get(this.uri.slice(dot + 1).toLowerCase()) ?? defaultType;
  }

  /** Runs the phases from the start; called once, when the head was read and the server chosen. */
  start(): void {
    engine.start(this);
  }

  /**
   * Ends with a status: its error page, redirect or built-in page is sent; 444 closes without an answer. With the head
   * already sent the connection is ended. A redirect's target goes into `response.set('Location', …)` before.
   */
  finalize(status: number): void {
    engine.finalize(this, status);
  }

  /** Answers from here: a whole body, with the content type given (or the location's default). */
  respond(status: number, body: string | Buffer, contentType?: string): void {
    engine.respond(this, status, body, contentType);
  }

  /**
   * Runs the header filters and sends the head. `response.status` and the fields must be set. `ended`: no body follows.
   * False: a filter put another answer in its place; the caller sends no body and lets go of what it holds.
   */
  sendHead(ended = false): boolean {
    return engine.sendHead(this, ended);
  }

  /** Sends a piece of the body through the body filters; false: wait for `producer.resume`. */
  write(chunk: Chunk): boolean {
    return engine.write(this, chunk);
  }

  /** The same for bytes `start` to `end` of a lent buffer. */
  writeBytes(bytes: Buffer, start: number, end: number): boolean {
    return engine.writeBytes(this, bytes, start, end);
  }

  /** The body is complete; logs and ends the exchange. */
  end(): void {
    engine.end(this);
  }

  /** The answer cannot be completed: ends the client's connection, logs and ends the exchange. */
  abort(): void {
    engine.abort(this);
  }

  /** Goes on with another URI (and arguments, where given), as `try_files`, `error_page` and `index` do. */
  internalRedirect(uri: string, args?: string): void {
    engine.internalRedirect(this, uri, args);
  }

  /** Goes on in a named location (`@name`); false where there is none. */
  toNamedLocation(name: string): boolean {
    return engine.toNamedLocation(this, name);
  }

  /** Reads the whole body into `this.body` (memory, then a temporary file), then calls back; not called on failure. */
  readBody(then: () => void): void {
    engine.readBody(this, then);
  }

  /** Has the body delivered piece by piece; nobody else gets it later. */
  streamBody(sink: BodySink): void {
    this.body = NO_BODY;
    this.client.readBody(sink);
  }

  /** Resumes the phases after a handler that answered with a promise or DONE and let the request go on after all. */
  resume(verdict: number): void {
    engine.resume(this, verdict);
  }
}

const NO_SLOTS: (string | undefined)[] = [];
