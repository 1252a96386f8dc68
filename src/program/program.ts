/** Compiled form of servers and locations: settings as fields, handlers as flat arrays by phase. */

import type { CheckedBlock } from '../config/checked-config.js';
import type { LocationTree } from '../routing/location-tree.js';
import type { ServerNames } from '../routing/server-names.js';
import { Tap } from '../tap/tap.js';
import type { Exchange } from './exchange.js';
import type { BodyFilterFactory, Handler, HeaderFilter } from './handler.js';
import { PHASES } from './phases.js';
import type { LocationSettings } from './settings.js';
import type { Location } from './settings-key.js';
import type { Variable } from './variable.js';

/** Shared value of phases without handlers. */
export const NONE: readonly never[] = [];

/** Handlers of a program by phase, at the phase's position in `PHASES`; empty for phases of another level. */
export type PhaseHandlers = readonly (readonly Handler[])[];
const NO_HANDLERS: PhaseHandlers = PHASES.map(() => NONE);

/** A location, or the body of an `if` in one: everything that applies to a request handled there. */
export class LocationProgram implements Location {
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
  handlers: PhaseHandlers = NO_HANDLERS;
  headerFilters: readonly HeaderFilter[] = NONE;
  bodyFilters: readonly BodyFilterFactory[] = NONE;
  /** For `limit_except`: the program for methods that are not allowed. */
  exceptMethods: { readonly allowed: ReadonlySet<string>; readonly otherwise: LocationProgram } | null = null;
  constructor(readonly settings: LocationSettings) {}
}

/** Events of exchanges that no handler sees; part of `Observer`. */
export interface RequestObserver {
  /** The exchange continues with another URI, or in a named location. */
  redirected(x: Exchange, to: string): void;
  /** The exchange ends with a status. */
  finalized(x: Exchange, status: number): void;
}

/** Tap of servers that were not compiled for a process. */
const NO_TAP = new Tap();
const NO_VARIABLES: ReadonlyMap<string, Variable> = new Map();

/** A `server` block. */
export class ServerProgram {
  /** First name of `server_name`. */
  name = '';
  handlers: PhaseHandlers = NO_HANDLERS;
  locations!: LocationTree<LocationProgram, Exchange>; // set by the compiler before the program is reachable
  named: Map<string, LocationProgram> = new Map();
  clientHeaderBufferSize = 1024;
  largeClientHeaderBuffers = { number: 4, size: 8192 };
  clientHeaderTimeout = 60_000;
  ignoreInvalidHeaders = true;
  underscoresInHeaders = false;
  mergeSlashes = true;
  maxHeaders = 1000;
  /** The limits of heads as a protocol needs them, which computes them once. */
  headLimits: object | null = null;
  /** Whether a block of the server handles CONNECT; otherwise such requests are refused. */
  acceptsConnect = false;
  /** Whether a block of the server may open WebSockets. */
  opensWebSockets = false;
  /** Null for a table that serves. */
  observer: RequestObserver | null = null;
  /** The traffic tap of the process: one object for all tables. */
  tap: Tap = NO_TAP;
  /** Variables of the table, by name. */
  variables: ReadonlyMap<string, Variable> = NO_VARIABLES;
  /** The level outside all locations: its settings and handlers apply until a location is found. */
  constructor(readonly base: LocationProgram) {}
}

/** The servers of a listen address. */
export interface ListenerProgram {
  readonly names: ServerNames<ServerProgram, Exchange>;
  readonly defaultServer: ServerProgram;
  /**
   * Server of requests for unknown hosts, if it is not the default server: a connection whose server was selected before
   * its first request has that one as default.
   */
  readonly otherwise?: ServerProgram;
  /** Whether a `listen` of the address has the parameter `http2`: all of its servers then allow HTTP/2. */
  readonly http2?: boolean;
}
