/** The home of zones in this very process: every question is answered at once. */
import type { ZoneDeclaration } from '../config/zone-declaration.js';
import type { Operation } from './operation.js';
import { ZoneOwner, ZoneStates } from './owner.js';
import { contentsOf, takeOver } from './take-over.js';
import { giveBack } from './tickets.js';
import type { Zone, ZoneBackend } from './zone.js';

/** Whole ms of a clock that nobody sets. */
export function monotonic(): number {
  return Math.floor(performance.now());
}

export class LocalBackend implements ZoneBackend {
  readonly shared = false;
  /** The zones themselves: for status pages and tests. */
  readonly states: ZoneStates;
  readonly owner: ZoneOwner;
  private count = 0;
  private successor: ZoneBackend | null = null;

  constructor(clock: () => number = monotonic) {
    this.states = new ZoneStates(clock);
    // Nobody else can change anything here.
    this.owner = new ZoneOwner(this.states, () => {});
  }

  open(declaration: ZoneDeclaration): Zone {
    const id = ++this.count;
    this.owner.openZone(id, declaration);
    return { declaration, id, close: () => this.owner.closeZone(id) };
  }

  ask<Q, A>(operation: Operation<Q, A>, question: Q): A {
    return operation.run(this.owner, question);
  }

  tell<Q, A>(operation: Operation<Q, A>, question: Q): void {
    operation.run(this.owner, question);
    // What a request holds that began here is held there too.
    if (operation.name === giveBack.name) this.successor?.tell(operation, question);
  }

  /** From here on other requests ask that home, in which the same zones are open: what is kept here counts there. */
  moveTo(home: ZoneBackend): void {
    for (const [state, declaration] of this.owner.zones()) {
      const zone = home.open(declaration);
      home.tell(takeOver, { zone: zone.id, ...contentsOf(this.owner, state) });
      zone.close();
    }
    this.successor = home;
  }
}
