/** What several workers have counted together (`stub_status`): each keeps its own counts, and the master adds them up. */
import { type ConnectionCounts, type Counts, NO_COUNTS, sum } from '../exchange/connection-counts.js';
import type { Command, WorkerEvent } from './worker-messages.js';

/** ms between two reports of a worker in which something was counted. */
const REPORT_INTERVAL = 1000;
/** ms for which an answer is awaited; then what was heard last holds. */
const PATIENCE = 250;

/** A worker's end. */
export class OwnCounts {
  private readonly asked = new Map<number, (counts: Counts) => void>();
  private questions = 0;
  private told = '';
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly counts: ConnectionCounts,
    private readonly say: (report: WorkerEvent) => void,
  ) {}

  /** There are other workers, or were: from here on it reports once in a while. */
  share(): void {
    if (this.timer !== null) return;
    this.counts.share(() => this.askOthers());
    this.timer = setInterval(() => this.report(), REPORT_INTERVAL).unref();
  }

  /** The worker is about to end: what it has counted goes on to count. */
  report(): void {
    const counts = this.counts.own();
    const text = JSON.stringify(counts);
    if (text === this.told) return;
    this.told = text;
    this.say({ report: 'counts', id: 0, counts });
  }

  handleCommand(order: Extract<Command, { order: 'count' | 'others' }>): void {
    if (order.order === 'count') {
      this.say({ report: 'counts', id: order.id, counts: this.counts.own() });
      return;
    }
    this.counts.hear(order.counts);
    this.asked.get(order.id)?.(order.counts);
    this.asked.delete(order.id);
  }

  private askOthers(): Promise<Counts> {
    const id = ++this.questions;
    this.say({ report: 'ask-counts', id });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.asked.delete(id);
        reject(new Error('the master did not answer'));
      }, 2 * PATIENCE);
      this.asked.set(id, (counts) => {
        clearTimeout(timer);
        resolve(counts);
      });
    });
  }
}

/** What a master has of a worker for this. */
export interface CountingWorker {
  sendCommand(order: Command): void;
}

/** The master's end. */
export class AllCounts<W extends CountingWorker> {
  /** What was heard last of each that lives. */
  private readonly living = new Map<W, Counts>();
  /** The sum over those that have ended: what is not over with them. */
  private gone: Counts = NO_COUNTS;
  private readonly waiting = new Map<number, () => void>();
  private questions = 0;

  enter(worker: W): void {
    this.living.set(worker, NO_COUNTS);
  }

  leave(worker: W): void {
    const { accepted, handled, requests } = this.living.get(worker) ?? NO_COUNTS;
    this.living.delete(worker);
    this.gone = sum(this.gone, { ...NO_COUNTS, accepted, handled, requests });
    this.spread();
  }

  hear(worker: W, { id, counts }: { readonly id: number; readonly counts: Counts }): void {
    if (!this.living.has(worker)) return;
    this.living.set(worker, counts);
    if (id === 0) this.spread();
    this.waiting.get(id)?.();
    this.waiting.delete(id);
  }

  /** Asks all others and answers with the sum; one that does not answer in time counts as it was last heard. */
  async answer(worker: W, id: number): Promise<void> {
    const others = [...this.living.keys()].filter((other) => other !== worker);
    await Promise.all(others.map((other) => this.ask(other)));
    worker.sendCommand({ order: 'others', id, counts: this.othersOf(worker) });
  }

  private ask(worker: W): Promise<void> {
    const id = ++this.questions;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        resolve();
      }, PATIENCE);
      this.waiting.set(id, () => {
        clearTimeout(timer);
        resolve();
      });
      worker.sendCommand({ order: 'count', id });
    });
  }

  private spread(): void {
    for (const worker of this.living.keys())
      worker.sendCommand({ order: 'others', id: 0, counts: this.othersOf(worker) });
  }

  private othersOf(worker: W): Counts {
    let total = this.gone;
    for (const [other, counts] of this.living) if (other !== worker) total = sum(total, counts);
    return total;
  }
}
