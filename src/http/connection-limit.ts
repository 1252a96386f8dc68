/** `worker_connections`: how many connections this process may have at a time, to clients and to upstreams. */
import { connectionDescriptors } from './open-files.js';
import { openTransports, type Transport } from './transport.js';

/** Who can do without some of its connections. */
export interface ConnectionOwner {
  /** Connections that have been idle for so many ms, the least recently used first. */
  idle(age: number): Iterable<Transport>;
  warn(sentence: string): void;
}

/** ms for which a connection is idle at least when it is given up for want of descriptors: then new clients can wait, too. */
const IDLE_AGE = 250;
/** ms between two warnings about connections that are taken from idle clients. */
const WARNING_INTERVAL = 1000;
/** At most so many idle connections are given up for a new one, and no more than an eighth of them. */
const GIVEN_UP_AT_ONCE = 32;

let most = Number.POSITIVE_INFINITY;
let owner: ConnectionOwner | null = null;
/** Destroyed, and still counted for the rest of the turn. */
const givenUp = new Set<Transport>();
let warnedAt = Number.NEGATIVE_INFINITY;

/** From here on the process may have so many; null: as many as there are descriptors. */
export function limitConnections(number: number | null, from: ConnectionOwner): void {
  most = number ?? Number.POSITIVE_INFINITY;
  owner = from;
}

/**
 * Asks for one connection more: nginx's sentence where there may not be one, null otherwise. Where fewer than a sixteenth are
 * free, or there are descriptors for fewer, idle ones are given up for it, as nginx does.
 */
export function connectionRefused(): string | null {
  const room = roomForConnections();
  // Infinity less anything is no more than a part of it.
  if (room === Number.POSITIVE_INFINITY || room - openTransports() > room / 16) return null;
  for (const transport of givenUp) if (transport.closed) givenUp.delete(transport);
  if (room - stillOpen() <= room / 16) makeRoom(room);
  return stillOpen() < most ? null : `${most} worker_connections are not enough`;
}

/** There is no descriptor for a further client: to be asked after `connectionRefused`. */
export function descriptorsScarce(): boolean {
  return stillOpen() >= connectionDescriptors(openTransports());
}

function roomForConnections(): number {
  return Math.min(most, connectionDescriptors(openTransports()));
}

/** Number of open connections, without those given up in this turn: their descriptors are closed already. */
function stillOpen(): number {
  return openTransports() - givenUp.size;
}

function makeRoom(room: number): void {
  const idle: Transport[] = [];
  for (const transport of owner?.idle(room < most ? IDLE_AGE : 0) ?? []) {
    if (givenUp.has(transport)) continue;
    idle.push(transport);
    // More of them would make no difference.
    if (idle.length === 8 * GIVEN_UP_AT_ONCE) break;
  }
  if (idle.length === 0) return;
  const now = performance.now();
  if (now - warnedAt >= WARNING_INTERVAL) {
    warnedAt = now;
    owner?.warn(`${room} worker_connections are not enough, reusing connections`);
  }
  const count = Math.max(1, Math.min(GIVEN_UP_AT_ONCE, Math.floor(idle.length / 8)));
  for (const transport of idle.slice(0, count)) {
    givenUp.add(transport);
    transport.destroy();
  }
}
