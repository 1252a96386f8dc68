/** Operations on the zones of health checks. */
import { type CheckResult, type DeclaredCheck, HealthStates, type PeerHealth } from './health-states.js';
import type { Operation } from './operation.js';

/** Results known so far; null if the backend does not respond. */
export const readHealth: Operation<{ readonly zone: number }, readonly PeerHealth[] | null> = {
  name: 'health read',
  fallback: null,
  run: (owner, { zone }) => owner.zone(zone, HealthStates)?.snapshot() ?? [],
};

export interface HealthMember {
  readonly zone: number;
  readonly generation: number;
  readonly checks: readonly DeclaredCheck[];
}

/** Reports that a table is in force; returns the results to continue with, or null if the backend does not respond. */
export const joinHealth: Operation<HealthMember, readonly PeerHealth[] | null> = {
  name: 'health join',
  fallback: null,
  run: (owner, { zone, generation, checks }) =>
    owner.zone(zone, HealthStates)?.join(owner, zone, generation, checks) ?? [],
};

/** Reports that a table is no longer in force. */
export const leaveHealth: Operation<{ readonly zone: number }, null> = {
  name: 'health leave',
  fallback: null,
  run(owner, { zone }) {
    owner.zone(zone, HealthStates)?.leave(owner, zone);
    return null;
  },
};

/** Counts the result of a check; returns the counts, or null if the backend does not respond. */
export const countHealth: Operation<CheckResult & { readonly zone: number }, PeerHealth | null> = {
  name: 'health count',
  fallback: null,
  run: (owner, result) => owner.zone(result.zone, HealthStates)?.count(result) ?? null,
};

export interface ForgottenPeers {
  readonly zone: number;
  readonly check: string;
  readonly peers: readonly string[];
}

/** Drops the results of peers. */
export const forgetHealth: Operation<ForgottenPeers, null> = {
  name: 'health forget',
  fallback: null,
  run(owner, { zone, check, peers }) {
    owner.zone(zone, HealthStates)?.forget(check, peers);
    return null;
  },
};
