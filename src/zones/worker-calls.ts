/** Questions of one worker to all others, and their answers: the zone of the API. */
import { type NotifiedUser, ZoneUsers } from './zone-users.js';

/** Sent to a worker: a question, or an answer to one of its own (null: that worker has exited). Plain data. */
export type WorkerMessage =
  | { readonly call: number; readonly question: unknown }
  | { readonly answered: number; readonly answer: unknown };

interface Pending {
  readonly caller: NotifiedUser;
  /** Number by which the caller knows the question. */
  readonly number: number;
  readonly waiting: Set<NotifiedUser>;
}

export class WorkerCalls {
  private readonly users = new ZoneUsers<WorkerMessage>();
  private readonly pending = new Map<number, Pending>();
  private last = 0;

  watch(user: NotifiedUser, zone: number): void {
    this.users.add(user, zone);
  }

  unwatch(user: NotifiedUser, zone: number): void {
    if (!this.users.delete(user, zone)) return;
    for (const [call, pending] of [...this.pending]) {
      if (pending.caller === user) this.pending.delete(call);
      else if (pending.waiting.has(user)) this.answer(user, call, null);
    }
  }

  /** Sends a question to all workers except the caller; returns their number. */
  call(caller: NotifiedUser, number: number, question: unknown): number {
    const others = this.users.processes.filter((user) => user !== caller);
    if (others.length === 0) return 0;
    const call = ++this.last;
    this.pending.set(call, { caller, number, waiting: new Set(others) });
    for (const other of others) this.users.notify(other, { call, question });
    return others.length;
  }

  answer(user: NotifiedUser, call: number, answer: unknown): void {
    const pending = this.pending.get(call);
    if (pending === undefined || !pending.waiting.delete(user)) return;
    if (pending.waiting.size === 0) this.pending.delete(call);
    this.users.notify(pending.caller, { answered: pending.number, answer });
  }
}
