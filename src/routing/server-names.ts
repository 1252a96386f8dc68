/** Finds the server for a host name among those of one listening address. */
import { type NameOutcome, WildcardNames } from './wildcard-names.js';

/** A regular expression; a match may leave captures on `x`. */
export interface Matcher<X> {
  test(x: X, subject: string): boolean;
}

/** One name of a server: as written in `server_name`, or the expression of a `~…` name. */
export interface ServerName<S, X = unknown> {
  readonly name: string | Matcher<X>;
  readonly server: S;
}

/** Told about a name that is not taken. `conflicting`: nginx warns `conflicting server name "x" on ADDR, ignored`. */
export type RefusedName = (name: string, why: Exclude<NameOutcome, 'added'>) => void;

/**
 * nginx's order: the exact name, the longest leading wildcard, the longest trailing wildcard, then the regular
 * expressions in the order given. The empty name holds for requests without a host.
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

  /** The server for a host in lower case without port, or null: the default server of the address. */
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
