/** Totals over all workers (`stub_status`): each worker keeps its own counts, and the master adds them up. */
import { type ConnectionCounts, type Counts, NO_COUNTS, sum } from '../exchange/connection-counts.js';
import type { Command, WorkerEvent } from './worker-messages.js';

/** ms between two reports of a worker whose counts have changed. */
const REPORT_INTERVAL = 1000;
/** ms to wait for a response; after that the last reported value is used. */
const COUNTS_TIMEOUT = 250;

/** The worker's end. */
export class OwnCounts {
  private readonly pending = new Map<number, (counts: Counts) => void>();
  private lastId = 0;
  private lastReported = '';
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly counts: ConnectionCounts,
    private readonly send: (event: WorkerEvent) => void,
  ) {}

  /** Starts periodic reports: there are, or were, other workers. */
  share(): void {
    if (this.timer !== null) return;
    this.counts.share(() => this.requestOthers());
    this.timer = setInterval(() => this.report(), REPORT_INTERVAL).unref();
  }

  /** Reports for the last time before the worker exits, so that its counts are kept. */
  report(): void {
    const counts = this.counts.own();
    const text = JSON.stringify(counts);
    if (text === this.lastReported) return;
    this.lastReported = text;
    this.send({ event: 'counts', id: 0, counts });
  }

  handleCommand(command: Extract<Command, { command: 'count' | 'others' }>): void {
    if (command.command === 'count') {
      this.send({ event: 'counts', id: command.id, counts: this.counts.own() });
      return;
    }
    this.counts.hear(command.counts);
    this.pending.get(command.id)?.(command.counts);
    this.pending.delete(command.id);
  }

  private requestOthers(): Promise<Counts> {
    const id = ++this.lastId;
    this.send({ event: 'ask-counts', id });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(new Error('the master did not answer'));
      }, 2 * COUNTS_TIMEOUT);
      this.pending.set(id, (counts) => {
        clearTimeout(timer);
        resolve(counts);
      });
    });
  }
}

/** The master's view of a worker, as far as counting needs it. */
export interface CountingWorker {
  sendCommand(command: Command): void;
}

/** The master's end. */
export class AllCounts<W extends CountingWorker> {
  /** Last report of each live worker. */
  private readonly living = new Map<W, Counts>();
  /** Sum over the workers that have exited, of the counts that outlive them. */
  private exited: Counts = NO_COUNTS;
  private readonly pending = new Map<number, () => void>();
  private lastId = 0;

  add(worker: W): void {
    this.living.set(worker, NO_COUNTS);
  }

  remove(worker: W): void {
    const { accepted, handled, requests } = this.living.get(worker) ?? NO_COUNTS;
    this.living.delete(worker);
    this.exited = sum(this.exited, { ...NO_COUNTS, accepted, handled, requests });
    this.broadcast();
  }

  record(worker: W, { id, counts }: { readonly id: number; readonly counts: Counts }): void {
    if (!this.living.has(worker)) return;
    this.living.set(worker, counts);
    if (id === 0) this.broadcast();
    this.pending.get(id)?.();
    this.pending.delete(id);
  }

  /**
   * Requests the counts of all other workers and responds with the sum; one that does not respond in time counts with its
   * last report.
   */
  async answer(worker: W, id: number): Promise<void> {
    const others = [...this.living.keys()].filter((other) => other !== worker);
    await Promise.all(others.map((other) => this.requestCounts(other)));
    worker.sendCommand({ command: 'others', id, counts: this.othersOf(worker) });
  }

  private requestCounts(worker: W): Promise<void> {
    const id = ++this.lastId;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        resolve();
      }, COUNTS_TIMEOUT);
      this.pending.set(id, () => {
        clearTimeout(timer);
        resolve();
      });
      worker.sendCommand({ command: 'count', id });
    });
  }

  private broadcast(): void {
    for (const worker of this.living.keys())
      worker.sendCommand({ command: 'others', id: 0, counts: this.othersOf(worker) });
  }

  private othersOf(worker: W): Counts {
    let total = this.exited;
    for (const [other, counts] of this.living) if (other !== worker) total = sum(total, counts);
    return total;
  }
}
