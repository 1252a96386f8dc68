/** The master's view of a worker process. */
import { readSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import type { ErrorLog } from '../logging/error-log.js';
import { describedIn, RECORD_SIZE } from '../program/last-function.js';
import { processChannel } from '../zones/channel.js';
import type { Served, ZoneServer } from '../zones/zone-server.js';
import type { FeedRelay } from './feed-relay.js';
import { BLOCKING_FD, closeRecord, type WorkerChild } from './fork-worker.js';
import type { ListeningSockets } from './listening-sockets.js';
import { ioCalls, processState } from './process-state.js';
import { settledWithin } from './settled-within.js';
import { startErrorMessage } from './start-error-message.js';
import type { TapSubscribers } from './tap-subscribers.js';
import type { AllCounts } from './worker-counts.js';
import { type Command, HEARTBEAT_INTERVAL, isWorkerEvent, type WorkerEvent } from './worker-messages.js';
import type { WorkersJob } from './workers.js';

/** Parts of the master that a worker handle uses. */
export interface WorkerContext {
  readonly errorLog: ErrorLog;
  /** Path of the error log until a configuration names one; empty for stderr. Bytes. */
  readonly defaultErrorLog: string;
  readonly sockets: ListeningSockets;
  readonly zones: ZoneServer;
  readonly counts: AllCounts<WorkerHandle>;
  readonly taps: TapSubscribers;
  /** Answers a question of a worker: see `ProcessLink`. Never rejects. */
  readonly answer: (question: unknown) => Promise<unknown>;
  readonly feeds: FeedRelay;
  /** Every live worker. */
  readonly workers: ReadonlySet<WorkerHandle>;
}

/**
 * Bytes of a configuration per message: one read of the IPC channel. For longer messages Node copies the received parts
 * again with each read.
 */
const CONFIG_PART = 48 << 10;

/** Scheduling priority of a replacement worker while it starts. */
const START_PRIORITY = -10;
/** Ticks without a heartbeat that are allowed while a worker loads or compiles a configuration. */
const BUSY_TICKS = 30;
/** Factor by which the limit is longer for a worker that still reads and writes. */
const OVERLOAD_FACTOR = 6;
/** Ticks within which a configuration must be prepared. */
const PREPARE_TICKS = 60;
/** ms allowed for preparing a configuration, beyond three times the first worker's time. */
const PREPARE_MARGIN = 10_000;
/** Ticks within which a worker must close removed listening sockets. */
const RELEASE_TICKS = 30;
/** ms within which the system ends a process after SIGKILL; a process in device I/O may take longer. */
const KILL_TIMEOUT = 2000;

/** The worker died or did not respond; this is no verdict on the configuration that it was preparing. */
export class LostWorker extends Error {}

interface Answer {
  resolve(listening: readonly string[]): void;
  reject(reason: Error): void;
}

export class WorkerHandle {
  readonly pid: number;
  /** ms on the process's monotonic clock. */
  readonly startedAt = performance.now();
  /** Settles when the process has ended. */
  readonly ended: Promise<void>;
  /** Generation that it serves; 0 before the first. */
  generation = 0;
  alive = true;
  /** How it has exited: `exited on signal 9`; empty while it runs. */
  how = '';
  private shuttingDown = false;
  private killed = false;
  private functionReported = false;
  /** Loading, or compiling a configuration: heartbeats may be late. */
  private busy = true;
  /** Ticks since its last message, since `prepare` was sent, and since it was told to release sockets. */
  private silent = 0;
  /** `ioCalls` at the last tick of a worker that does not respond; null if not known. */
  private calls: number | null = null;
  private overloadReported = false;
  private preparingFor = 0;
  private prepareTicks = PREPARE_TICKS;
  private releasingFor = 0;
  private readonly served: Served;
  private answer: Answer | null = null;
  private preparing: WorkersJob | null = null;
  /** Callbacks for the release of listening sockets, in the order of the commands. */
  private readonly releasing: (() => void)[] = [];
  /** Settles when the worker has closed all removed listeners. */
  released: Promise<void> = Promise.resolve();
  /** Callbacks for the end of the generations before these numbers. */
  private readonly predecessors = new Map<number, () => void>();

  constructor(
    private readonly child: WorkerChild,
    private readonly context: WorkerContext,
    /** Number of the worker, from 0: the lowest that no other serving worker has. */
    readonly number: number,
  ) {
    this.pid = child.pid;
    const blocking = child.stdio[BLOCKING_FD];
    this.served = context.zones.serve(processChannel(child), blocking instanceof net.Socket ? blocking : null);
    child.on('message', (message) => {
      this.silent = 0;
      this.calls = null;
      if (isWorkerEvent(message)) this.receive(message);
    });
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.onExit(code, signal);
        resolve();
      });
    });
    context.counts.add(this);
    this.send({ command: 'begin', errorLog: context.defaultErrorLog, number });
    context.taps.greet(this);
    context.feeds.greet(this);
  }

  /** Whether it exits when its connections have ended. */
  get isRetired(): boolean {
    return this.shuttingDown;
  }

  /** Raises its priority until it serves, because the processes that serve may use all CPU time; as root only. */
  raisePriority(): void {
    try {
      os.setPriority(this.pid, START_PRIORITY);
    } catch {
      // Not permitted, or the process has exited.
    }
  }

  /**
   * Counts one interval of the master's clock; kills a worker that has sent nothing for `limit` ms (0: no limit) or has not
   * answered in time. Intervals are counted instead of time, so that a master that was itself stopped does not kill its
   * workers. A worker that still reads and writes is overloaded, and killing it would cost its connections: it has six times the
   * limit.
   */
  tick(limit: number): void {
    if (this.killed || !this.alive) return;
    this.silent++;
    if (limit > 0 && this.isHung(Math.ceil(limit / HEARTBEAT_INTERVAL))) {
      this.giveUp('does not respond');
    } else if (this.answer !== null && ++this.preparingFor > this.prepareTicks) {
      this.giveUp('did not prepare the configuration in time');
    }
    if (this.releasing.length > 0 && ++this.releasingFor > RELEASE_TICKS) {
      this.context.errorLog.write('alert', `worker process ${this.pid} did not close its listening sockets in time`);
      this.endReleases();
    }
  }

  /** Whether it has been silent for more than `limit` ticks, and is neither overloaded nor busy. */
  private isHung(limit: number): boolean {
    const { silent } = this;
    if (silent < limit) return false;
    // Already at the limit: the next tick compares with this count.
    const isOverloaded = this.isOverloaded();
    if (silent === limit || (isOverloaded && silent <= OVERLOAD_FACTOR * limit)) return false;
    return !this.busy || silent > BUSY_TICKS || processState(this.pid).isStopped;
  }

  /** Whether a worker that does not respond has read or written since the last tick; logged once. */
  private isOverloaded(): boolean {
    const before = this.calls;
    this.calls = ioCalls(this.pid);
    if (before === null || this.calls === null || this.calls === before) return false;
    if (!this.overloadReported) {
      this.overloadReported = true;
      const reason = 'does not respond, but reads and writes: it is overloaded';
      this.context.errorLog.write('alert', `worker process ${this.pid} ${reason}`);
    }
    return true;
  }

  private giveUp(reason: string): void {
    const { text } = processState(this.pid);
    this.context.errorLog.write('alert', `worker process ${this.pid} ${reason}${text}, killing it`);
    this.reportFunction();
    this.kill();
  }

  /** Shortens the deadline: another worker has prepared the same configuration in `took` ms. */
  shortenDeadline(took: number): void {
    const ticks = Math.ceil((3 * took + PREPARE_MARGIN) / HEARTBEAT_INTERVAL);
    this.prepareTicks = Math.min(this.prepareTicks, this.preparingFor + ticks);
  }

  /**
   * Resolves with the keys of the addresses on which it will listen; rejects with the reason why it cannot serve the
   * configuration, or with LostWorker. `encoded`: the job's configuration from `encodeConfig`.
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
      const command: Command = { command: 'config', bytes: encoded.subarray(at, at + CONFIG_PART), first: at === 0 };
      // One part after the other, so that other messages are not delayed. If the worker has died, `exit` reports it.
      await new Promise<unknown>((resolve) => {
        if (this.alive && this.child.connected) this.child.send(command, undefined as never, resolve);
        else resolve(null);
      });
    }
    this.send({ command: 'prepare', job });
  }

  /** Puts the prepared configuration in force; settles when the previous generation is no longer used in this worker. */
  commit(): Promise<void> {
    const generation = this.preparing?.generation ?? 0;
    this.preparing = null;
    this.generation = generation;
    if (!this.alive) return Promise.resolve();
    this.send({ command: 'commit' });
    this.awaitRelease();
    return new Promise((resolve) => {
      this.predecessors.set(generation, resolve);
    });
  }

  cancel(): void {
    this.preparing = null;
    this.send({ command: 'cancel' });
  }

  reopenLogs(): void {
    this.send({ command: 'reopen' });
  }

  /** Shuts it down gracefully, within `limit` ms (0: without limit). `retired`: because of a reload. */
  quit(limit: number, retired = false): Promise<void> {
    this.stopPreparing();
    this.send({ command: 'quit', limit, retired });
    this.awaitRelease();
    return this.ended;
  }

  /** No further configuration is prepared. */
  private stopPreparing(): void {
    this.shuttingDown = true;
    this.answer?.reject(new LostWorker(`worker process ${this.pid} is shutting down`));
    this.answer = null;
  }

  private awaitRelease(): void {
    if (!this.alive) return;
    this.releasingFor = 0;
    this.released = new Promise((resolve) => this.releasing.push(resolve));
  }

  /** Terminates it; kills it after `timeout` ms. */
  async stop(timeout: number): Promise<void> {
    this.stopPreparing();
    this.send({ command: 'stop' });
    await settledWithin(this.ended, timeout);
    await this.cut();
  }

  /** Kills it unless it has ended. */
  async cut(): Promise<void> {
    if (!this.alive) return;
    this.kill();
    await settledWithin(this.ended, KILL_TIMEOUT);
    if (this.alive) this.context.errorLog.write('alert', `worker process ${this.pid} does not end`);
  }

  kill(): void {
    if (!this.alive) return;
    this.killed = true;
    this.child.kill('SIGKILL');
  }

  sendCommand(command: Command): void {
    this.send(command);
  }

  private send(command: Command, handle?: unknown): void {
    if (!this.alive || !this.child.connected) return;
    // The `exit` event reports a worker that dies during the write.
    this.child.send(command, handle as never, () => {});
  }

  private receive(event: WorkerEvent): void {
    switch (event.event) {
      case 'alive':
        return;
      case 'preparing':
        this.busy = true;
        return;
      case 'prepared':
        this.busy = false;
        this.answer?.resolve(event.listening);
        this.answer = null;
        return;
      case 'refused':
        this.busy = false;
        this.preparing = null;
        this.answer?.reject(new Error(event.reason));
        this.answer = null;
        return;
      case 'ended':
        this.predecessors.get(event.generation)?.();
        this.predecessors.delete(event.generation);
        return;
      case 'bind':
        this.bind(event);
        return;
      case 'counts':
        this.context.counts.record(this, event);
        return;
      case 'ask-counts':
        void this.context.counts.answer(this, event.id);
        return;
      case 'tap':
        this.context.taps.receive(this, event);
        return;
      case 'ask':
        void this.context
          .answer(event.question)
          .then((answer) => this.send({ command: 'answer', id: event.id, answer }));
        return;
      case 'rows':
        this.context.feeds.receive(this, event.id, event.rows);
        return;
      case 'taken':
        this.context.feeds.taken(event.batch);
        return;
      case 'watch':
        this.context.feeds.watch(this, event.id, event.settings, this.context.workers);
        return;
      case 'unwatch':
        this.context.feeds.unwatch(this, event.id, this.context.workers);
        return;
      case 'released':
        this.releasing.shift()?.();
    }
  }

  private bind({ address }: Extract<WorkerEvent, { event: 'bind' }>): void {
    const { key } = address;
    try {
      const handle = this.context.sockets.bind(address);
      this.send({ command: 'socket', key, failure: null }, handle);
    } catch (error) {
      this.send({ command: 'socket', key, failure: startErrorMessage(error) });
    }
  }

  /** Logs the function of a script that a worker has called last, once: it is probably the cause of its exit. */
  private reportFunction(): void {
    const { record } = this.child;
    if (record === null || this.functionReported) return;
    const bytes = Buffer.alloc(RECORD_SIZE);
    try {
      readSync(record, bytes, 0, RECORD_SIZE, 0);
    } catch {
      // The exit itself is reported.
      return;
    }
    const text = describedIn(bytes);
    if (text === '') return;
    this.functionReported = true;
    this.context.errorLog.write('alert', `worker process ${this.pid} has called the function ${text} last`);
  }

  private endReleases(): void {
    for (const resolve of this.releasing.splice(0)) resolve();
  }

  private onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.alive = false;
    this.served.end();
    this.context.counts.remove(this);
    this.context.feeds.remove(this, this.context.workers);
    const { errorLog } = this.context;
    const how = howEnded(code, signal);
    this.how = how;
    errorLog.write(
      signal !== null || (code !== 0 && !this.shuttingDown) ? 'alert' : 'notice',
      `worker process ${this.pid} ${how}`,
    );
    if (signal === 'SIGABRT') {
      // V8 cannot write to the log.
      const cause = 'Node.js aborts a process whose memory is exhausted, and writes the reason to standard error';
      errorLog.write('alert', `worker process ${this.pid} has aborted itself: ${cause}`);
    }
    if (signal !== null || !this.shuttingDown) this.reportFunction();
    closeRecord(this.child);
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
