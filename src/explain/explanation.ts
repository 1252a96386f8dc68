/** Explanation of a request as plain data, as printed by `tsproxy explain --json` and described in docs/explain.md. */
import type { Level } from '../config/log-level.js';
import type { Phase } from '../program/phases.js';

/** Position in a configuration file. Lines and columns count from 1. */
export interface WrittenPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A statement, or the head of a block: its text and position. */
export interface Written {
  /** Without its `;` and its block: `location ^~ /ws/`. */
  readonly text: string;
  /** Null if it is not written anywhere (a default). */
  readonly at: WrittenPlace | null;
}

/** The request, as received by the proxy. */
export interface ExplainedRequest {
  /** `GET /ws/1 HTTP/1.1` */
  readonly line: string;
  /** The request head, including the blank line. */
  readonly head: string;
  /** Length of the body in bytes. */
  readonly body: number;
  /** The client's address and port. */
  readonly from: string;
}

export interface ExplainedListener {
  /** `127.0.0.1:80`, `[::]:80`, `unix:/path` */
  readonly address: string;
  /** Reason for the choice. */
  readonly why: string;
  /** The `listen` of the selected server; null if it has none. */
  readonly listen: Written | null;
  /** The other addresses of the configuration. */
  readonly others: readonly string[];
}

/** How the server was selected. `default`: no name matches; `refused`: the request was rejected before the name lookup. */
export type ServerReason = 'exact' | 'leading wildcard' | 'trailing wildcard' | 'regex' | 'default' | 'refused';

export interface ExplainedServer extends Written {
  /** The first name: `$server_name`. */
  readonly name: string;
  /** The host that was looked up: in lower case, without port; empty if the request has none. */
  readonly host: string;
  readonly why: ServerReason;
  /** The matching name; null for the default server. */
  readonly matched: string | null;
  /** The servers of the address, in the order written. */
  readonly considered: readonly {
    readonly server: Written;
    readonly names: readonly string[];
    readonly default: boolean;
  }[];
}

/**
 * Result for a location: `chosen`; `shorter`: a longer prefix matches as well; `remembered`: it is the longest prefix, but
 * a regular expression or a nested location won; `no match`; `not tried`: the search ended before.
 */
export type CandidateOutcome = 'chosen' | 'shorter' | 'remembered' | 'no match' | 'not tried';

export interface Candidate extends Written {
  readonly outcome: CandidateOutcome;
  /** Nesting depth: 0 for the locations of the server, 1 for those inside a location, and so on. */
  readonly depth: number;
}

/** Why a location was chosen; `none`: no location matches, and the directives at server level apply. */
export type LocationReason = 'exact' | 'prefix' | 'prefix ^~' | 'regex' | 'none' | 'redirect to slash';

/** A value before and after a change. */
export interface Changed {
  readonly from: string;
  readonly to: string;
}

/** One processing step. `subrequest`: it belongs to a subrequest. */
export type Step = (
  | {
      readonly kind: 'location';
      readonly uri: string;
      readonly chosen: Written | null;
      readonly why: LocationReason;
      readonly considered: readonly Candidate[];
    }
  | {
      readonly kind: 'handler';
      readonly phase: Phase;
      readonly module: string;
      /** `declined`, `ok`, `done` (it handles the request), `waits` (it did not finish), or a status. */
      readonly verdict: string;
    }
  | {
      readonly kind: 'directive';
      readonly directive: Written;
      /** `set`, `true`, `false`, `no match`, `matched`, `last`, `break`, `answers`, or a status. */
      readonly outcome: string;
      readonly values: Readonly<Record<string, string>>;
      readonly uri: Changed | null;
      readonly args: Changed | null;
    }
  /** Lookup of a file or directory. */
  | { readonly kind: 'file'; readonly path: string; readonly directory: boolean; readonly found: boolean }
  /** An internal redirect; `by`: the module, `error_page`, or `upstream` (X-Accel-Redirect). */
  | { readonly kind: 'redirect'; readonly to: string; readonly by: string }
  | { readonly kind: 'status'; readonly status: number }
  /** A connection attempt to a peer; `upstream` is the index in `upstreams`. */
  | { readonly kind: 'peer'; readonly upstream: number; readonly address: string }
  /** A header filter, or the module that proxies the request, changed the response header. */
  | {
      readonly kind: 'fields';
      readonly module: string;
      readonly removed: readonly string[];
      readonly added: readonly string[];
    }
  | { readonly kind: 'log'; readonly level: Level; readonly message: string }
) & { readonly subrequest?: true };

/** A directive in effect where the request is handled. */
export interface DirectiveInForce {
  readonly directive: string;
  /** The module that declares it. */
  readonly module: string;
  /** Phases in which that module runs here; empty if the directive is only a setting. */
  readonly phases: readonly (Phase | 'header filter' | 'body filter')[];
  /** False if its module does not run here, because another directive is missing. */
  readonly used: boolean;
  /** The statements, in order; several if the directive may be repeated. */
  readonly statements: readonly Written[];
  /** The block that contains them. */
  readonly from: Written;
  /** Whether that block is not the one in which the request is handled. */
  readonly inherited: boolean;
  /** Statements of enclosing blocks that would otherwise apply here. */
  readonly overrides: readonly Written[];
}

export interface ExplainedPeer {
  /** `$upstream_addr`. */
  readonly address: string;
  /** As written in `server`; empty for a host without an `upstream` block. */
  readonly server: string;
  readonly weight: number;
  readonly maxConns: number;
  readonly maxFails: number;
  /** ms */
  readonly failTimeout: number;
  /** ms; 0: none. */
  readonly slowStart: number;
  readonly backup: boolean;
  readonly state: 'up' | 'down' | 'drain';
  /** Why it is chosen for this request, or when it gets requests at all; empty for other peers. */
  readonly why: string;
}

/** A directive that limits the requests to an upstream, or excludes peers from them. */
export interface ExplainedRule {
  readonly directive: Written;
  /** Phrase that describes the effect. */
  readonly effect: string;
}

/** One upstream request. */
export interface ExplainedUpstream {
  readonly name: string;
  /** Its `upstream` block; null for a plain host. */
  readonly block: Written | null;
  /** `round robin`, or the directive: `hash $request_uri consistent`. */
  readonly method: Written;
  /** The hash key; null if the method has none. */
  readonly key: string | null;
  /** `sticky`; null if clients are not bound to peers. */
  readonly sticky: Written | null;
  /** Address of the peer to which the client of this request is bound; null if there is none. */
  readonly boundTo: string | null;
  /** Circuit breakers, health checks, queues and the like, which have no state at a start. */
  readonly rules: readonly ExplainedRule[];
  readonly peers: readonly ExplainedPeer[];
  /** Peers in the order in which they are tried if each one fails, just after a start. */
  readonly order: readonly string[];
  /** Peers of this request and of subsequent identical ones; empty for random methods. */
  readonly following: readonly string[];
  /** The requests sent: one for each peer that was tried. */
  readonly requests: readonly {
    readonly address: string;
    /** The exact head. */
    readonly head: string;
    /** Length of the body in bytes, as framed. */
    readonly body: number;
    /** The assumed response head. */
    readonly answer: string;
  }[];
}

/** The cache of the location. The first request is assumed: nothing is stored yet. */
export interface ExplainedCache {
  /** `proxy_cache`. */
  readonly zone: Written;
  /** The key as evaluated; null: the request does not use the cache. */
  readonly key: string | null;
  /** Path of the file; null without a key. */
  readonly file: string | null;
  /** Why a stored response would not be served; null if it would. */
  readonly lookup: string | null;
  /** Whether the assumed response is stored. */
  readonly stored: boolean;
  /** Why it is stored for that time, or not at all. */
  readonly why: string;
  /** Seconds for which it is fresh; 0 if it is not stored. */
  readonly seconds: number;
  /** Fields of requests that select a variant; empty for none. */
  readonly vary: string;
  /** Locks, stale responses and the like. */
  readonly rules: readonly ExplainedRule[];
}

/** A WebSocket, another tunnel, or an event stream that a response begins. */
export interface ExplainedStream {
  readonly kind: 'WebSocket' | 'tunnel' | 'event stream';
  /** Why an event stream is passed on unchanged, so that no rule applies; null if it is not. */
  readonly unchanged: string | null;
  /** Times, pings, limits and the like. */
  readonly rules: readonly ExplainedRule[];
}

export interface ExplainedAnswer {
  /** 0 if the connection is closed without a response. */
  readonly status: number;
  /** The exact head; only `Date` differs between runs. */
  readonly head: string;
  /** The beginning of the body, as framed. */
  readonly body: string;
  /** How a redirect of the upstream server to its own URL is rewritten for the client; null without an upstream request. */
  readonly redirect: Changed | null;
  /** Why a `ws:` or `wss:` request opens no WebSocket; null if it does, or without an upstream request. */
  readonly noWebSocket: string | null;
  /** The WebSocket, tunnel or event stream that it begins; null for other responses. */
  readonly stream: ExplainedStream | null;
}

export interface Explanation {
  /** Format version; increased when a property is removed or changes its meaning, not when one is added. */
  readonly version: 1;
  readonly request: ExplainedRequest;
  readonly listener: ExplainedListener;
  readonly server: ExplainedServer;
  /** Processing steps, in order. */
  readonly steps: readonly Step[];
  /** Block that finally handles the request: a `location`, an `if` or `limit_except` in one, or the `server`. */
  readonly location: Written;
  readonly directives: readonly DirectiveInForce[];
  readonly upstreams: readonly ExplainedUpstream[];
  /** Null if the request reaches no upstream through a cache. */
  readonly cache: ExplainedCache | null;
  readonly answer: ExplainedAnswer;
  /** Assumptions that may not hold where the proxy runs. */
  readonly assumptions: readonly string[];
}
