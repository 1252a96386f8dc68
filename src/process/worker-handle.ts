/** One worker process, as its master sees it. */
import type { ChildProcess } from 'node:child_process';
import os from 'node:os';
import type { ErrorLog } from '../exchange/error-log.js';
import { processChannel } from '../zones/channel.js';
import type { Served, ZoneKeeper } from '../zones/keeper.js';
import type { ListeningSockets } from './listening-sockets.js';
import { startSentence } from './start-sentence.js';
import type { AllCounts } from './worker-counts.js';
import { isReport, type Order, type Report } from './worker-messages.js';
import type { WorkersJob } from './workers.js';

/** What a worker has of its master. */
export interface WorkerSurroundings {
  readonly errorLog: ErrorLog;
  /** Path of the error log until a configuration names one; empty for stderr. Bytes. */
  readonly defaultErrorLog: string;
  readonly sockets: ListeningSockets;
  readonly zones: ZoneKeeper;
  readonly counts: AllCounts<WorkerHandle>;
}

/** Scheduling priority of a worker that is to replace one. */
const HURRIED = -10;

interface Answer {
  resolve(listening: readonly string[]): void;
  reject(reason: Error): void;
}

export class WorkerHandle {
  readonly pid: number;
  /** ms on the process's own clock. */
  readonly startedAt = performance.now();
  /** Settles when the process has ended. */
  readonly ended: Promise<void>;
  /** The generation that it serves; 0 before the first. */
  generation = 0;
  alive = true;
  private leaving = false;
  private readonly served: Served;
  private answer: Answer | null = null;
  private preparing: WorkersJob | null = null;
  /** Those who wait until it has given up what it listened on, in the order of what it was told. */
  private readonly releasing: (() => void)[] = [];
  /** Settles when it listens nowhere where it is no longer wanted. */
  released: Promise<void> = Promise.resolve();
  /** Those who wait until generations before these numbers have no users. */
  private readonly predecessors = new Map<number, () => void>();

  constructor(
    private readonly child: ChildProcess,
    private readonly surroundings: WorkerSurroundings,
  ) {
    this.pid = child.pid ?? 0;
    this.served = surroundings.zones.serve(processChannel(child));
    child.on('message', (message) => {
      if (isReport(message)) this.receive(message);
    });
    // A message to a process that has just died.
    child.on('error', () => {});
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.bury(code, signal);
        resolve();
      });
    });
    surroundings.counts.enter(this);
    this.send({ order: 'begin', errorLog: surroundings.defaultErrorLog });
  }

  /**
   * Lets it start ahead of those that serve, which may take all the time there is; as root only. It gives the priority back
   * when it serves.
   */
  hurry(): void {
    try {
      os.setPriority(this.pid, HURRIED);
    } catch {
      // Not allowed, or it has died already.
    }
  }

  /** Resolves with the keys of the addresses on which it will listen; rejects with the reason why it cannot serve that. */
  prepare(job: WorkersJob): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      if (!this.alive) {
        reject(new Error(`worker process ${this.pid} has ended`));
        return;
      }
      this.answer = { resolve, reject };
      this.preparing = job;
      this.send({ order: 'prepare', job });
    });
  }

  /** Puts in force what was prepared; settles when the generation before has no users in this worker. */
  commit(): Promise<void> {
    const generation = this.preparing?.generation ?? 0;
    this.preparing = null;
    this.generation = generation;
    if (!this.alive) return Promise.resolve();
    this.send({ order: 'commit' });
    this.awaitRelease();
    return new Promise((resolve) => {
      this.predecessors.set(generation, resolve);
    });
  }

  cancel(): void {
    this.preparing = null;
    this.send({ order: 'cancel' });
  }

  reopenLogs(): void {
    this.send({ order: 'reopen' });
  }

  /** Has it end when its connections have, no later than after `limit` ms (0: as long as it takes). */
  quit(limit: number): Promise<void> {
    this.leaving = true;
    this.send({ order: 'quit', limit });
    this.awaitRelease();
    return this.ended;
  }

  private awaitRelease(): void {
    if (!this.alive) return;
    this.released = new Promise((resolve) => this.releasing.push(resolve));
  }

  /** Has it end now; one that does not within `patience` ms is killed. */
  async stop(patience: number): Promise<void> {
    this.leaving = true;
    this.send({ order: 'stop' });
    const timer = setTimeout(() => this.kill(), patience);
    await this.ended;
    clearTimeout(timer);
  }

  kill(): void {
    if (this.alive) this.child.kill('SIGKILL');
  }

  tell(order: Order): void {
    this.send(order);
  }

  private send(order: Order, handle?: unknown): void {
    if (!this.alive || !this.child.connected) return;
    // That a worker dies while it is written to is seen by its exit.
    this.child.send(order, handle as never, () => {});
  }

  private receive(report: Report): void {
    switch (report.report) {
      case 'prepared':
        this.answer?.resolve(report.listening);
        this.answer = null;
        return;
      case 'refused':
        this.preparing = null;
        this.answer?.reject(new Error(report.reason));
        this.answer = null;
        return;
      case 'ended':
        this.predecessors.get(report.generation)?.();
        this.predecessors.delete(report.generation);
        return;
      case 'bind':
        this.bind(report);
        return;
      case 'counts':
        this.surroundings.counts.hear(this, report);
        return;
      case 'ask-counts':
        void this.surroundings.counts.answer(this, report.id);
        return;
      case 'released':
        this.releasing.shift()?.();
    }
  }

  private bind({ address }: Extract<Report, { report: 'bind' }>): void {
    const { key } = address;
    try {
      const handle = this.surroundings.sockets.bind(address);
      this.send({ order: 'socket', key, failure: null }, handle);
    } catch (error) {
      this.send({ order: 'socket', key, failure: startSentence(error) });
    }
  }

  private bury(code: number | null, signal: NodeJS.Signals | null): void {
    this.alive = false;
    this.served.end();
    this.surroundings.counts.leave(this);
    const { errorLog } = this.surroundings;
    const how = signal === null ? `exited with code ${code}` : `exited on signal ${os.constants.signals[signal]}`;
    errorLog.write(
      signal !== null || (code !== 0 && !this.leaving) ? 'alert' : 'notice',
      `worker process ${this.pid} ${how}`,
    );
    this.answer?.reject(new Error(`worker process ${this.pid} ${how} while it prepared the configuration`));
    this.answer = null;
    for (const resolve of this.releasing.splice(0)) resolve();
    for (const resolve of this.predecessors.values()) resolve();
    this.predecessors.clear();
  }
}
