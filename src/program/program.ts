/** Compiled form of servers and locations: settings as fields, handlers as flat arrays by phase. */

import type { CheckedBlock } from '../config/checked-config.js';
import type { TemporaryPath } from '../config/temporary-path-argument.js';
import type { Exchange } from '../exchange/exchange.js';
import type { ErrorLog } from '../logging/error-log.js';
import type { LocationTree } from '../routing/location-tree.js';
import type { ServerNames } from '../routing/server-names.js';
import type { BodyFilterFactory, Handler, HeaderFilter } from './module.js';
import type { Observer } from './observer.js';
import type { Template } from './template.js';

/** An `error_page` for one status. */
export interface ErrorPage {
  /** Response status; -1: the error's own; 0 (`=`): the one that results from processing the page. */
  readonly answer: number;
  /** A URI, a redirect URL, or a named location (`@name`). */
  readonly target: Template;
}

/** Resolves names at run time (`resolver`). */
export interface NameResolver {
  /** Rejects with an error whose message is nginx's; `timeout` in ms. */
  resolve(
    name: string,
    timeout: number,
  ): Promise<{ readonly ipv4: readonly string[]; readonly ipv6: readonly string[] }>;
}

/** Settings of a location, read by the engine, the server and the upstream code. Times in ms, sizes in bytes. */
export class LocationSettings {
  root: Template | null = null;
  alias: Template | null = null;
  /**
   * Length of the URI part that `alias` replaces: that of the location's name; -1 in a regex location: the whole URI.
   */
  aliasLength = 0;
  /** Base directory of a relative `root` or `alias`: the prefix. */
  prefix = '/';
  defaultType = 'text/plain';
  /** Media types by file extension (lower case). */
  types: ReadonlyMap<string, string> = new Map();
  clientMaxBodySize = 1 << 20;
  clientBodyBufferSize = 16 << 10;
  clientBodyTimeout = 60_000;
  /** Off, on (kept), or clean. */
  clientBodyInFileOnly: 'off' | 'on' | 'clean' = 'off';
  clientBodyTempPath: TemporaryPath = { path: '', levels: [] };
  sendTimeout = 60_000;
  /** 0: no keep-alive. */
  keepaliveTimeout = 75_000;
  /** Seconds announced in a `Keep-Alive` field; 0: no field. */
  keepaliveHeader = 0;
  keepaliveRequests = 1000;
  keepaliveTime = 3_600_000;
  lingeringClose: 'off' | 'on' | 'always' = 'on';
  lingeringTime = 30_000;
  lingeringTimeout = 5_000;
  resetTimedoutConnection = false;
  tcpNodelay = true;
  chunkedTransferEncoding = true;
  etag = true;
  ifModifiedSince: 'off' | 'exact' | 'before' = 'exact';
  maxRanges = -1;
  absoluteRedirect = true;
  serverNameInRedirect = false;
  portInRedirect = true;
  serverTokens: 'on' | 'off' | 'build' | string = 'on';
  logNotFound = true;
  logSubrequest = false;
  subrequestOutputBufferSize = 4096;
  msiePadding = true;
  satisfy: 'all' | 'any' = 'all';
  /** Delay of responses with 401; 0: none. */
  authDelay = 0;
  internal = false;
  recursiveErrorPages = false;
  errorPages: ReadonlyMap<number, ErrorPage> | null = null;
  limitRate: Template | null = null;
  limitRateAfter: Template | null = null;
  resolver: NameResolver | null = null;
  resolverTimeout = 30_000;
  /** Draining of tunnels (`tunnel_drain`); null: tunnels are not drained. Times in ms. */
  tunnelDrain: { readonly spread: number; readonly timeout: number } | null = null;
  /** 103 responses are forwarded if this is neither empty nor `0`; null: never. */
  earlyHints: Template | null = null;
  /** Also used at server level. */
  errorLog: ErrorLog;
  constructor(errorLog: ErrorLog) {
    this.errorLog = errorLog;
  }
}

/** Shared value of phases without handlers. */
export const NONE: readonly never[] = [];

/** A location, or the body of an `if` in one: everything that applies to a request handled there. */
export class LocationProgram {
  /** The block from which it was compiled; null for none. */
  block: CheckedBlock | null = null;
  /** Name in nginx's logs: the pattern, or empty for the server's own level. */
  name = '';
  /** Whether it is `location = /x`: needed for the automatic redirect and for debugging. */
  exact = false;
  /** Whether requests are passed to an upstream, unless a handler answers them before. */
  passes = false;
  /** Whether requests for `/x` are redirected to `/x/` (set by pass handlers in locations that end in a slash). */
  autoRedirect = false;
  rewrite: readonly Handler[] = NONE;
  preaccess: readonly Handler[] = NONE;
  access: readonly Handler[] = NONE;
  precontent: readonly Handler[] = NONE;
  content: readonly Handler[] = NONE;
  headerFilters: readonly HeaderFilter[] = NONE;
  bodyFilters: readonly BodyFilterFactory[] = NONE;
  log: readonly Handler[] = NONE;
  /** For `limit_except`: the program for methods that are not allowed. */
  exceptMethods: { readonly allowed: ReadonlySet<string>; readonly otherwise: LocationProgram } | null = null;
  constructor(readonly settings: LocationSettings) {}
}

/** A `server` block. */
export class ServerProgram {
  /** First name of `server_name`. */
  name = '';
  postRead: readonly Handler[] = NONE;
  serverRewrite: readonly Handler[] = NONE;
  locations!: LocationTree<LocationProgram, Exchange>; // set by the compiler before the program is reachable
  named: Map<string, LocationProgram> = new Map();
  clientHeaderBufferSize = 1024;
  largeClientHeaderBuffers = { number: 4, size: 8192 };
  clientHeaderTimeout = 60_000;
  ignoreInvalidHeaders = true;
  underscoresInHeaders = false;
  mergeSlashes = true;
  maxHeaders = 1000;
  /** Null for a table that serves. */
  observer: Observer | null = null;
  /** The level outside all locations: its settings and handlers apply until a location is found. */
  constructor(readonly base: LocationProgram) {}
}

/** The servers of a listen address. */
export interface ListenerProgram {
  readonly names: ServerNames<ServerProgram, Exchange>;
  readonly defaultServer: ServerProgram;
}
