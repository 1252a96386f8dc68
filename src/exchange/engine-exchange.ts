/**
 * Exchange as the engine sees it: with the fields that handlers may only read, and those that they do not see. Files of
 * the engine (phases, finalization, output, subrequests) use each other through its methods only.
 */
import type { HeaderBlock } from '../http/header-block.js';
import type { BodyFilter, Chunk, RequestBody } from '../program/body.js';
import type { Exchange, Subrequest } from '../program/exchange.js';
import type { ListenerProgram, LocationProgram, ServerProgram } from '../program/program.js';
import type { UpstreamAttempt } from '../program/upstream-attempt.js';
import type { RequestRecord } from '../tap/records.js';
import type { ClientSide } from './client-side.js';

/** A subrequest as the engine sees it. */
export interface EngineSubrequest extends Subrequest {
  readonly parent: EngineExchange;
  readonly main: EngineExchange;
  readonly exchange: EngineExchange;
  /** Nesting depth, from 1. */
  readonly depth: number;
}

/** Active subrequests of an exchange. */
export interface ActiveSubrequests {
  /** For a client's own request: number of subrequests made so far, including nested ones. */
  made: number;
  add(subrequest: EngineSubrequest): void;
  /** Removes a finished subrequest; the last one releases a waiting parent. */
  remove(subrequest: EngineSubrequest): void;
  /** Called when the parent is finished. Returns true if the last background subrequest will release it. */
  outlive(): boolean;
}

/** Request for an upgrade, as sent to the upstream. */
export interface UpgradeRequest {
  /** Protocols, separated by commas; empty: the request is sent as a plain one. */
  readonly protocols: string;
  /** Whether `websocket` is one of them. */
  readonly websocket: boolean;
}

/** Limiter between the body filters and the client. */
export interface BodyPace {
  /** Writes a chunk of the body; false: wait for the producer's `resume`. */
  write(chunk: Chunk): boolean;
  /** Returns true if data is pending; `then` is called once it has been sent. */
  defers(then: () => void): boolean;
}

export interface EngineExchange extends Exchange {
  readonly client: ClientSide;

  // -- the request as received
  method: string;
  requestLine: string;
  /** Progress of reading the request line: LINE_READ, unless it was refused or never completed. */
  lineProgress: number;
  target: string;
  version: number;
  headers: HeaderBlock;
  host: string;
  contentLength: number;
  generation: number;
  startTime: number;
  /** Whether it holds neither a body nor filters, which may hold buffers or contexts of compressors. */
  readonly small: boolean;

  // -- processing state
  uri: string;
  args: string;
  uriUnchanged: boolean;
  validLocation: boolean;
  listener: ListenerProgram;
  server: ServerProgram;
  location: LocationProgram;
  /** Set by a rewrite: a location must be selected again. */
  uriChanged: boolean;
  /** Cycles left before nginx fails with 500. */
  uriChanges: number;
  internal: boolean;
  nested: EngineSubrequest | null;
  /** The exchange of which this one is the `post_action`; null for all others. */
  readonly follows: EngineExchange | null;
  /** Subrequests made by this exchange. */
  subrequests: ActiveSubrequests | null;
  /** Index of the current phase, and of the next handler in it; see phases.ts. */
  phase: number;
  step: number;
  /** 401 or 403 from an access handler while `satisfy any` still allows another one to grant access. */
  accessStatus: number;

  // -- the request body
  body: RequestBody | null;
  /** Whether the request body was refused and is not read. */
  bodyDiscarded: boolean;

  // -- the response
  headSent: boolean;
  headOnly: boolean;
  filters: BodyFilter[] | null;
  errorStatus: number;
  /** Whether an error page is being served (a second error is not intercepted unless `recursive_error_pages`). */
  errorPageActive: boolean;
  completed: boolean;
  /** Whether `start` was called: its head is complete, and was not refused. */
  readonly started: boolean;
  finished: boolean;
  /** Whether the exchange continues after the client has closed the connection (`proxy_ignore_client_abort`). */
  ignoreClientAbort: boolean;
  /**
   * Whether the upstream closed the connection during its response: the client's connection is closed, and nginx still
   * logs `OK`.
   */
  cutByUpstream: boolean;
  /** Whether the exchange was upgraded to a tunnel. */
  tunnelled: boolean;
  /** Limits the rate of the body; null if unlimited. */
  pace: BodyPace | null;

  // -- the upstream
  attempts: UpstreamAttempt[] | null;
  upstreamHeaders: HeaderBlock | null;
  upstreamTrailers: string;
  /** Host and port of the pass directive executed in this location, if any: `$proxy_host`, `$proxy_port`. */
  upstreamHost: string | undefined;
  upstreamPort: string | undefined;
  /** Method of the upstream request. */
  upstreamMethod: string;
  /** URI of the upstream request, for log lines. */
  upstreamUri: string;
  /** The upgrade that the upstream request asks for; null: the configured fields decide (`proxy_set_header`). */
  upgradeRequest: UpgradeRequest | null;
  /** Released after the exchange is logged. */
  resource: { release(): void } | null;
  /** Further resources, of the client's whole request; see `onFinish`. */
  disposables: { release(): void }[] | null;

  /** Record for the traffic tap; null: none is needed. */
  record: RequestRecord | null;

  /** Runs the phases from the start; called once, after the head was read and the server selected. */
  start(): void;
  /** Runs the phase `content` in the location that is set; called instead of `start`. */
  startContent(): void;
  /** Creates the exchange of a subrequest. */
  fork(client: ClientSide & EngineSubrequest): EngineExchange;
  /** Creates an exchange that processes the same request after its response: the `post_action`. */
  continued(client: ClientSide): EngineExchange;
  /** Discards module state of this exchange, which continues in another location. */
  clearStates(): void;
  /** Ends the exchange because the client closed the connection; `status` (default 499) is logged if no head was sent. */
  clientGone(status?: number): void;
  /** Runs the log phase and releases the connection. Called by the client side when the last byte is sent. */
  finish(): void;
  /** Releases the resources of a finished exchange, then the connection. */
  release(): void;
}

// Values of `lineProgress`: the request line is complete; it was read up to the version; or less.
export const LINE_READ = 2;
export const LINE_AT_VERSION = 1;
export const LINE_BEGUN = 0;
