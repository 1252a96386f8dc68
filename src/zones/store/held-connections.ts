/**
 * Connections that this process counts in a store, by ticket. While the store does not respond they are counted in zones of this
 * node instead, so that its limits apply to all of its connections.
 */
import { takeConnections } from '../limits.js';
import { giveBack, newTicket } from '../tickets.js';
import type { ZoneBackend } from '../zone.js';

/** Zones of this node that take the place of those of a store. */
export interface LocalZones {
  readonly backend: ZoneBackend;
  readonly limits: readonly { readonly zone: number; readonly key: string }[];
}

interface HeldConnection {
  readonly keys: readonly string[];
  /** Whether the store counts it; `asked`: it may. */
  stored: boolean | 'asked';
  /** Whether it was asked to, so that it may count it although it did not answer. */
  maybeStored: boolean;
  readonly local: LocalZones;
  /** Ticket under which it is counted in zones of this node; 0: it is not. */
  mirrored: number;
}

/** Connections that have ended, but may be counted in the store; further ones are counted there until their lease ends. */
const MAX_STALE = 20_000;

export class HeldConnections {
  private readonly held = new Map<number, HeldConnection>();
  /** Keys by member. */
  private stale = new Map<string, readonly string[]>();

  /** `owner`: identifies this process in the store. */
  constructor(readonly owner: string) {}

  get size(): number {
    return this.held.size;
  }

  /** Member of the store's sets for a ticket. */
  member(ticket: number): string {
    return `${this.owner}:${ticket}`;
  }

  /** The store is asked to count a connection. */
  begin(ticket: number, keys: readonly string[], local: LocalZones): string {
    this.held.set(ticket, { keys, stored: 'asked', maybeStored: true, local, mirrored: 0 });
    return this.member(ticket);
  }

  /** The store has counted it (0), refused it, or did not answer (null). */
  answered(ticket: number, refusedBy: number | null): void {
    const connection = this.held.get(ticket);
    if (connection === undefined) return;
    if (refusedBy === 0) connection.stored = true;
    else {
      this.held.delete(ticket);
      if (refusedBy === null) this.addStale(connection.keys, this.member(ticket));
    }
  }

  /** A connection that is counted in zones of this node, under the ticket `mirrored` (0: it is not), until the store counts it. */
  adopt(ticket: number, keys: readonly string[], local: LocalZones, mirrored: number): void {
    // It is stale if the store was asked and did not answer.
    const maybeStored = this.stale.delete(this.member(ticket));
    this.held.set(ticket, { keys, stored: false, maybeStored, local, mirrored });
  }

  /** Ends a connection; returns it if the store is to be told now, otherwise null. */
  release(ticket: number, up: boolean): { readonly keys: readonly string[]; readonly member: string } | null {
    const connection = this.held.get(ticket);
    if (connection === undefined) return null;
    this.held.delete(ticket);
    unmirror(connection);
    const member = this.member(ticket);
    if (up) return { keys: connection.keys, member };
    if (connection.maybeStored) this.addStale(connection.keys, member);
    return null;
  }

  /** A connection that has ended, but may be counted in the store. */
  addStale(keys: readonly string[], member: string): void {
    if (this.stale.size < MAX_STALE) this.stale.set(member, keys);
  }

  takeStale(): readonly (readonly [string, string])[] {
    const { stale } = this;
    this.stale = new Map();
    return [...stale].flatMap(([member, keys]) => keys.map((key) => [key, member] as const));
  }

  /** Connections that the store does not count; from then on it is taken to do so. */
  takeMissing(): readonly (readonly [string, string])[] {
    const pairs: [string, string][] = [];
    for (const [ticket, connection] of this.held) {
      if (connection.stored !== false) continue;
      connection.stored = true;
      connection.maybeStored = true;
      for (const key of connection.keys) pairs.push([key, this.member(ticket)]);
    }
    return pairs;
  }

  /** All connections that the store counts, without those that end while this is used. */
  *all(): Generator<readonly [string, string]> {
    for (const ticket of [...this.held.keys()]) {
      const connection = this.held.get(ticket);
      if (connection?.stored === true) for (const key of connection.keys) yield [key, this.member(ticket)];
    }
  }

  /** The store does not respond any more, and may have lost its contents. */
  lost(): void {
    for (const connection of this.held.values()) {
      if (connection.stored !== true) continue;
      connection.stored = false;
      count(connection);
    }
  }

  /** The store counts all connections again. */
  unmirror(): void {
    for (const connection of this.held.values()) unmirror(connection);
  }
}

/** Counts a connection in zones of this node. It was admitted, so no limit refuses it. */
function count(connection: HeldConnection): void {
  if (connection.mirrored !== 0) return;
  const { backend, limits } = connection.local;
  connection.mirrored = newTicket();
  const admitted = limits.map(({ zone, key }) => ({ zone, key, max: Number.MAX_SAFE_INTEGER }));
  backend.tell(takeConnections, { ticket: connection.mirrored, limits: admitted });
}

function unmirror(connection: HeldConnection): void {
  if (connection.mirrored === 0) return;
  connection.local.backend.tell(giveBack, connection.mirrored);
  connection.mirrored = 0;
}
