/** Operations on circuits. */
import { type Admission, type CircuitAnswer, type CircuitRules, Circuits, ProbeRound } from './circuits.js';
import type { Operation } from './operation.js';

export interface CircuitQuestion {
  readonly zone: number;
  readonly key: string;
  readonly rules: CircuitRules;
}

export interface AdmissionQuestion extends CircuitQuestion {
  /** Ticket that holds a probe until it is given back. */
  readonly ticket: number;
}

const UNKNOWN: CircuitAnswer = { key: '', state: 'closed', left: 0, changed: false, events: 0, failures: 0 };

/** Decides whether a request may pass. If the backend does not respond, it may. */
export const admitRequest: Operation<AdmissionQuestion, Admission> = {
  name: 'circuit admit',
  fallback: { ...UNKNOWN, admitted: 'passed' },
  run(owner, { zone, key, rules, ticket }) {
    const circuits = owner.zone(zone, Circuits);
    if (circuits === undefined) return { ...UNKNOWN, admitted: 'passed' };
    const { admission, round } = circuits.admit(key, rules, owner.now);
    if (admission.admitted === 'probe') owner.hold(ticket, [{ in: round, key }]);
    return admission;
  },
};

export interface ResultReport extends CircuitQuestion {
  readonly events: number;
  readonly failures: number;
  /** Ticket of the probe whose result is reported, which is given back; 0: the results are those of other requests. */
  readonly probe: number;
}

/** Reports the results of requests; null if the backend does not respond. */
export const reportResults: Operation<ResultReport, CircuitAnswer | null> = {
  name: 'circuit report',
  fallback: null,
  run(owner, { zone, key, rules, events, failures, probe }) {
    const held = probe === 0 ? undefined : owner.heldBy(probe).find((each) => each.in instanceof ProbeRound);
    const round = held?.in instanceof ProbeRound ? held.in : null;
    if (probe !== 0) owner.giveBack(probe);
    return owner.zone(zone, Circuits)?.report(key, rules, events, failures, round, owner.now) ?? null;
  },
};
