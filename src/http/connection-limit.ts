/** `worker_connections`: how many connections this process may have at a time, to clients and to upstreams. */
import { openTransports, type Transport } from './transport.js';

/** Who can do without some of its connections. */
export interface ConnectionOwner {
  /** Connections that nobody would miss, the oldest first. */
  idle(): Iterable<Transport>;
  warn(sentence: string): void;
}

/** ms between two warnings about connections that are taken from idle clients. */
const WARNING_INTERVAL = 1000;
/** At most so many idle connections are given up for a new one, and no more than an eighth of them. */
const GIVEN_UP_AT_ONCE = 32;

let most = Number.POSITIVE_INFINITY;
let owner: ConnectionOwner | null = null;
/** Destroyed, and still counted for the rest of the turn. */
const givenUp = new Set<Transport>();
let warnedAt = Number.NEGATIVE_INFINITY;

/** From here on the process may have so many; null: as many as the system lets it. */
export function limitConnections(number: number | null, from: ConnectionOwner): void {
  most = number ?? Number.POSITIVE_INFINITY;
  owner = from;
}

/**
 * Asks for one connection more: nginx's sentence where there may not be one, null otherwise. Where fewer than a sixteenth are
 * free, idle ones are given up for it, as nginx does.
 */
export function connectionRefused(): string | null {
  // Infinity less anything is no more than a part of it.
  if (most === Number.POSITIVE_INFINITY || most - openTransports() > most / 16) return null;
  for (const transport of givenUp) if (transport.closed) givenUp.delete(transport);
  if (most - openTransports() + givenUp.size <= most / 16) makeRoom();
  return openTransports() - givenUp.size < most ? null : `${most} worker_connections are not enough`;
}

function makeRoom(): void {
  const idle = [...(owner?.idle() ?? [])].filter((transport) => !givenUp.has(transport));
  if (idle.length === 0) return;
  const now = performance.now();
  if (now - warnedAt >= WARNING_INTERVAL) {
    warnedAt = now;
    owner?.warn(`${most} worker_connections are not enough, reusing connections`);
  }
  const count = Math.max(1, Math.min(GIVEN_UP_AT_ONCE, Math.floor(idle.length / 8)));
  for (const transport of idle.slice(0, count)) {
    givenUp.add(transport);
    transport.destroy();
  }
}
