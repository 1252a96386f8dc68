/** Questions of workers to the master that it may answer after a while, unlike those about zones (`ProcessLink.ask`). */
import { ProcessUnavailable } from '../program/process-link.js';
import type { Command, WorkerEvent } from './worker-messages.js';

/** Default timeout of an answer, ms: a reload may take that long. */
const TIMEOUT = 120_000;
/** Maximum number of pending questions. */
const MAX_PENDING = 100;

/** The worker's end. */
export class WorkerQuestions {
  private readonly pending = new Map<number, (answer: unknown) => void>();
  private last = 0;

  constructor(private readonly send: (event: WorkerEvent) => void) {}

  /** Rejects with ProcessUnavailable. */
  ask(question: unknown, timeout = TIMEOUT): Promise<unknown> {
    if (this.pending.size >= MAX_PENDING) return Promise.reject(new ProcessUnavailable());
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(new ProcessUnavailable());
      }, timeout).unref();
      this.pending.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.send({ event: 'ask', id, question });
    });
  }

  receive({ id, answer }: Extract<Command, { command: 'answer' }>): void {
    this.pending.get(id)?.(answer);
    this.pending.delete(id);
  }
}
