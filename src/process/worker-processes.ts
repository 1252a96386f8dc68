/** The workers of a master: as many processes as configured, replaced when they die. */
import type { LostWorkerReport } from '../console/process-questions.js';
import { errnoText } from '../diagnostics/errno.js';
import type { ErrorLog } from '../logging/error-log.js';
import type { BoundAddress } from '../server/binder.js';
import type { TapSubscriber } from '../tap/feed.js';
import { ZoneServer } from '../zones/zone-server.js';
import { encodeConfig } from './config-pieces.js';
import { FeedRelay } from './feed-relay.js';
import { closeRecord, forkWorker, type WorkerChild } from './fork-worker.js';
import { ListeningSockets } from './listening-sockets.js';
import type { PreparedJob } from './serving.js';
import { settledWithin } from './settled-within.js';
import { TapSubscribers } from './tap-subscribers.js';
import { AllCounts } from './worker-counts.js';
import { howEnded, LostWorker, type WorkerContext, WorkerHandle } from './worker-handle.js';
import { HEARTBEAT_INTERVAL } from './worker-messages.js';
import { setResources } from './worker-resources.js';
import type { ProcessFigures, Workers, WorkersJob } from './workers.js';

export interface WorkerProcessesOptions {
  readonly errorLog: ErrorLog;
  /** Path of the error log until a configuration names one; empty for stderr. Bytes. */
  readonly defaultErrorLog: string;
  /** A worker that was forked ahead of time; it becomes the first. */
  readonly forked: Promise<WorkerChild> | null;
  /** Answers questions of workers: see `WorkerContext`. */
  readonly answer: WorkerContext['answer'];
}

/** ms that a worker has to exit after TERM. */
const STOP_TIMEOUT = 1000;
/** ms beyond `worker_shutdown_timeout` after which a worker that has not exited is killed. */
const QUIT_MARGIN = 1000;
/** ms of life after which the death of a worker no longer counts as a failed start. */
const HEALTHY_AGE = 10_000;
/**
 * ms before the second attempt to start workers that die early or fail to start; doubled with each attempt, up to the
 * maximum.
 */
const FIRST_DELAY = 100;
const MAX_DELAY = 10_000;
/** Maximum while no worker serves. */
const MAX_OUTAGE_DELAY = 2000;
/** Retries of a start or a reload for which no worker could be started: 3 s in all. */
const START_RETRIES = 5;

/** Number of workers that have ended unexpectedly and are remembered. */
const MAX_LOST = 20;

/** Failure to open a file or bind an address for lack of root privileges. */
const PERMISSION_DENIED = /\((13: Permission denied|1: Operation not permitted)\)|system library::Permission denied/;

export class WorkerProcesses implements Workers {
  private readonly context: WorkerContext;
  private readonly sockets = new ListeningSockets();
  /** Oldest first, without those that are shutting down. */
  private serving: WorkerHandle[] = [];
  /** Every live process. */
  private readonly all = new Set<WorkerHandle>();
  private forked: Promise<WorkerChild> | null;
  /** Resources that were given to each worker. */
  private readonly resources = new WeakMap<WorkerHandle, string>();
  private current: WorkersJob | null = null;
  /** The last workers that have ended unexpectedly. */
  private lost: readonly LostWorkerReport[] = [];
  private ending = false;
  /** No worker serves until the next configuration. */
  private dismissed = false;
  /** Workers that were started to replace others that had exited unexpectedly. */
  private restarts = 0;
  /** Consecutive early deaths and failed starts. */
  private failures = 0;
  /** Replacements that are not serving yet. */
  private starting = 0;
  /** Timer of the next replacement. */
  private replacement: NodeJS.Timeout | null = null;
  /** Also keeps this process alive, which may have no other handle while no worker runs. */
  private readonly ticks = setInterval(() => this.tick(), HEARTBEAT_INTERVAL);

  constructor({ errorLog, defaultErrorLog, forked, answer }: WorkerProcessesOptions) {
    this.context = {
      errorLog,
      defaultErrorLog,
      sockets: this.sockets,
      zones: new ZoneServer(),
      counts: new AllCounts(),
      taps: new TapSubscribers(),
      answer,
      feeds: new FeedRelay(),
      workers: this.all,
    };
    this.forked = forked;
  }

  get addresses(): BoundAddress[] {
    return this.sockets.addresses;
  }

  /** Process ids of the serving workers. */
  get pids(): number[] {
    return this.serving.map(({ pid }) => pid);
  }

  get processes(): ProcessFigures {
    const { lost, restarts } = this;
    return { wanted: this.current?.settings.workerProcesses ?? 0, serving: this.serving.length, lost, restarts };
  }

  async prepare(job: WorkersJob): Promise<PreparedJob> {
    // From then on the addresses that the previous reload removed can be bound again.
    await Promise.all([...this.all].map((worker) => worker.released));
    for (let n = 0; ; n++) {
      try {
        return await this.attemptWithRights(job);
      } catch (error) {
        // A failed start or the loss of all workers is no verdict on the configuration.
        if (!(error instanceof LostWorker) || this.ending || n === START_RETRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, FIRST_DELAY * 2 ** n));
      }
    }
  }

  /**
   * Workers that dropped root privileges cannot regain them: if the user changes, or a file may be opened by root only (a
   * new log, a key), new workers replace them, as in nginx after every reload.
   */
  private async attemptWithRights(job: WorkersJob): Promise<PreparedJob> {
    const byNumber = [...this.serving].sort((a, b) => a.number - b.number);
    const staying = sameUser(job, this.current) ? byNumber.slice(0, job.settings.workerProcesses) : [];
    try {
      return await this.attempt(job, staying);
    } catch (error) {
      const denied = error instanceof Error && PERMISSION_DENIED.test(error.message);
      if (!denied || job.owner === null || staying.length === 0) throw error;
      this.context.errorLog.write('notice', `replacing workers that lack privileges: ${error.message}`);
      return this.attempt(job, []);
    }
  }

  /** Prepares the job in all workers. If some cannot be started or are lost, the others serve until they are replaced. */
  private async attempt(job: WorkersJob, staying: readonly WorkerHandle[]): Promise<PreparedJob> {
    const { workerProcesses } = job.settings;
    const bound = this.sockets.keys;
    const added: WorkerHandle[] = [];
    let failure: unknown = null;
    try {
      while (staying.length + added.length < workerProcesses) added.push(await this.fork());
    } catch (error) {
      failure = error;
    }
    const encoded = await encodeConfig(job.config);
    const prepared: WorkerHandle[] = [];
    const listening: string[] = [];
    let refusal: unknown = null;
    const workers = [...staying, ...added];
    const begun = performance.now();
    await Promise.all(
      workers.map(async (worker) => {
        try {
          listening.push(...(await worker.prepare(job, encoded)));
          if (prepared.push(worker) > 1) return;
          for (const other of workers) other.shortenDeadline(performance.now() - begun);
        } catch (error) {
          if (error instanceof LostWorker) failure = error;
          else refusal ??= error;
        }
      }),
    );
    const cancel = (): void => {
      for (const worker of prepared) if (staying.includes(worker)) worker.cancel();
      for (const worker of added) void worker.stop(STOP_TIMEOUT);
      this.sockets.closeExcept(bound);
    };
    if (refusal !== null || prepared.length === 0) {
      cancel();
      throw refusal ?? failure;
    }
    return { listening, commit: () => this.commit(job, prepared, listening), cancel };
  }

  private commit(job: WorkersJob, workers: readonly WorkerHandle[], listening: readonly string[]): Promise<void> {
    const before = this.serving;
    this.dismissed = false;
    this.current = job;
    this.serving = workers.filter((worker) => worker.alive);
    const ended = workers.map((worker) => worker.commit());
    this.giveResources(this.serving);
    this.sockets.closeExcept(new Set(listening));
    for (const worker of before) if (!workers.includes(worker)) ended.push(this.retire(worker));
    this.replaceMissing();
    return Promise.all(ended).then(() => {});
  }

  subscribe(subscriber: TapSubscriber): () => void {
    return this.context.taps.add(subscriber, () => this.all);
  }

  reopenLogs(): void {
    for (const worker of this.all) worker.reopenLogs();
  }

  dismiss(limit: number): void {
    const workers = this.serving;
    this.serving = [];
    this.dismissed = true;
    for (const worker of workers) void worker.quit(limit);
  }

  async quit(limit: number): Promise<void> {
    const all = this.end();
    const ended = Promise.all(all.map((worker) => worker.quit(limit)));
    await settledWithin(ended, limit > 0 ? limit + QUIT_MARGIN : 0);
    await Promise.all(all.map((worker) => worker.cut()));
    clearInterval(this.ticks);
  }

  async stop(): Promise<void> {
    await Promise.all(this.end().map((worker) => worker.stop(STOP_TIMEOUT)));
    clearInterval(this.ticks);
  }

  /** Stops replacing workers; returns all that have to exit. */
  private end(): WorkerHandle[] {
    this.ending = true;
    abandon(this.forked);
    this.forked = null;
    if (this.replacement !== null) clearTimeout(this.replacement);
    this.sockets.closeExcept(new Set());
    return [...this.all];
  }

  private tick(): void {
    const limit = this.current?.settings.heartbeatTimeout ?? 0;
    for (const worker of this.all) worker.tick(limit);
  }

  /** Starts a worker; on failure logs the reason and rejects with LostWorker. */
  private async fork(): Promise<WorkerHandle> {
    const { errorLog } = this.context;
    const forked = this.forked ?? forkWorker();
    this.forked = null;
    let child: WorkerChild;
    try {
      child = await forked;
    } catch (error) {
      const message = `fork() failed while spawning "worker process" (${errnoText(error)})`;
      errorLog.write('alert', message);
      throw new LostWorker(message);
    }
    const { pid, exitCode, signalCode } = child;
    if (exitCode !== null || signalCode !== null) {
      // Forked ahead of time, and its exit was already reported.
      const message = `worker process ${pid} ${howEnded(exitCode, signalCode)}`;
      closeRecord(child);
      errorLog.write('alert', message);
      throw new LostWorker(message);
    }
    if (this.ending) {
      child.kill('SIGKILL');
      closeRecord(child);
      throw new LostWorker('the proxy is shutting down');
    }
    const worker = new WorkerHandle(child, this.context, this.freeNumber());
    this.all.add(worker);
    errorLog.write('notice', `start worker process ${pid}`);
    void worker.ended.then(() => this.onExit(worker));
    return worker;
  }

  /** The lowest number that no serving or starting worker has. */
  private freeNumber(): number {
    const taken = new Set([...this.all].filter(({ isRetired }) => !isRetired).map(({ number }) => number));
    let number = 0;
    while (taken.has(number)) number++;
    return number;
  }

  /** Drains it, without replacement. */
  private retire(worker: WorkerHandle): Promise<void> {
    return worker.quit(this.current?.settings.shutdownTimeout ?? 0, true);
  }

  private onExit(worker: WorkerHandle): void {
    this.all.delete(worker);
    if (!this.serving.includes(worker)) return;
    this.serving = this.serving.filter((each) => each !== worker);
    this.lost = [...this.lost, { pid: worker.pid, time: Date.now(), how: worker.how }].slice(-MAX_LOST);
    this.failures = performance.now() - worker.startedAt < HEALTHY_AGE ? this.failures + 1 : 0;
    this.replaceMissing();
  }

  /** Workers that are neither running nor being started. */
  private get missing(): number {
    if (this.ending || this.dismissed || this.current === null) return 0;
    return this.current.settings.workerProcesses - this.serving.length - this.starting;
  }

  /** Starts missing workers, with a growing delay while none lives or can be started. */
  private replaceMissing(): void {
    if (this.replacement !== null || this.missing <= 0) return;
    const { failures } = this;
    const maxDelay = this.serving.length > 0 ? MAX_DELAY : MAX_OUTAGE_DELAY;
    const delay = failures < 2 ? 0 : Math.min(FIRST_DELAY * 2 ** (failures - 2), maxDelay);
    this.replacement = setTimeout(async () => {
      this.replacement = null;
      // If one cannot be started, neither can the next.
      for (let n = this.missing; n > 0 && (await this.replace()); n--);
      this.replaceMissing();
    }, delay);
  }

  /** False if no process was started. */
  private async replace(): Promise<boolean> {
    this.starting++;
    try {
      const worker = await this.fork();
      this.context.zones.states.respawned++;
      this.restarts++;
      void this.enter(worker);
      return true;
    } catch {
      this.starting--;
      this.failures = Math.max(2, this.failures + 1);
      return false;
    }
  }

  private giveResources(workers: readonly WorkerHandle[]): void {
    const { current } = this;
    if (current === null) return;
    const { settings } = current;
    workers.forEach((worker, n) => {
      // Each tool is a separate process: run once per worker, and again only if a reload changes its arguments.
      const settingsKey = `${n} ${settings.affinity?.auto} ${settings.affinity?.masks} ${settings.openFiles}`;
      if (this.resources.get(worker) === settingsKey) return;
      this.resources.set(worker, settingsKey);
      setResources(worker.pid, n, current, this.context.errorLog);
    });
  }

  /** Makes a replacement serve the configuration in force. */
  private async enter(worker: WorkerHandle): Promise<void> {
    worker.raisePriority();
    try {
      // A reload may intervene.
      for (let job = this.current; job !== null && worker.generation !== job.generation; job = this.current) {
        await worker.prepare({ ...job, replacement: true }, await encodeConfig(job.config));
        if (job === this.current) void worker.commit();
        else worker.cancel();
      }
      if (!worker.alive) throw new LostWorker();
      this.starting--;
      if (this.missing > 0) this.serving.push(worker);
      else void this.retire(worker);
      this.giveResources(this.serving);
    } catch (error) {
      this.starting--;
      this.failures++;
      if (this.ending) return;
      // The exit of a worker was already logged.
      if (!(error instanceof LostWorker)) this.context.errorLog.write('emerg', (error as Error).message);
      void worker.stop(STOP_TIMEOUT);
      this.replaceMissing();
    }
  }
}

function sameUser({ owner }: WorkersJob, current: WorkersJob | null): boolean {
  const before = current?.owner ?? null;
  return owner?.uid === before?.uid && owner?.gid === before?.gid && owner?.name === before?.name;
}

/** Ends a worker that was forked ahead of time, if any. */
export function abandon(forked: Promise<WorkerChild> | null): void {
  void forked?.then(
    (child) => {
      child.kill();
      closeRecord(child);
    },
    () => {},
  );
}
