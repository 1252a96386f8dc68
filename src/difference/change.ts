/** Changes between two configurations. */
import type { Place } from '../config/place.js';

/** One addition, removal or change. Plain data. */
export interface Change {
  readonly kind: 'listener' | 'server' | 'location' | 'upstream' | 'peer' | 'directive';
  readonly change: 'added' | 'removed' | 'changed';
  /** Name in the configuration: `0.0.0.0:80`, `example.com`, `~ \.php$`, `app`, `map $x`, `worker_processes`. */
  readonly name: string;
  /** The enclosing block: `server example.com`, `upstream app`, `http`; empty for servers, upstreams and listeners. */
  readonly within: string;
  /** Place in the old configuration; null if it is new, or if its place is unknown. */
  readonly before: Place | null;
  /** Place in the new configuration. */
  readonly after: Place | null;
  /** For a change: the directives in it whose meaning differs; for a peer or a listener, its parameters. */
  readonly directives: readonly string[];
  /** Number of locations whose meaning differs because of it. */
  readonly locations: number;
}
