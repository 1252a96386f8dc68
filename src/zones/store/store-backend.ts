/**
 * Zones of a table some of which are kept in stores (`store=`): questions about these are put to the store, all others to the
 * backend of this machine. That one has each zone of a store as well, for the time in which the store does not respond.
 */
import { createHash } from 'node:crypto';
import { type StoredZone, type ZoneDeclaration, zoneIdentity } from '../../config/zone-declaration.js';
import {
  type ConnectionAnswer,
  type ConnectionLimit,
  type ConnectionQuestion,
  countRequest,
  PASSED,
  type RateAnswer,
  type RateLimit,
  type RateQuestion,
  TAKEN,
  takeConnections,
} from '../limits.js';
import type { Operation } from '../operation.js';
import { findSession, type LearnedSession, learnSession, type SessionQuestion } from '../sticky-operations.js';
import { giveBack, newTicket } from '../tickets.js';
import type { Zone, ZoneBackend } from '../zone.js';
import type { Store } from './store.js';

interface KeptZone {
  readonly store: Store;
  readonly settings: StoredZone;
  /** Name of the zone in keys of the store. */
  readonly name: string;
}

/** Limits of a question by the store that keeps their zones, each with its index in the question. */
interface Part<L> {
  /** Null: this machine. */
  readonly store: Store | null;
  readonly limits: L[];
  readonly indexes: number[];
}

export class StoreBackend implements ZoneBackend {
  private readonly kept = new Map<number, KeptZone>();
  /** Stores that may count connections of a ticket, by ticket. */
  private readonly tickets = new Map<number, readonly Store[]>();
  /** Tickets of this machine's zones for connections that the store did not count, by ticket of the request. */
  private readonly admitted = new Map<number, number>();
  /** Tickets of requests that also have limits on this machine. */
  private readonly localTickets = new Set<number>();

  constructor(
    private readonly local: ZoneBackend,
    private readonly stores: ReadonlyMap<string, Store>,
  ) {}

  get shared(): boolean {
    return this.local.shared;
  }

  open(declaration: ZoneDeclaration, listener?: (news: unknown) => void): Zone {
    const zone = this.local.open(declaration, listener);
    const settings = declaration.store;
    const store = settings === undefined ? undefined : this.stores.get(settings.name);
    if (settings === undefined || store === undefined) return zone;
    this.kept.set(zone.id, { store, settings, name: storedName(declaration) });
    return {
      declaration,
      id: zone.id,
      close: () => {
        this.kept.delete(zone.id);
        zone.close();
      },
    };
  }

  ask<Q, A>(operation: Operation<Q, A>, question: Q): A | Promise<A> {
    const { name } = operation;
    // The names are those of the operations, so questions and answers have their types.
    if (name === countRequest.name) return this.count(question as RateQuestion) as A | Promise<A>;
    if (name === takeConnections.name) return this.take(question as ConnectionQuestion) as A | Promise<A>;
    if (name === findSession.name) return this.find(question as SessionQuestion) as A | Promise<A>;
    if (name === learnSession.name) this.learn(question as LearnedSession);
    return this.local.ask(operation, question);
  }

  askNow<Q, A>(zone: Zone, operation: Operation<Q, A>, question: Q): A {
    return this.local.askNow(zone, operation, question);
  }

  tell<Q, A>(operation: Operation<Q, A>, question: Q): void {
    if (operation.name === giveBack.name) this.giveBack(question as number);
    else if (operation.name === countRequest.name || operation.name === takeConnections.name)
      void this.ask(operation, question);
    else this.local.tell(operation, question);
  }

  flush(): void {
    this.local.flush();
  }

  // -- rates

  private count(question: RateQuestion): RateAnswer | Promise<RateAnswer> {
    const parts = this.parts(question.limits);
    const [first] = parts;
    if (first === undefined) return PASSED;
    return parts.length === 1 ? this.countPart(first) : this.countParts(parts);
  }

  /** Limits of this machine and of stores: the first that refuses ends the count. */
  private async countParts(parts: readonly Part<RateLimit>[]): Promise<RateAnswer> {
    let longest = PASSED;
    for (const part of parts) {
      const answer = await this.countPart(part);
      const index = part.indexes[answer.limitIndex];
      const found = index === undefined ? answer : { ...answer, limitIndex: index };
      if (found.result !== 'passed' && found.result !== 'delayed') return found;
      if (found.delay > longest.delay) longest = found;
    }
    return longest;
  }

  private countPart({ store, limits }: Part<RateLimit>): RateAnswer | Promise<RateAnswer> {
    if (store === null) return this.local.ask(countRequest, { limits });
    const stored = limits.map(({ zone, key, rate, burst, delay, cost }) => {
      const { name, settings } = this.kept.get(zone) as KeptZone; // so `parts` has found
      const lease = cost === undefined || cost === 1000 ? settings.lease : 1;
      return { key: store.key(name, key), rate, burst, delay, lease, ...(cost !== undefined && { cost }) };
    });
    const answer = store.count(stored);
    return answer instanceof Promise
      ? answer.then((arrived) => arrived ?? this.countWithoutStore(store, limits))
      : answer;
  }

  private countWithoutStore({ nodes }: Store, limits: readonly RateLimit[]): RateAnswer | Promise<RateAnswer> {
    const own: RateLimit[] = [];
    const indexes: number[] = [];
    for (const [i, limit] of limits.entries()) {
      const failure = this.kept.get(limit.zone)?.settings.failure;
      if (failure === 'closed') return { result: 'unavailable', excess: 0, limitIndex: i, delay: 0 };
      if (failure === 'open') continue;
      own.push({
        ...limit,
        rate: Math.max(1, Math.floor(limit.rate / nodes)),
        burst: share(limit.burst, nodes),
        delay: share(limit.delay, nodes),
      });
      indexes.push(i);
    }
    return own.length === 0 ? PASSED : this.countParts([{ store: null, limits: own, indexes }]);
  }

  // -- connections

  private take(question: ConnectionQuestion): ConnectionAnswer | Promise<ConnectionAnswer> {
    const { ticket } = question;
    const parts = this.parts(question.limits);
    const stores = parts.flatMap(({ store }) => store ?? []);
    if (stores.length === 0) return this.local.ask(takeConnections, question);
    this.tickets.set(ticket, stores);
    if (stores.length < parts.length) this.localTickets.add(ticket);
    return this.takeParts(ticket, parts);
  }

  private async takeParts(ticket: number, parts: readonly Part<ConnectionLimit>[]): Promise<ConnectionAnswer> {
    for (const { store, limits, indexes } of parts) {
      const answer =
        store === null
          ? await this.local.ask(takeConnections, { ticket, limits })
          : await this.takeStored(ticket, store, limits);
      // The request may have ended meanwhile.
      if (!this.tickets.has(ticket)) return TAKEN;
      if (answer.result === 'taken') continue;
      this.giveBack(ticket);
      return { ...answer, refusedBy: indexes[answer.refusedBy] ?? -1 };
    }
    return TAKEN;
  }

  private async takeStored(
    ticket: number,
    store: Store,
    limits: readonly ConnectionLimit[],
  ): Promise<ConnectionAnswer> {
    const stored = limits.map(({ zone, key, max }) => {
      const { name } = this.kept.get(zone) as KeptZone; // so `parts` has found
      return { key: store.key(name, key), max };
    });
    const zones = { backend: this.local, limits };
    const refusedBy = await store.take(ticket, stored, zones);
    if (refusedBy === 0) return TAKEN;
    if (refusedBy !== null) return { result: 'limit', refusedBy: refusedBy - 1 };
    // The request may have ended while the store did not respond.
    if (!this.tickets.has(ticket)) return TAKEN;
    const { answer, mirrored } = await this.takeWithoutStore(ticket, store.nodes, limits);
    this.admitted.delete(ticket);
    if (answer.result === 'taken' && this.tickets.has(ticket)) {
      const keys = stored.map(({ key }) => key);
      store.adopt(ticket, keys, zones, mirrored);
    }
    return answer;
  }

  private async takeWithoutStore(
    ticket: number,
    nodes: number,
    limits: readonly ConnectionLimit[],
  ): Promise<{ readonly answer: ConnectionAnswer; readonly mirrored: number }> {
    const own: ConnectionLimit[] = [];
    const indexes: number[] = [];
    for (const [i, limit] of limits.entries()) {
      const failure = this.kept.get(limit.zone)?.settings.failure;
      if (failure === 'closed') return { answer: { result: 'unavailable', refusedBy: i }, mirrored: 0 };
      if (failure === 'open') continue;
      own.push({ ...limit, max: Math.max(1, Math.floor(limit.max / nodes)) });
      indexes.push(i);
    }
    if (own.length === 0) return { answer: TAKEN, mirrored: 0 };
    const mirrored = newTicket();
    this.admitted.set(ticket, mirrored);
    const answer = await this.local.ask(takeConnections, { ticket: mirrored, limits: own });
    return { answer: { ...answer, refusedBy: indexes[answer.refusedBy] ?? -1 }, mirrored };
  }

  // -- sessions

  private find(question: SessionQuestion): string | null | Promise<string | null> {
    const kept = this.kept.get(question.zone);
    if (kept === undefined) return this.local.ask(findSession, question);
    const { store, name } = kept;
    const { timeout } = question;
    const key = store.key(name, question.key);
    return store.findSession(key, timeout).then(async (found) => {
      if (typeof found === 'string') return found;
      const own = await this.local.ask(findSession, question);
      // The store has lost it, or did not respond when it was learned.
      if (own !== null && found === null) store.learnSession(key, own, true, timeout);
      return own;
    });
  }

  /** Sessions are learned by this machine, too. */
  private learn({ zone, key, peer, create, timeout }: LearnedSession): void {
    const kept = this.kept.get(zone);
    kept?.store.learnSession(kept.store.key(kept.name, key), peer, create, timeout);
  }

  /** Ends what a ticket counts, in stores and on this machine. */
  private giveBack(ticket: number): void {
    const stores = this.tickets.get(ticket);
    this.tickets.delete(ticket);
    for (const store of stores ?? []) store.release(ticket);
    const mirrored = this.admitted.get(ticket);
    if (mirrored !== undefined) {
      this.admitted.delete(ticket);
      this.local.tell(giveBack, mirrored);
    }
    // Without stores, tickets of other questions (`reservePeer`) are those of this machine.
    if (stores === undefined || this.localTickets.has(ticket)) this.local.tell(giveBack, ticket);
    this.localTickets.delete(ticket);
  }

  /** The part of this machine comes first: it costs less, and its connections can be given back. */
  private parts<L extends { readonly zone: number }>(limits: readonly L[]): Part<L>[] {
    const parts: Part<L>[] = [];
    for (const [i, limit] of limits.entries()) {
      const store = this.kept.get(limit.zone)?.store ?? null;
      let part = parts.find((each) => each.store === store);
      if (part === undefined) {
        part = { store, limits: [], indexes: [] };
        if (store === null) parts.unshift(part);
        else parts.push(part);
      }
      part.limits.push(limit);
      part.indexes.push(i);
    }
    return parts;
  }
}

/** Share of a node in an amount that is not a marker for "any". */
function share(amount: number, nodes: number): number {
  return amount === Number.MAX_SAFE_INTEGER ? amount : Math.floor(amount / nodes);
}

/**
 * Name of a zone in keys: its kind and name, for people, and a digest of its identity, so that keys of different zones never
 * coincide.
 */
function storedName(declaration: ZoneDeclaration): string {
  const digest = createHash('sha256').update(zoneIdentity(declaration)).digest('base64url').slice(0, 11);
  return `${declaration.kind}:${declaration.name}:${digest}`;
}
