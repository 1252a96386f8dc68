/** Settings of a location. */
import type { TemporaryPath } from '../config/temporary-path-argument.js';
import type { ErrorLog } from '../logging/error-log.js';
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

/** The location in which a request is handled, as seen by modules; `LocationProgram` adds its handlers. */
export interface Location {
  /** Name in nginx's logs: the pattern, or empty for the server's own level. */
  readonly name: string;
  /** Whether requests are passed to an upstream, unless a handler answers them before. */
  readonly passes: boolean;
  readonly settings: LocationSettings;
}
