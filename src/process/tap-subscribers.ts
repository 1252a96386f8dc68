/** Subscribers of the traffic tap in the master, and the feeds of its workers. */
import type { TapSubscriber } from '../tap/feed.js';
import type { TapRow } from '../tap/rows.js';
import type { TapSettings } from '../tap/settings.js';
import type { Command, WorkerEvent } from './worker-messages.js';

/** A worker as seen by the subscribers. */
interface TappedWorker {
  sendCommand(command: Command): void;
}

/** Rows of all workers for the subscribers of the master. */
export class TapSubscribers {
  private readonly subscribers = new Map<number, TapSubscriber>();
  private count = 0;

  /** Adds a subscriber. `workers`: the running ones. Returns the function that ends the subscription. */
  add(subscriber: TapSubscriber, workers: () => Iterable<TappedWorker>): () => void {
    this.count++;
    const id = this.count;
    this.subscribers.set(id, subscriber);
    for (const worker of workers()) worker.sendCommand({ command: 'tap', id, settings: subscriber.settings });
    return () => {
      if (!this.subscribers.delete(id)) return;
      for (const worker of workers()) worker.sendCommand({ command: 'untap', id });
    };
  }

  /** Called when a worker has been started. */
  greet(worker: TappedWorker): void {
    for (const [id, { settings }] of this.subscribers) worker.sendCommand({ command: 'tap', id, settings });
  }

  /** Delivers a batch of a worker; the worker sends the next one when this one is answered. */
  receive(worker: TappedWorker, { id, rows }: Extract<WorkerEvent, { event: 'tap' }>): void {
    const next = (): void => worker.sendCommand({ command: 'tap-next', id });
    this.subscribers.get(id)?.deliver(rows).then(next, next);
  }
}

/** The subscriptions of the master in a worker. */
export class WorkerTaps {
  private readonly taps = new Map<number, { end(): void; next: (() => void) | null }>();

  constructor(
    private readonly subscribe: (subscriber: TapSubscriber) => () => void,
    private readonly send: (event: WorkerEvent) => void,
  ) {}

  begin(id: number, settings: TapSettings): void {
    const tap: { end(): void; next: (() => void) | null } = { end: () => {}, next: null };
    this.taps.set(id, tap);
    tap.end = this.subscribe({
      settings,
      deliver: (rows: readonly TapRow[]) =>
        new Promise<void>((resolve) => {
          tap.next = resolve;
          this.send({ event: 'tap', id, rows });
        }),
    });
  }

  next(id: number): void {
    this.taps.get(id)?.next?.();
  }

  end(id: number): void {
    this.taps.get(id)?.end();
    this.taps.delete(id);
  }
}
