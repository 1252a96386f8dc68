/** Selects the server for a host name among the servers of a listen address. */
import { type NameOutcome, WildcardNames } from './wildcard-names.js';

/** A regular expression; a match may store captures in `x`. */
export interface Matcher<X> {
  test(x: X, subject: string): boolean;
}

/** A server name: as written in `server_name`, or the expression of a `~…` name. */
export interface ServerName<S, X = unknown> {
  readonly name: string | Matcher<X>;
  readonly server: S;
}

/** Called for each rejected name. `conflicting`: nginx warns `conflicting server name "x" on ADDR, ignored`. */
export type RefusedName = (name: string, why: Exclude<NameOutcome, 'added'>) => void;

/**
 * Searches in nginx's order: exact name, longest leading wildcard, longest trailing wildcard, then regular expressions
 * in configuration order. The empty name matches requests without a host.
 */
export class ServerNames<S, X = unknown> {
  private readonly names = new WildcardNames<S>();
  private readonly patterns: Matcher<X>[] = [];
  private readonly patternServers: S[] = [];

  /** `names` in the order of the servers and, within a server, of its names. */
  constructor(names: Iterable<ServerName<S, X>>, refused?: RefusedName) {
    for (const { name, server } of names) {
      if (typeof name !== 'string') {
        this.patterns.push(name);
        this.patternServers.push(server);
        continue;
      }
      const outcome = this.names.add(name, server);
      if (outcome !== 'added') refused?.(name, outcome);
    }
  }

  /** Returns the server for a lower-case host without port, or null for the default server of the address. */
  find(host: string, x: X): S | null {
    const server = this.names.find(host);
    if (server !== undefined) return server;
    if (host === '') return null;
    const patterns = this.patterns;
    for (let i = 0; i < patterns.length; i++) {
      if ((patterns[i] as Matcher<X>).test(x, host)) return this.patternServers[i] as S;
    }
    return null;
  }
}
