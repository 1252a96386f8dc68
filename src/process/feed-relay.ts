/** Feeds of the console across workers: from each of them, through the master, to the worker that has the viewer's connection. */
import type { DeliverBatch, FeedSettings, FeedSubscription, RowSource } from '../console/feed-settings.js';
import type { Command, WorkerEvent } from './worker-messages.js';

/** A worker as seen by the master's part. */
export interface FeedWorker {
  sendCommand(command: Command): void;
}

interface Viewer {
  readonly worker: FeedWorker;
  /** Number of the viewer in that worker. */
  readonly id: number;
  settings: FeedSettings;
}

/** The master's part. It keeps no rows: a worker sends its next batch when the viewer's worker has taken the last one. */
export class FeedRelay {
  /** Viewers by their number in all other workers. */
  private readonly viewers = new Map<number, Viewer>();
  private readonly numbers = new Map<FeedWorker, Map<number, number>>();
  /** Batches that the viewers' workers have not taken, with their sources. */
  private readonly batches = new Map<
    number,
    { readonly from: FeedWorker; readonly to: FeedWorker; readonly feed: number }
  >();
  private lastViewer = 0;
  private lastBatch = 0;

  /** A viewer has subscribed, or has changed its subscription. */
  watch(worker: FeedWorker, id: number, settings: FeedSettings, workers: Iterable<FeedWorker>): void {
    const own = this.numbers.get(worker) ?? new Map<number, number>();
    this.numbers.set(worker, own);
    const number = own.get(id) ?? ++this.lastViewer;
    own.set(id, number);
    this.viewers.set(number, { worker, id, settings });
    for (const other of workers) if (other !== worker) other.sendCommand({ command: 'feed', id: number, settings });
  }

  unwatch(worker: FeedWorker, id: number, workers: Iterable<FeedWorker>): void {
    const number = this.numbers.get(worker)?.get(id);
    if (number === undefined) return;
    this.numbers.get(worker)?.delete(id);
    this.viewers.delete(number);
    // The viewer's worker may not report these batches as taken.
    for (const [batch, { feed }] of this.batches) if (feed === number) this.batches.delete(batch);
    for (const other of workers) if (other !== worker) other.sendCommand({ command: 'unfeed', id: number });
  }

  /** Called when a worker has been started. */
  greet(worker: FeedWorker): void {
    for (const [id, { settings }] of this.viewers) worker.sendCommand({ command: 'feed', id, settings });
  }

  /** Passes a batch on. */
  receive(from: FeedWorker, feed: number, rows: Uint8Array): void {
    const viewer = this.viewers.get(feed);
    if (viewer === undefined) return;
    const batch = ++this.lastBatch;
    this.batches.set(batch, { from, to: viewer.worker, feed });
    viewer.worker.sendCommand({ command: 'watched', id: viewer.id, batch, rows });
  }

  /** The viewer's worker has taken a batch. */
  taken(batch: number): void {
    const passed = this.batches.get(batch);
    this.batches.delete(batch);
    passed?.from.sendCommand({ command: 'feed-next', id: passed.feed });
  }

  /** A worker has ended. */
  remove(worker: FeedWorker, workers: Iterable<FeedWorker>): void {
    const others = [...workers];
    for (const id of [...(this.numbers.get(worker)?.keys() ?? [])]) this.unwatch(worker, id, others);
    this.numbers.delete(worker);
    for (const [batch, { from, to }] of this.batches) if (from === worker || to === worker) this.batches.delete(batch);
  }
}

/** A worker's part: its own viewers, and its feeds for viewers of other workers. */
export class WorkerFeeds implements RowSource {
  private readonly viewers = new Map<number, DeliverBatch>();
  private readonly feeds = new Map<number, { subscription: FeedSubscription; next: () => void }>();
  private last = 0;

  constructor(
    private readonly open: (settings: FeedSettings, deliver: DeliverBatch) => FeedSubscription,
    private readonly send: (event: WorkerEvent) => void,
  ) {}

  subscribe(settings: FeedSettings, deliver: DeliverBatch): FeedSubscription {
    const id = ++this.last;
    this.viewers.set(id, deliver);
    const configure = (next: FeedSettings): void => this.send({ event: 'watch', id, settings: next });
    configure(settings);
    return {
      configure,
      end: () => {
        if (this.viewers.delete(id)) this.send({ event: 'unwatch', id });
      },
    };
  }

  handleCommand(command: FeedCommand): void {
    switch (command.command) {
      case 'feed':
        this.begin(command.id, command.settings);
        return;
      case 'feed-next':
        this.feeds.get(command.id)?.next();
        return;
      case 'unfeed':
        this.feeds.get(command.id)?.subscription.end();
        this.feeds.delete(command.id);
        return;
      case 'watched': {
        const { batch } = command;
        const taken = (): void => this.send({ event: 'taken', batch });
        const deliver = this.viewers.get(command.id);
        if (deliver === undefined) taken();
        else deliver(command.rows).then(taken, taken);
      }
    }
  }

  private begin(id: number, settings: FeedSettings): void {
    const known = this.feeds.get(id);
    if (known !== undefined) {
      known.subscription.configure(settings);
      return;
    }
    let next = (): void => {};
    const subscription = this.open(
      settings,
      (rows) =>
        new Promise<void>((resolve) => {
          next = resolve;
          this.send({ event: 'rows', id, rows });
        }),
    );
    this.feeds.set(id, { subscription, next: () => next() });
  }
}

/** Commands about feeds. */
export type FeedCommand = Extract<Command, { readonly command: 'feed' | 'feed-next' | 'unfeed' | 'watched' }>;
