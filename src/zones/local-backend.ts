/** Zones kept in this process: every question is answered immediately. */
import type { ZoneDeclaration } from '../config/zone-declaration.js';
import type { Operation } from './operation.js';
import { ZoneOwner, ZoneStates } from './owner.js';
import { contentsOf, takeOver } from './take-over.js';
import { giveBack } from './tickets.js';
import type { Zone, ZoneBackend } from './zone.js';

/** Whole ms of a monotonic clock. */
export function monotonic(): number {
  return Math.floor(performance.now());
}

export class LocalBackend implements ZoneBackend {
  readonly shared = false;
  /** The zones, for status pages and tests. */
  readonly states: ZoneStates;
  readonly owner: ZoneOwner;
  private readonly listeners = new Map<number, (news: unknown) => void>();
  private count = 0;
  private successor: ZoneBackend | null = null;

  constructor(clock: () => number = monotonic) {
    this.states = new ZoneStates(clock);
    this.owner = new ZoneOwner(this.states, (zone, news) => this.listeners.get(zone)?.(news));
  }

  open(declaration: ZoneDeclaration, listener?: (news: unknown) => void): Zone {
    const id = ++this.count;
    if (listener !== undefined) this.listeners.set(id, listener);
    this.owner.openZone(id, declaration);
    return {
      declaration,
      id,
      close: () => {
        this.listeners.delete(id);
        this.owner.closeZone(id);
      },
    };
  }

  ask<Q, A>(operation: Operation<Q, A>, question: Q): A {
    return operation.run(this.owner, question);
  }

  askNow<Q, A>(_zone: Zone, operation: Operation<Q, A>, question: Q): A {
    return operation.run(this.owner, question);
  }

  tell<Q, A>(operation: Operation<Q, A>, question: Q): void {
    operation.run(this.owner, question);
    // Counts of a request that started here are held by the successor as well.
    if (operation.name === giveBack.name) this.successor?.tell(operation, question);
  }

  flush(): void {}

  /** Redirects other requests to that backend, in which the same zones are open, and counts there the contents kept here. */
  moveTo(home: ZoneBackend): void {
    for (const [state, declaration] of this.owner.zones()) {
      const zone = home.open(declaration);
      home.tell(takeOver, { zone: zone.id, ...contentsOf(this.owner, state) });
      zone.close();
    }
    this.successor = home;
  }
}
