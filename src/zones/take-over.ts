/** What a zone keeps, on its way from one home to another. */
import { ConnectionCounts } from './connection-counts.js';
import type { Operation } from './operation.js';
import type { ZoneOwner, ZoneState } from './owner.js';
import { type RateSnapshot, RequestRates } from './request-rates.js';

export interface ZoneContents {
  readonly zone: number;
  /** What is under way, by the tickets that hold it. */
  readonly held: readonly { readonly ticket: number; readonly key: string }[];
  readonly rates: readonly RateSnapshot[];
}

/** What an owner has in a zone; the owner goes on to hold it. */
export function contentsOf(owner: ZoneOwner, state: ZoneState): Omit<ZoneContents, 'zone'> {
  const held = owner.heldIn(state);
  return { held, rates: state instanceof RequestRates ? state.snapshot(owner.now) : [] };
}

/** Enters what was kept elsewhere. It has been let through there: no limit refuses it. */
export const takeOver: Operation<ZoneContents, null> = {
  name: 'take over',
  fallback: null,
  run(owner, { zone, held, rates }) {
    const counts = owner.zone(zone, ConnectionCounts);
    for (const { ticket, key } of held) {
      if (counts?.take(key, Number.POSITIVE_INFINITY) === 'taken') owner.hold(ticket, [{ in: counts, key }]);
    }
    owner.zone(zone, RequestRates)?.restore(rates, owner.now);
    return null;
  },
};
