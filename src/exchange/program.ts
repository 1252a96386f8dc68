/** What a routing table holds per server and location: settings as fields, handlers as flat arrays by phase. */

import type { CheckedBlock } from '../config/checked-config.js';
import type { TemporaryPath } from '../config/temporary-path-argument.js';
import type { LocationTree } from '../routing/location-tree.js';
import type { ServerNames } from '../routing/server-names.js';
import type { ErrorLog } from './error-log.js';
import type { Exchange } from './exchange.js';
import type { BodyFilterFactory, Handler, HeaderFilter } from './module.js';
import type { Observer } from './observer.js';
import type { Template } from './template.js';

/** One `error_page` for one status. */
export interface ErrorPage {
  /** The status to answer with; -1: the error's own; 0 (`=`): the one that the page's own handling gives. */
  readonly answer: number;
  /** A URI, a URL to redirect to, or a named location (`@name`). */
  readonly target: Template;
}

/** Finds the addresses of a name while the proxy runs (`resolver`). */
export interface NameResolver {
  /** Rejects with an error whose message is nginx's sentence; `timeout` in ms. */
  resolve(
    name: string,
    timeout: number,
  ): Promise<{ readonly ipv4: readonly string[]; readonly ipv6: readonly string[] }>;
}

/** Settings of a location that the engine, the server and the upstream side read. Times in ms, sizes in bytes. */
export class LocationSettings {
  root: Template | null = null;
  alias: Template | null = null;
  /** Bytes of the URI that `alias` replaces: the length of its location's name; -1 in a regex location: the whole URI. */
  aliasLength = 0;
  /** The directory from which a `root` or `alias` starts that comes out relative: the prefix. */
  prefix = '/';
  defaultType = 'text/plain';
  /** Media type by file extension (lower case). */
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
  /** Seconds to announce in a `Keep-Alive` field; 0: none. */
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
  internal = false;
  recursiveErrorPages = false;
  errorPages: ReadonlyMap<number, ErrorPage> | null = null;
  limitRate: Template | null = null;
  limitRateAfter: Template | null = null;
  resolver: NameResolver | null = null;
  resolverTimeout = 30_000;
  /** How tunnels end where they are asked to (`tunnel_drain`); null: they go on. Times in ms. */
  tunnelDrain: { readonly spread: number; readonly timeout: number } | null = null;
  /** 103 answers are passed on where this is neither empty nor `0`; null: never. */
  earlyHints: Template | null = null;
  /** Also used at server level. */
  errorLog: ErrorLog;
  constructor(errorLog: ErrorLog) {
    this.errorLog = errorLog;
  }
}

/** What a phase is before anything is put into it, and where nothing is. */
export const NONE: readonly never[] = [];

/** A location, or the body of an `if` in one: what applies to a request that is handled there. */
export class LocationProgram {
  /** The block that it was compiled from; null for none. */
  block: CheckedBlock | null = null;
  /** As nginx shows it in logs: the pattern, or empty for the server's own level. */
  name = '';
  /** `location = /x`: needed for the automatic redirect and for debugging. */
  exact = false;
  /** Requests are passed to an upstream, unless something answers them before. */
  passes = false;
  /** Requests for `/x` are redirected to `/x/` (set by pass handlers in locations that end in a slash). */
  autoRedirect = false;
  rewrite: readonly Handler[] = NONE;
  preaccess: readonly Handler[] = NONE;
  access: readonly Handler[] = NONE;
  precontent: readonly Handler[] = NONE;
  content: readonly Handler[] = NONE;
  headerFilters: readonly HeaderFilter[] = NONE;
  bodyFilters: readonly BodyFilterFactory[] = NONE;
  log: readonly Handler[] = NONE;
  /** For `limit_except`: the program that holds for methods that are not let through. */
  exceptMethods: { readonly allowed: ReadonlySet<string>; readonly otherwise: LocationProgram } | null = null;
  constructor(readonly settings: LocationSettings) {}
}

/** A `server` block. */
export class ServerProgram {
  /** The first name of `server_name`. */
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
  /** Null where the server serves. */
  observer: Observer | null = null;
  /** The level outside all locations: its settings and handlers hold until one is found. */
  constructor(readonly base: LocationProgram) {}
}

/** The servers of one listening address. */
export interface ListenerProgram {
  readonly names: ServerNames<ServerProgram, Exchange>;
  readonly defaultServer: ServerProgram;
}
