/** nginx's phases: the only list of them. */

interface PhaseSpec {
  readonly name: string;
  /** Programs that contain the handlers; null for a step of the engine itself, without handlers. */
  readonly level: 'server' | 'location' | null;
  /**
   * Rule for verdicts and for the end of the phase, in `src/exchange/phases.ts`. `generic`: continue with the next handler,
   * then with the next phase, unless a verdict ends the exchange.
   */
  readonly rule: 'generic' | 'findLocation' | 'postRewrite' | 'access' | 'content' | 'log';
  /** Whether it is omitted in subrequests, which belong to a request that has passed it. */
  readonly mainOnly?: true;
}

/** In the order of execution. The position is the index in `handlers` of programs, and `Exchange.phase`. */
export const PHASES = [
  { name: 'postRead', level: 'server', rule: 'generic', mainOnly: true },
  { name: 'serverRewrite', level: 'server', rule: 'generic' },
  { name: 'findConfig', level: null, rule: 'findLocation' },
  { name: 'rewrite', level: 'location', rule: 'generic' },
  { name: 'postRewrite', level: null, rule: 'postRewrite' },
  { name: 'preaccess', level: 'location', rule: 'generic' },
  { name: 'access', level: 'location', rule: 'access', mainOnly: true },
  { name: 'precontent', level: 'location', rule: 'generic' },
  { name: 'content', level: 'location', rule: 'content' },
  { name: 'log', level: 'location', rule: 'log' },
] as const satisfies readonly PhaseSpec[];

type AnyPhase = (typeof PHASES)[number];

/** Phases for which modules can declare handlers. */
export type Phase = Extract<AnyPhase, { readonly level: string }>['name'];

/** Position of a phase in the table. */
export function phaseIndex(name: AnyPhase['name']): number {
  return PHASES.findIndex((phase) => phase.name === name);
}
