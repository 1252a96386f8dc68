/**
 * Exchange as modules see it: a request with its response. The engine's implementation is `HttpExchange`
 * (`src/exchange/exchange.ts`).
 */
import type { HeaderBlock } from '../http/header-block.js';
import type { ResponseHead } from '../http/response-head.js';
import type { BodySink, Chunk, Producer, RequestBody } from './body.js';
import type { Client, Session } from './session.js';
import type { Location } from './settings-key.js';
import type { StateKey } from './state-key.js';
import type { UpstreamAttempt } from './upstream-attempt.js';
import type { Verdict } from './verdict.js';

/** The client's connection, with the figures of the current request. */
export interface HttpClient extends Client {
  /** `$connection_requests`. */
  readonly requests: number;
  /** `$pipe`: whether the request was pipelined. */
  readonly pipelined: boolean;
  /** Bytes sent without the final head, including chunk framing: `$body_bytes_sent`. */
  readonly bodyBytesSent: number;
  /** Bytes of the current request, head and body, as far as read: `$request_length`. */
  readonly requestLength: number;
  /** Whether the connection is closed. */
  readonly closed: boolean;
}

/** Strings are byte strings: one character per byte. */
export interface Exchange extends Session {
  readonly client: HttpClient;

  // -- the request
  readonly method: string;
  /** `$request`. */
  readonly requestLine: string;
  /** Request target as written, without scheme and authority: `$request_uri`. Empty if it was not accepted. */
  readonly target: string;
  /** 9, 10, 11 or 20. */
  readonly version: number;
  readonly headers: HeaderBlock;
  /** The accepted host, from the request line or the Host field, in lower case without port; empty if there is none. */
  readonly host: string;
  /** Declared length of the body; -1 if chunked; 0 for none. */
  readonly contentLength: number;
  /** The body if it was read (`readBody`), otherwise null. */
  readonly body: RequestBody | null;
  /** Decoded and normalized path: `$uri`. */
  readonly uri: string;
  /** `$args`. */
  readonly args: string;
  /** Whether `target` still represents the URI: false once a rewrite or redirect changed it. */
  readonly uriUnchanged: boolean;
  /** Whether the location's name is still a prefix of `uri`. nginx: valid_location. */
  readonly validLocation: boolean;
  /** Whether this is an internal redirect or a subrequest (`internal` locations are accessible). */
  readonly internal: boolean;
  readonly server: { readonly name: string };
  readonly location: Location;
  /** Number of the configuration with which it began: `$config_generation`. */
  readonly generation: number;
  /** The subrequest of this exchange; null for a client's request. */
  readonly nested: Subrequest | null;
  /** The client's own request: this one, or the one from which this subrequest originates. */
  readonly main: Exchange;

  // -- the response
  /** Status and fields; may be changed until the head is sent. */
  readonly response: ResponseHead;
  readonly headSent: boolean;
  /** HEAD, 204, 304: a head without a body. */
  readonly headOnly: boolean;
  /** Status of the error for which an error page is served; 0 for none. */
  readonly errorStatus: number;
  /** Whether each part of the body is to reach the client at once (`proxy_buffering off`). */
  unbuffered: boolean;
  /** Whether ranges of the response body may be sent. */
  allowRanges: boolean;
  /** Whether the connection may be used for another request. */
  keepAlive: boolean;
  /** bytes/s; 0: unlimited; -1: not evaluated yet. */
  limitRate: number;
  /** Source of the body, if it is produced over time. */
  producer: Producer | null;
  /** Whether the response is complete: `$request_completion`. */
  readonly completed: boolean;
  /** Whether the exchange is finished and logged. Check it after each wait: then the client has left. */
  readonly finished: boolean;

  // -- the upstream
  /** Attempts with peers, in order; null if there were none. */
  readonly attempts: readonly UpstreamAttempt[] | null;
  /** The upstream's response head, for `$upstream_http_*`. */
  readonly upstreamHeaders: HeaderBlock | null;
  /** The upstream's trailer section, each line terminated by CRLF; empty if there is none. */
  readonly upstreamTrailers: string;

  /** The last use of the cache, whose status outlives a redirect to an error page; null without a cache. */
  cacheUse: { readonly status: string | null } | null;

  // -- state of modules
  /** State that a module stored for this exchange. */
  state<T>(key: StateKey<T>): T | undefined;
  setState<T>(key: StateKey<T>, value: T): void;
  /** Releases a resource when the client's request is finished and logged. nginx: a cleanup of the request's pool. */
  onFinish(resource: { release(): void }): void;

  // -- verbs
  /**
   * Ends with a status: sends its error page, redirect or built-in page; 444 closes without a response. If the head was
   * already sent the connection is closed. The target of a redirect must be set with `response.set('Location', …)`
   * before.
   */
  finalize(status: number): void;
  /** Sends a complete response, with the given content type (or the location's default). */
  respond(status: number, body: string | Buffer, contentType?: string): void;
  /** Media type that `types` assigns to the extension of the URI, or `default_type`. */
  defaultType(): string;
  /**
   * Runs the header filters and sends the head. `response.status` and the fields must be set. `ended`: no body follows.
   * Returns false if a filter replaced the response; the caller then sends no body and releases its resources.
   */
  sendHead(ended?: boolean): boolean;
  /** Sends a chunk through the body filters; false: wait for `producer.resume`. */
  write(chunk: Chunk): boolean;
  /** Sends bytes `start` to `end` of a borrowed buffer likewise. */
  writeBytes(bytes: Buffer, start: number, end: number): boolean;
  /** Passes on data that body filters retain; called before `abort`. */
  flush(): void;
  /** Completes the body; logs and ends the exchange. */
  end(): void;
  /** Ends an incomplete response: closes the client's connection, logs and ends the exchange. */
  abort(): void;
  /** Continues with another URI (and arguments, if given), as in `try_files`, `error_page` and `index`. */
  internalRedirect(uri: string, args?: string): void;
  /** Continues in a named location (`@name`); returns false if it does not exist. */
  toNamedLocation(name: string): boolean;
  /** Reads the whole body into `body` (memory, then a temporary file), then calls back; not called on failure. */
  readBody(then: () => void): void;
  /** Streams the body to `sink`; it is not available afterwards. */
  streamBody(sink: BodySink): void;
  /** Resumes the phases after a handler that returned DONE and lets the request continue. */
  resume(verdict: Verdict): void;
  /**
   * Starts a subrequest with this request's fields and variables. As in nginx, access rules are not checked again, and
   * `internal` locations are accessible. Returns null and logs an error if there are too many.
   */
  subrequest(uri: string, args: string, options: SubrequestOptions): Subrequest | null;
}

/** Receives the response to a subrequest. No method is called before `x.subrequest` has returned, unless it starts `atOnce`. */
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
  /** Whether the body of the client's request is sent along; it must have been read. Or another body. Default false. */
  readonly body?: boolean | RequestBody;
  /**
   * Whether it starts, and possibly ends, before `x.subrequest` returns: the caller then needs no result of the call, and does
   * nothing after it. Default false.
   */
  readonly atOnce?: boolean;
  /**
   * Whether the response to the client does not wait for it (`mirror`); the next request on the connection does, as in
   * nginx. It ends with its parent only if that ends early, unless it ignores that its client has left. Default false.
   */
  readonly background?: boolean;
  /**
   * Whether it continues in the parent's location with its content handler, without searching a location and without the
   * earlier phases. nginx: NGX_HTTP_SUBREQUEST_CLONE. Default false.
   */
  readonly clone?: boolean;
}

/** A request that the proxy makes while it handles another one: an include, an authorization, a mirror. */
export interface Subrequest {
  readonly parent: Exchange;
  /** The client's own request, from which it originates. */
  readonly main: Exchange;
  /** Its own request and response. */
  readonly exchange: Exchange;
  readonly background: boolean;
  readonly sink: SubrequestSink;
  /** Status of the response; 0 if there is none. */
  readonly status: number;
  /** Bytes of body passed to the sink. */
  readonly bytesSent: number;
  /** The sink accepts more data. */
  resume(): void;
  /** Aborts the subrequest; only `done` of the sink is still called. */
  abort(): void;
}
