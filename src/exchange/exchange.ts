/** The engine's implementation of an exchange. */
import type { Captures } from '../config/pcre/expression.js';
import { callbackTime } from '../http/clock.js';
import type { HeaderBlock } from '../http/header-block.js';
import { ResponseHead } from '../http/response-head.js';
import type { ErrorLog } from '../logging/error-log.js';
import type { BodyFilter, BodySink, Chunk, Producer, RequestBody } from '../program/body.js';
import type { Exchange, SubrequestOptions } from '../program/exchange.js';
import type { ListenerProgram, LocationProgram, ServerProgram } from '../program/program.js';
import type { StateKey } from '../program/state-key.js';
import type { UpstreamAttempt } from '../program/upstream-attempt.js';
import type { Verdict } from '../program/verdict.js';
import type { RequestRecord } from '../tap/records.js';
import { BorrowedBody } from './borrowed-body.js';
import type { ClientSide } from './client-side.js';
import {
  type ActiveSubrequests,
  type BodyPace,
  type EngineExchange,
  type EngineSubrequest,
  LINE_READ,
  type UpgradeRequest,
} from './engine-exchange.js';
import * as finalization from './finalization.js';
import { logContext } from './log-context.js';
import * as output from './output.js';
import * as phases from './phases.js';
import { NO_BODY, readBody } from './request-body.js';
import { keepRecord } from './request-record.js';
import { NestedRequest } from './subrequest.js';
import { tapRequest } from './tapped.js';

/**
 * All fields are set in the constructor, so that all exchanges have one shape. `Exchange` and `EngineExchange` document
 * the members.
 */
export class HttpExchange implements EngineExchange {
  // -- the request as received
  method = 'GET';
  requestLine = '';
  lineProgress = LINE_READ;
  target = '';
  version = 11;
  headers: HeaderBlock;
  host = '';
  contentLength = 0;
  generation = 0;
  startTime = 0;
  remoteAddress: string;
  remotePort: number;

  // -- processing state
  uri = '/';
  args = '';
  uriUnchanged = true;
  validLocation = true;
  listener: ListenerProgram;
  server: ServerProgram;
  location: LocationProgram;
  uriChanged = false;
  uriChanges = 11;
  internal = false;
  nested: EngineSubrequest | null = null;
  follows: EngineExchange | null = null;
  subrequests: ActiveSubrequests | null = null;

  // -- values
  slots: (string | undefined)[];
  captures: Captures | null = null;
  private states: Map<unknown, unknown> | null = null;
  /** The object that represents it in scripts; a field, because variables of scripts need it for each request. */
  scriptObject: object | null = null;
  /** States that survive internal redirects. */
  private requestStates: Map<unknown, unknown> | null = null;

  // -- the request body
  body: RequestBody | null = null;

  // -- the response
  response = new ResponseHead();
  headSent = false;
  headOnly = false;
  filters: BodyFilter[] | null = null;
  producer: Producer | null = null;
  errorStatus = 0;
  accessStatus = 0;
  bodyDiscarded = false;
  ignoreClientAbort = false;
  unbuffered = false;
  allowRanges = false;
  errorPageActive = false;
  keepAlive = true;
  completed = false;
  cutByUpstream = false;
  started = false;
  finished = false;
  tunnelled = false;
  limitRate = -1;
  pace: BodyPace | null = null;

  // -- the upstream
  attempts: UpstreamAttempt[] | null = null;
  upstreamHeaders: HeaderBlock | null = null;
  upstreamTrailers = '';
  cacheUse: { readonly status: string | null } | null = null;
  upstreamHost: string | undefined = undefined;
  upstreamPort: string | undefined = undefined;
  upstreamMethod = '';
  upstreamUri = '';
  upgradeRequest: UpgradeRequest | null = null;
  resource: { release(): void } | null = null;
  disposables: { release(): void }[] | null = null;
  phase = 0;
  step = 0;
  record: RequestRecord | null = null;

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

  subrequest(uri: string, args: string, options: SubrequestOptions): NestedRequest | null {
    return NestedRequest.begin(this, uri, args, options);
  }

  fork(client: ClientSide & EngineSubrequest): HttpExchange {
    const x = this.copy(client);
    x.nested = client;
    // For the exchange's lines in the error log.
    x.record = this.record;
    x.startTime = callbackTime();
    return x;
  }

  continued(client: ClientSide): HttpExchange {
    const x = this.copy(client);
    x.follows = this.follows ?? this;
    x.method = this.method;
    x.contentLength = this.contentLength;
    x.body = this.body === null ? NO_BODY : new BorrowedBody(this.body);
    x.bodyDiscarded = this.bodyDiscarded;
    x.startTime = this.startTime;
    x.uri = this.uri;
    x.args = this.args;
    x.uriChanges = this.uriChanges;
    x.captures = this.captures;
    x.requestStates = this.requestStates;
    x.response = this.response;
    x.headOnly = true;
    x.errorStatus = this.errorStatus;
    x.errorPageActive = this.errorPageActive;
    x.attempts = this.attempts;
    x.upstreamHeaders = this.upstreamHeaders;
    x.upstreamTrailers = this.upstreamTrailers;
    x.cacheUse = this.cacheUse;
    return x;
  }

  /** Whether it holds neither a body nor filters, which may hold buffers or contexts of compressors. */
  get small(): boolean {
    return this.body === null && this.filters === null;
  }

  /** Creates an exchange for the same request. */
  private copy(client: ClientSide): HttpExchange {
    const x = new HttpExchange(client, this.headers, this.listener, 0);
    x.slots = this.slots;
    x.requestLine = this.requestLine;
    x.lineProgress = this.lineProgress;
    x.target = this.target;
    x.version = this.version;
    x.host = this.host;
    x.generation = this.generation;
    x.uriUnchanged = false;
    x.internal = true;
    x.server = this.server;
    x.location = this.server.base;
    return x;
  }

  get errorLog(): ErrorLog {
    return this.location.settings.errorLog;
  }

  logContext(): string {
    return logContext(this);
  }

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

  get main(): HttpExchange {
    return (this.nested?.main as HttpExchange | undefined) ?? this; // the only implementation
  }

  onFinish(held: { release(): void }): void {
    const { main } = this;
    main.disposables ??= [];
    main.disposables.push(held);
  }

  clearStates(): void {
    this.states = null;
    this.scriptObject = null;
    this.response.varies = false;
    this.upstreamHost = undefined;
    this.upstreamPort = undefined;
  }

  defaultType(): string {
    const { types, defaultType } = this.location.settings;
    const dot = this.uri.lastIndexOf('.');
    if (dot < 0 || dot < this.uri.lastIndexOf('/')) return defaultType;
    return types.get(this.uri.slice(dot + 1).toLowerCase()) ?? defaultType;
  }

  start(): void {
    this.prepare();
    phases.start(this);
  }

  startContent(): void {
    this.prepare();
    phases.startContent(this);
  }

  private prepare(): void {
    this.started = true;
    if (this.server.tap.active) {
      tapRequest(this);
      keepRecord(this);
    }
  }

  finalize(status: number): void {
    finalization.finalize(this, status);
  }

  respond(status: number, body: string | Buffer, contentType?: string): void {
    output.respond(this, status, body, contentType);
  }

  sendHead(ended = false): boolean {
    return output.sendHead(this, ended);
  }

  write(chunk: Chunk): boolean {
    return output.write(this, chunk);
  }

  writeBytes(bytes: Buffer, start: number, end: number): boolean {
    return output.writeBytes(this, bytes, start, end);
  }

  flush(): void {
    output.flush(this);
  }

  end(): void {
    output.end(this);
  }

  clientGone(status?: number): void {
    finalization.clientGone(this, status);
  }

  finish(): void {
    finalization.finish(this);
  }

  release(): void {
    finalization.release(this);
  }

  abort(): void {
    finalization.abort(this);
  }

  internalRedirect(uri: string, args?: string): void {
    phases.internalRedirect(this, uri, args);
  }

  toNamedLocation(name: string): boolean {
    return phases.toNamedLocation(this, name);
  }

  readBody(then: () => void): void {
    readBody(this, then);
  }

  streamBody(sink: BodySink): void {
    this.body = NO_BODY;
    this.client.readBody(sink);
  }

  resume(verdict: Verdict): void {
    phases.resume(this, verdict);
  }
}

/**
 * Returns the engine's view of an exchange, for code of this project that forwards or rewrites requests: all exchanges
 * that handlers receive are implemented by this class.
 */
export function httpExchange(x: Exchange): HttpExchange {
  return x as HttpExchange;
}

const NO_SLOTS: (string | undefined)[] = [];
