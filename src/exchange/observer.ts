/**
 * Watches what a configuration is compiled to, and what becomes of requests. A table that serves has no observer, and its
 * programs are the same as if there were none: what is watched is wrapped, or made in another way, while it is compiled.
 */
import type { CheckedBlock, CheckedStep } from '../config/checked-config.js';
import type { Connect } from '../http/transport.js';
import type { LocationEntry, LocationTree } from '../routing/location-tree.js';
import type { ServerName, ServerNames } from '../routing/server-names.js';
import type { Exchange } from './exchange.js';
import type { BodyFilterFactory, Handler, HeaderFilter, Phase } from './module.js';
import type { LocationProgram, ServerProgram } from './program.js';
import type { Verdict } from './verdict.js';

/** What a module tells of something that it did for a request. */
export type Note =
  | {
      readonly kind: 'step';
      readonly step: CheckedStep;
      /** Whether the condition held, or the regular expression matched; null where there is none. */
      readonly holds: boolean | null;
      /** What the step said; null for a condition. */
      readonly verdict: Verdict | null;
      /** What it looked at or set: `$name` and its value. */
      readonly values: Readonly<Record<string, string>>;
    }
  /** A path that was looked for, as a file or as a directory. */
  | { readonly kind: 'file'; readonly path: string; readonly directory: boolean; readonly found: boolean };

export interface Observer {
  /** The program of a block is about to be filled. */
  program(program: LocationProgram, block: CheckedBlock): void;
  /** The same for a `server` block. */
  server(server: ServerProgram, block: CheckedBlock): void;
  /** The handler that takes the place of one that was compiled. */
  handler(handler: Handler, phase: Phase, module: string, block: CheckedBlock): Handler;
  headerFilter(filter: HeaderFilter, module: string, block: CheckedBlock): HeaderFilter;
  bodyFilter(filter: BodyFilterFactory, module: string, block: CheckedBlock): BodyFilterFactory;
  /** The locations of a block, in the order written. */
  locations(entries: readonly LocationEntry<LocationProgram, Exchange>[]): LocationTree<LocationProgram, Exchange>;
  /** The names of the servers of one address, in the order of the servers. */
  names(names: readonly ServerName<ServerProgram, Exchange>[]): ServerNames<ServerProgram, Exchange>;
  /** Wraps a part of a handler; `note` says what came of it. */
  watch<A extends readonly unknown[], R>(
    act: (x: Exchange, ...rest: A) => R,
    note: (x: Exchange, result: R, ...rest: A) => Note,
  ): (x: Exchange, ...rest: A) => R;
  /** An upstream's host has no address here; nothing connects to it, so it needs none. */
  unknownHost(host: string): void;
  /** The exchange goes on with another URI, or in a named location. */
  redirected(x: Exchange, to: string): void;
  /** The exchange is to end with a status. */
  finalized(x: Exchange, status: number): void;
  /** Takes the place of connections to upstreams. */
  readonly connect: Connect;
}
