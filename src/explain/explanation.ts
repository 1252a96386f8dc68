/** What is explained of a request: plain data, as `tsproxy explain --json` prints it. docs/explain.md describes it. */
import type { Level } from '../exchange/error-log.js';
import type { Phase } from '../exchange/module.js';

/** Where something is written. Lines and columns count from 1. */
export interface WrittenPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A statement, or the head of a block: its words, and where they stand. */
export interface Written {
  /** Without its `;` and its block: `location ^~ /ws/`. */
  readonly text: string;
  /** Null where it is written nowhere (a default). */
  readonly at: WrittenPlace | null;
}

/** The request, as the proxy reads it. */
export interface ExplainedRequest {
  /** `GET /ws/1 HTTP/1.1` */
  readonly line: string;
  /** The head that was read, its blank line included. */
  readonly head: string;
  /** Bytes of its body. */
  readonly body: number;
  /** The client's address and port. */
  readonly from: string;
}

export interface ExplainedListener {
  /** `127.0.0.1:80`, `[::]:80`, `unix:/path` */
  readonly address: string;
  /** Why it is this one. */
  readonly why: string;
  /** The `listen` of the server that answers, where it has one. */
  readonly listen: Written | null;
  /** The other addresses of the configuration. */
  readonly others: readonly string[];
}

/** How the host led to the server. `default`: no name fits; `refused`: the request was refused before names were looked at. */
export type ServerReason = 'exact' | 'leading wildcard' | 'trailing wildcard' | 'regex' | 'default' | 'refused';

export interface ExplainedServer extends Written {
  /** The first name: `$server_name`. */
  readonly name: string;
  /** The host that was looked for: in lower case, without port; empty where the request has none. */
  readonly host: string;
  readonly why: ServerReason;
  /** The name that fits; null for the default server. */
  readonly matched: string | null;
  /** The servers of the address, in the order written. */
  readonly considered: readonly {
    readonly server: Written;
    readonly names: readonly string[];
    readonly default: boolean;
  }[];
}

/**
 * What became of a location: `chosen`; `shorter`: a longer prefix fits as well; `remembered`: it is the longest prefix, but
 * a regular expression or an inner location won; `no match`; `not tried`: the search was over before.
 */
export type CandidateOutcome = 'chosen' | 'shorter' | 'remembered' | 'no match' | 'not tried';

export interface Candidate extends Written {
  readonly outcome: CandidateOutcome;
  /** 0 for the locations of the server, 1 for those inside of a location, and so on. */
  readonly depth: number;
}

/** Why a location was chosen; `none`: no location fits, and what is written at server level holds. */
export type LocationReason = 'exact' | 'prefix' | 'prefix ^~' | 'regex' | 'none' | 'redirect to slash';

/** Before and after. */
export interface Changed {
  readonly from: string;
  readonly to: string;
}

/** One thing that happened. `subrequest`: it happened to a request of the proxy to itself. */
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
      /** `declined`, `ok`, `done` (it answers itself), `waits` (it never came back), or a status. */
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
  /** A file, or a directory, that is looked for. */
  | { readonly kind: 'file'; readonly path: string; readonly directory: boolean; readonly found: boolean }
  /** An internal redirect; `by`: the module, `error_page`, or `upstream` (X-Accel-Redirect). */
  | { readonly kind: 'redirect'; readonly to: string; readonly by: string }
  | { readonly kind: 'status'; readonly status: number }
  /** A try at a peer; `upstream` is the index in `upstreams`. */
  | { readonly kind: 'peer'; readonly upstream: number; readonly address: string }
  /** A header filter, or the module that passes to the upstream, changed the answer's head. */
  | {
      readonly kind: 'fields';
      readonly module: string;
      readonly removed: readonly string[];
      readonly added: readonly string[];
    }
  | { readonly kind: 'log'; readonly level: Level; readonly message: string }
) & { readonly subrequest?: true };

/** A directive that holds where the request is handled. */
export interface DirectiveInForce {
  readonly directive: string;
  /** The module that declares it. */
  readonly module: string;
  /** The phases in which that module has something to do here; empty where the directive only sets something. */
  readonly phases: readonly (Phase | 'header filter' | 'body filter')[];
  /** False where its module has nothing to do here, because another directive is missing. */
  readonly used: boolean;
  /** The statements, in order: several where the directive may be repeated. */
  readonly statements: readonly Written[];
  /** The block in which they are written. */
  readonly from: Written;
  /** That block is not the one in which the request is handled. */
  readonly inherited: boolean;
  /** Statements of the blocks around that would hold here otherwise. */
  readonly overrides: readonly Written[];
}

export interface ExplainedPeer {
  /** `$upstream_addr`. */
  readonly address: string;
  /** As written in `server`; empty for a host that no `upstream` declares. */
  readonly server: string;
  readonly weight: number;
  readonly maxConns: number;
  readonly maxFails: number;
  /** ms */
  readonly failTimeout: number;
  readonly backup: boolean;
  readonly state: 'up' | 'down' | 'drain';
}

/** One pass of the request to an upstream. */
export interface ExplainedUpstream {
  readonly name: string;
  /** Its `upstream` block; null where the host itself is meant. */
  readonly block: Written | null;
  /** `round robin`, or the directive that is written: `hash $request_uri consistent`. */
  readonly method: Written;
  /** What is hashed; null where nothing is. */
  readonly key: string | null;
  readonly peers: readonly ExplainedPeer[];
  /** The peers in the order in which they are asked if each fails, beginning with a proxy that has just been started. */
  readonly order: readonly string[];
  /** The peers of this request and of the next ones like it; empty where they are drawn at random. */
  readonly following: readonly string[];
  /** What went out: one request for each peer that was asked. */
  readonly requests: readonly {
    readonly address: string;
    /** The exact head. */
    readonly head: string;
    /** Bytes of body behind it, as framed. */
    readonly body: number;
    /** The answer's head that is assumed here. */
    readonly answer: string;
  }[];
}

export interface ExplainedAnswer {
  /** 0 where the connection is closed without one. */
  readonly status: number;
  /** The exact head; only `Date` is another each time. */
  readonly head: string;
  /** The beginning of the body, as framed. */
  readonly body: string;
  /** How a redirect of the upstream to one of its own URLs reaches the client; null where no upstream is asked. */
  readonly redirect: Changed | null;
  /** Why the handshake of a `ws:` or `wss:` request opens no WebSocket; null where it does, or no upstream is asked. */
  readonly noWebSocket: string | null;
}

export interface Explanation {
  /** Of this shape; raised when something goes or changes its meaning, not when something is added. */
  readonly version: 1;
  readonly request: ExplainedRequest;
  readonly listener: ExplainedListener;
  readonly server: ExplainedServer;
  /** What happens, in order. */
  readonly steps: readonly Step[];
  /** Where the request is handled in the end: a `location`, an `if` or `limit_except` in one, or the `server`. */
  readonly location: Written;
  readonly directives: readonly DirectiveInForce[];
  readonly upstreams: readonly ExplainedUpstream[];
  readonly answer: ExplainedAnswer;
  /** What is taken for granted here and may be different where the proxy runs. */
  readonly assumptions: readonly string[];
}
