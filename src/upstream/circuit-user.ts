/** This process's view of the circuits of a zone: asks for admission, reports results, receives changes. */
import type { Compiler } from '../program/module.js';
import { openZone } from '../program/zones.js';
import { admitRequest, reportResults } from '../zones/circuit-operations.js';
import type { Admission, CircuitAnswer, CircuitNews, CircuitRules } from '../zones/circuits.js';
import { giveBack } from '../zones/tickets.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';

/** Maximum delay of reporting successes to another process, ms. */
const SUCCESSES_INTERVAL = 20;

/** Receives the states of circuits. */
export interface CircuitObserver {
  /** Called with the state of a circuit: from an answer, or changed by another process. */
  circuitIs(news: CircuitNews): void;
  /** Called when a question of this process has changed the state. `probe`: the question was the result of a probe. */
  circuitChanged(answer: CircuitAnswer, probe: boolean): void;
}

export class CircuitUser {
  /** Whether changes of other processes are received: the first message has the state so far. */
  informed = false;
  private zone: Zone | null = null;
  /** Successes that are not reported yet, by key. */
  private readonly successes = new Map<string, number>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly backend: ZoneBackend,
    private readonly observer: CircuitObserver,
  ) {}

  /** Whether the circuits are kept in another process, so that a question costs a message. */
  get remote(): boolean {
    return this.backend.shared;
  }

  join(zone: Zone): void {
    this.zone = zone;
  }

  /** Applies changes of other processes. */
  news(news: readonly CircuitNews[]): void {
    this.informed = true;
    for (const each of news) this.observer.circuitIs(each);
  }

  admit(key: string, rules: CircuitRules, ticket: number): Admission | Promise<Admission> {
    const answer = this.backend.ask(admitRequest, { zone: this.id, key, rules, ticket });
    if (!(answer instanceof Promise)) {
      this.apply(answer, false);
      return answer;
    }
    return answer.then((admission) => {
      this.apply(admission, false);
      return admission;
    });
  }

  /** Reports a result. `events`: 0 if the request was counted before. `probe`: ticket of a probe, or 0. */
  report(key: string, rules: CircuitRules, events: number, failures: number, probe: number): void {
    if (failures === 0 && probe === 0) {
      // Successes only count for `ratio`.
      if (rules.ratio === 0) return;
      if (this.remote) {
        this.successes.set(key, (this.successes.get(key) ?? 0) + events);
        this.timer ??= setTimeout(() => this.reportSuccesses(rules), SUCCESSES_INTERVAL).unref();
        return;
      }
    }
    const successes = this.successes.get(key) ?? 0;
    if (successes > 0) this.successes.delete(key);
    // The result of a probe is reported on its own.
    if (probe !== 0 && successes > 0) this.send(key, rules, successes, 0, 0);
    this.send(key, rules, probe === 0 ? events + successes : events, failures, probe);
    // Sent now, because this process may be killed before the end of the turn.
    this.backend.flush();
  }

  /** Asks for the current state. */
  refresh(key: string, rules: CircuitRules): void {
    this.send(key, rules, 0, 0, 0);
  }

  giveBack(ticket: number): void {
    this.backend.tell(giveBack, ticket);
  }

  private get id(): number {
    return this.zone?.id ?? 0;
  }

  private send(key: string, rules: CircuitRules, events: number, failures: number, probe: number): void {
    const answer = this.backend.ask(reportResults, { zone: this.id, key, rules, events, failures, probe });
    if (answer instanceof Promise) void answer.then((late) => this.apply(late, probe !== 0));
    else this.apply(answer, probe !== 0);
  }

  private reportSuccesses(rules: CircuitRules): void {
    this.timer = null;
    const all = [...this.successes];
    this.successes.clear();
    for (const [key, events] of all) this.send(key, rules, events, 0, 0);
  }

  private apply(answer: CircuitAnswer | null, probe: boolean): void {
    if (answer === null || answer.key === '') return;
    this.observer.circuitIs(answer);
    if (answer.changed) this.observer.circuitChanged(answer, probe);
  }
}

/** Opens the zone that contains the circuits of a user; one of that name continues in the next configuration. */
export function openCircuits(user: CircuitUser, name: string, compiler: Compiler): void {
  const declaration = { kind: 'circuits', name, size: 0, key: '' } as const;
  user.join(openZone(compiler, declaration, name, (news) => user.news(news as readonly CircuitNews[])));
}
