/**
 * Observes the compilation of a configuration and the processing of requests. Compiled parts are passed to the observer,
 * which may return others in their place; that of a table that serves returns them unchanged, so that its programs are
 * the same as without this feature.
 */
import type { CheckedBlock, CheckedStep } from '../config/checked-config.js';
import type { Connect } from '../net/transport.js';
import { type LocationEntry, LocationTree } from '../routing/location-tree.js';
import { type ServerName, ServerNames } from '../routing/server-names.js';
import type { Exchange } from './exchange.js';
import type { BodyFilterFactory, Handler, HeaderFilter } from './handler.js';
import type { Phase } from './phases.js';
import type { LocationProgram, RequestObserver, ServerProgram } from './program.js';
import type { Verdict } from './verdict.js';

/** A step that a module reports for a request. */
export type Note =
  | {
      readonly kind: 'step';
      readonly step: CheckedStep;
      /** Whether the condition was true or the regular expression matched; null if there is none. */
      readonly holds: boolean | null;
      /** Verdict of the step; null for a condition. */
      readonly verdict: Verdict | null;
      /** Variables read or set: `$name` and its value. */
      readonly values: Readonly<Record<string, string>>;
    }
  /** A path that was checked, as a file or as a directory. */
  | { readonly kind: 'file'; readonly path: string; readonly directory: boolean; readonly found: boolean };

/** Results of compiling a module for a block, by hook. */
export type Hooks = { readonly [P in Phase]: Handler } & {
  readonly headerFilter: HeaderFilter;
  readonly bodyFilter: BodyFilterFactory;
};

export interface Observer extends RequestObserver {
  /** Whether requests are simulated: nothing is opened, connected or logged for them. */
  readonly simulates: boolean;
  /** Returns the replacement of a module's compiled handler or filter. */
  wrap<K extends keyof Hooks>(hook: K, compiled: Hooks[K], module: string, block: CheckedBlock): Hooks[K];
  /** Wraps a part of a handler; `note` reports its result. */
  watch<X extends Exchange, A extends readonly unknown[], R>(
    act: (x: X, ...rest: A) => R,
    note: (x: X, result: R, ...rest: A) => Note,
  ): (x: X, ...rest: A) => R;
  /** Creates the tree of a block's locations, given in configuration order. */
  locations(entries: readonly LocationEntry<LocationProgram, Exchange>[]): LocationTree<LocationProgram, Exchange>;
  /** Creates the name lookup of the servers of one address, given in the order of the servers. */
  names(names: readonly ServerName<ServerProgram, Exchange>[]): ServerNames<ServerProgram, Exchange>;
  /** An upstream's host has no address. Whether it is kept as written, because nothing connects to it. */
  unknownHost(host: string): boolean;
  /** Replaces connections to upstreams; null: the usual ones. */
  readonly connect: Connect | null;
}

/** Observer of a table that serves. */
export const UNOBSERVED: Observer = {
  simulates: false,
  wrap: (_hook, compiled) => compiled,
  watch: (act) => act,
  locations: (entries) => new LocationTree(entries),
  names: (names) => new ServerNames(names),
  unknownHost: () => false,
  connect: null,
  redirected() {},
  finalized() {},
};
