/** One worker process, as its master sees it. */
import os from 'node:os';
import type { ErrorLog } from '../exchange/error-log.js';
import { processChannel } from '../zones/channel.js';
import type { Served, ZoneServer } from '../zones/zone-server.js';
import type { WorkerChild } from './fork-worker.js';
import type { ListeningSockets } from './listening-sockets.js';
import { processState } from './process-state.js';
import { settledWithin } from './settled-within.js';
import { startSentence } from './start-sentence.js';
import type { AllCounts } from './worker-counts.js';
import { type Command, HEARTBEAT_INTERVAL, isWorkerEvent, type WorkerEvent } from './worker-messages.js';
import type { WorkersJob } from './workers.js';

/** What a worker has of its master. */
export interface WorkerContext {
  readonly errorLog: ErrorLog;
  /** Path of the error log until a configuration names one; empty for stderr. Bytes. */
  readonly defaultErrorLog: string;
  readonly sockets: ListeningSockets;
  readonly zones: ZoneServer;
  readonly counts: AllCounts<WorkerHandle>;
}

/**
 * Bytes of a configuration in one message: as much as one read of the IPC channel brings, which Node copies together again
 * and again where a message is longer.
 */
const CONFIG_PART = 48 << 10;

/** Scheduling priority of a worker that is to replace one. */
const HURRIED = -10;
/** Ticks for which a worker may be silent while it loads, or compiles a configuration. */
const BUSY_TICKS = 30;
/** Ticks within which a configuration is prepared. */
const PREPARE_TICKS = 60;
/** ms that a worker has to prepare a configuration beyond three times what the first one took. */
const PREPARE_MARGIN = 10_000;
/** Ticks within which a worker closes the listening sockets that it has to give up. */
const RELEASE_TICKS = 30;
/** ms within which the system ends a process after SIGKILL; one that waits for a device may take longer. */
const KILL_TIMEOUT = 2000;

/** The worker has died, or did not answer: this says nothing about the configuration that it should prepare. */
export class LostWorker extends Error {}

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
  private killed = false;
  /** It loads, or compiles a configuration: heartbeats may be late. */
  private busy = true;
  /** Ticks since its last message, since it was asked to prepare, and since it was asked to release sockets. */
  private silent = 0;
  private preparingFor = 0;
  private prepareTicks = PREPARE_TICKS;
  private releasingFor = 0;
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
    private readonly child: WorkerChild,
    private readonly surroundings: WorkerContext,
  ) {
    this.pid = child.pid;
    this.served = surroundings.zones.serve(processChannel(child));
    child.on('message', (message) => {
      this.silent = 0;
      if (isWorkerEvent(message)) this.receive(message);
    });
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

  /**
   * Counts one interval of the master's clock, and kills a worker that has been silent for `limit` ms (0: any time) or gives
   * no answer. Intervals are counted, not time, so that a master that was stopped itself blames no worker.
   */
  tick(limit: number): void {
    if (this.killed || !this.alive) return;
    this.silent++;
    const ticks = Math.ceil(limit / HEARTBEAT_INTERVAL);
    if (
      limit > 0 &&
      this.silent > ticks &&
      (!this.busy || this.silent > BUSY_TICKS || processState(this.pid).isStopped)
    ) {
      this.giveUp('does not respond');
    } else if (this.answer !== null && ++this.preparingFor > this.prepareTicks) {
      this.giveUp('did not prepare the configuration in time');
    }
    if (this.releasing.length > 0 && ++this.releasingFor > RELEASE_TICKS) {
      this.surroundings.errorLog.write(
        'alert',
        `worker process ${this.pid} did not close its listening sockets in time`,
      );
      this.endReleases();
    }
  }

  private giveUp(reason: string): void {
    const { text } = processState(this.pid);
    this.surroundings.errorLog.write('alert', `worker process ${this.pid} ${reason}${text}, killing it`);
    this.kill();
  }

  /** Another worker has prepared the same configuration in so many ms. */
  hurryPreparing(took: number): void {
    const ticks = Math.ceil((3 * took + PREPARE_MARGIN) / HEARTBEAT_INTERVAL);
    this.prepareTicks = Math.min(this.prepareTicks, this.preparingFor + ticks);
  }

  /**
   * Resolves with the keys of the addresses on which it will listen; rejects with the reason why it cannot serve that, or
   * with LostWorker. `encoded`: the job's configuration, as `encodeConfig` makes it.
   */
  prepare(job: WorkersJob, encoded: Buffer): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      if (!this.alive) {
        reject(new LostWorker(`worker process ${this.pid} has ended`));
        return;
      }
      this.preparingFor = 0;
      this.prepareTicks = PREPARE_TICKS;
      this.answer = { resolve, reject };
      this.preparing = job;
      void this.sendJob(job, encoded);
    });
  }

  private async sendJob({ config: _, ...job }: WorkersJob, encoded: Buffer): Promise<void> {
    for (let at = 0; at < encoded.length; at += CONFIG_PART) {
      const order: Command = { order: 'config', bytes: encoded.subarray(at, at + CONFIG_PART), first: at === 0 };
      // One after the other: what else is sent meanwhile is not held up. Where the worker has died, its exit tells.
      await new Promise<unknown>((resolve) => {
        if (this.alive && this.child.connected) this.child.send(order, undefined as never, resolve);
        else resolve(null);
      });
    }
    this.send({ order: 'prepare', job });
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
    this.leave();
    this.send({ order: 'quit', limit });
    this.awaitRelease();
    return this.ended;
  }

  /** It prepares nothing any more. */
  private leave(): void {
    this.leaving = true;
    this.answer?.reject(new LostWorker(`worker process ${this.pid} is shutting down`));
    this.answer = null;
  }

  private awaitRelease(): void {
    if (!this.alive) return;
    this.releasingFor = 0;
    this.released = new Promise((resolve) => this.releasing.push(resolve));
  }

  /** Has it end now; one that does not within `patience` ms is killed. */
  async stop(patience: number): Promise<void> {
    this.leave();
    this.send({ order: 'stop' });
    await settledWithin(this.ended, patience);
    await this.cut();
  }

  /** Kills it where it has not ended. */
  async cut(): Promise<void> {
    if (!this.alive) return;
    this.kill();
    await settledWithin(this.ended, KILL_TIMEOUT);
    if (this.alive) this.surroundings.errorLog.write('alert', `worker process ${this.pid} does not end`);
  }

  kill(): void {
    if (!this.alive) return;
    this.killed = true;
    this.child.kill('SIGKILL');
  }

  sendCommand(order: Command): void {
    this.send(order);
  }

  private send(order: Command, handle?: unknown): void {
    if (!this.alive || !this.child.connected) return;
    // That a worker dies while it is written to is seen by its exit.
    this.child.send(order, handle as never, () => {});
  }

  private receive(report: WorkerEvent): void {
    switch (report.report) {
      case 'alive':
        return;
      case 'preparing':
        this.busy = true;
        return;
      case 'prepared':
        this.busy = false;
        this.answer?.resolve(report.listening);
        this.answer = null;
        return;
      case 'refused':
        this.busy = false;
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

  private bind({ address }: Extract<WorkerEvent, { report: 'bind' }>): void {
    const { key } = address;
    try {
      const handle = this.surroundings.sockets.bind(address);
      this.send({ order: 'socket', key, failure: null }, handle);
    } catch (error) {
      this.send({ order: 'socket', key, failure: startSentence(error) });
    }
  }

  private endReleases(): void {
    for (const resolve of this.releasing.splice(0)) resolve();
  }

  private bury(code: number | null, signal: NodeJS.Signals | null): void {
    this.alive = false;
    this.served.end();
    this.surroundings.counts.leave(this);
    const { errorLog } = this.surroundings;
    const how = howEnded(code, signal);
    errorLog.write(
      signal !== null || (code !== 0 && !this.leaving) ? 'alert' : 'notice',
      `worker process ${this.pid} ${how}`,
    );
    this.answer?.reject(new LostWorker(`worker process ${this.pid} ${how} while it prepared the configuration`));
    this.answer = null;
    this.endReleases();
    for (const resolve of this.predecessors.values()) resolve();
    this.predecessors.clear();
  }
}

/** `exited with code 1`, `exited on signal 9`. */
export function howEnded(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exited with code ${code}` : `exited on signal ${os.constants.signals[signal]}`;
}
