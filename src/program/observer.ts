/**
 * Observes the compilation of a configuration and the processing of requests. A table that serves has no observer and
 * its programs are unaffected: observed handlers are wrapped or replaced during compilation.
 */
import type { CheckedBlock, CheckedStep } from '../config/checked-config.js';
import type { Connect } from '../net/transport.js';
import type { LocationEntry, LocationTree } from '../routing/location-tree.js';
import type { ServerName, ServerNames } from '../routing/server-names.js';
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

export interface Observer extends RequestObserver {
  /** The program of a block is about to be compiled. */
  program(program: LocationProgram, block: CheckedBlock): void;
  /** The program of a `server` block is about to be compiled. */
  server(server: ServerProgram, block: CheckedBlock): void;
  /** Returns the replacement of a compiled handler. */
  handler(handler: Handler, phase: Phase, module: string, block: CheckedBlock): Handler;
  headerFilter(filter: HeaderFilter, module: string, block: CheckedBlock): HeaderFilter;
  bodyFilter(filter: BodyFilterFactory, module: string, block: CheckedBlock): BodyFilterFactory;
  /** Creates the tree of a block's locations, given in configuration order. */
  locations(entries: readonly LocationEntry<LocationProgram, Exchange>[]): LocationTree<LocationProgram, Exchange>;
  /** Creates the name lookup of the servers of one address, given in the order of the servers. */
  names(names: readonly ServerName<ServerProgram, Exchange>[]): ServerNames<ServerProgram, Exchange>;
  /** Wraps a part of a handler; `note` reports its result. */
  watch<X extends Exchange, A extends readonly unknown[], R>(
    act: (x: X, ...rest: A) => R,
    note: (x: X, result: R, ...rest: A) => Note,
  ): (x: X, ...rest: A) => R;
  /** An upstream's host has no address; nothing connects to it, so none is needed. */
  unknownHost(host: string): void;
  /** Replaces connections to upstreams. */
  readonly connect: Connect;
}
