/** The workers of a master: as many processes as the configuration wants, replaced when they die. */
import type { ChildProcess } from 'node:child_process';
import type { ErrorLog } from '../exchange/error-log.js';
import { ZoneKeeper } from '../zones/keeper.js';
import { forkWorker } from './fork-worker.js';
import { ListeningSockets } from './listening-sockets.js';
import type { PreparedJob } from './serving.js';
import { AllCounts } from './worker-counts.js';
import { WorkerHandle, type WorkerSurroundings } from './worker-handle.js';
import { giveResources } from './worker-resources.js';
import type { Workers, WorkersJob } from './workers.js';

export interface WorkerProcessesOptions {
  readonly errorLog: ErrorLog;
  /** Path of the error log until a configuration names one; empty for stderr. Bytes. */
  readonly defaultErrorLog: string;
  /** A worker that was forked ahead of time; it becomes the first. */
  readonly forked: ChildProcess | null;
}

/** ms that a worker has to end after TERM. */
const STOP_PATIENCE = 1000;
/** ms beyond `worker_shutdown_timeout` after which a worker that has not ended is killed. */
const QUIT_PATIENCE = 1000;
/** A worker that lived for so many ms was no failure of the start. */
const LIVED = 10_000;
/** ms before the second replacement of workers that die young; it doubles with each, up to the longest. */
const FIRST_DELAY = 100;
const LONGEST_DELAY = 10_000;

export class WorkerProcesses implements Workers {
  private readonly surroundings: WorkerSurroundings;
  private readonly sockets = new ListeningSockets();
  /** The oldest first; those that were told to end are not among them. */
  private serving: WorkerHandle[] = [];
  /** Every process that lives. */
  private readonly all = new Set<WorkerHandle>();
  private forked: ChildProcess | null;
  /** What each was given. */
  private readonly resources = new WeakMap<WorkerHandle, string>();
  private current: WorkersJob | null = null;
  private ending = false;
  /** Nobody serves until the next configuration; it keeps this process alive, which has nothing else to wait for. */
  private dismissed: NodeJS.Timeout | null = null;
  /** Deaths of workers that had not lived long, one after the other. */
  private youngDeaths = 0;
  private readonly replacing = new Set<NodeJS.Timeout>();

  constructor({ errorLog, defaultErrorLog, forked }: WorkerProcessesOptions) {
    this.surroundings = {
      errorLog,
      defaultErrorLog,
      sockets: this.sockets,
      zones: new ZoneKeeper(),
      counts: new AllCounts(),
    };
    this.forked = forked;
  }

  get addresses(): string[] {
    return this.sockets.addresses;
  }

  /** Process ids of those who serve. */
  get pids(): number[] {
    return this.serving.map(({ pid }) => pid);
  }

  async prepare(job: WorkersJob): Promise<PreparedJob> {
    const { workerProcesses } = job.settings;
    // The addresses that the reload before has given up can be bound again from then on.
    await Promise.all([...this.all].map((worker) => worker.released));
    const bound = this.sockets.keys;
    const staying = this.serving.slice(0, workerProcesses);
    const added: WorkerHandle[] = [];
    while (staying.length + added.length < workerProcesses) added.push(this.fork());
    const workers = [...staying, ...added];
    const undo = (): void => {
      for (const worker of added) void worker.stop(STOP_PATIENCE);
      this.sockets.keep(bound);
    };
    const answers = await Promise.allSettled(workers.map((worker) => worker.prepare(job)));
    const refusal = answers.find((answer) => answer.status === 'rejected');
    if (refusal !== undefined) {
      staying.forEach((worker, i) => {
        if (answers[i]?.status === 'fulfilled') worker.cancel();
      });
      undo();
      throw refusal.reason;
    }
    const listening = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    return {
      listening,
      commit: () => this.commit(job, workers, listening),
      cancel: () => {
        for (const worker of staying) worker.cancel();
        undo();
      },
    };
  }

  private commit(job: WorkersJob, workers: readonly WorkerHandle[], listening: readonly string[]): Promise<void> {
    const before = this.serving;
    this.recall();
    this.current = job;
    this.serving = workers.filter((worker) => worker.alive);
    const ended = workers.map((worker) => worker.commit());
    this.giveResources(workers);
    this.sockets.keep(new Set(listening));
    for (const worker of before) if (!workers.includes(worker)) ended.push(this.retire(worker));
    return Promise.all(ended).then(() => {});
  }

  reopenLogs(): void {
    for (const worker of this.all) worker.reopenLogs();
  }

  dismiss(limit: number): void {
    const workers = this.serving;
    this.serving = [];
    this.dismissed ??= setInterval(() => {}, 2 ** 30);
    for (const worker of workers) void worker.quit(limit);
  }

  private recall(): void {
    if (this.dismissed !== null) clearInterval(this.dismissed);
    this.dismissed = null;
  }

  async quit(limit: number): Promise<void> {
    const all = this.end();
    const timer =
      limit > 0
        ? setTimeout(() => {
            for (const worker of all) worker.kill();
          }, limit + QUIT_PATIENCE)
        : undefined;
    await Promise.all(all.map((worker) => worker.quit(limit)));
    clearTimeout(timer);
  }

  async stop(): Promise<void> {
    await Promise.all(this.end().map((worker) => worker.stop(STOP_PATIENCE)));
  }

  /** From here on nobody is replaced; gives all who are to end. */
  private end(): WorkerHandle[] {
    this.ending = true;
    this.recall();
    this.forked?.kill();
    this.forked = null;
    for (const timer of this.replacing) clearTimeout(timer);
    this.sockets.keep(new Set());
    return [...this.all];
  }

  private fork(): WorkerHandle {
    const child = this.forked ?? forkWorker();
    this.forked = null;
    const worker = new WorkerHandle(child, this.surroundings);
    this.all.add(worker);
    this.surroundings.errorLog.write('notice', `start worker process ${worker.pid}`);
    void worker.ended.then(() => this.bury(worker));
    return worker;
  }

  /** It drains, and is not missed. */
  private retire(worker: WorkerHandle): Promise<void> {
    return worker.quit(this.current?.settings.shutdownTimeout ?? 0);
  }

  private bury(worker: WorkerHandle): void {
    this.all.delete(worker);
    const served = this.serving.includes(worker);
    this.serving = this.serving.filter((each) => each !== worker);
    if (!served || this.ending) return;
    this.replaceAfter(performance.now() - worker.startedAt);
  }

  /** A worker has ended unasked after so many ms: another takes its place, later each time where none of them lives. */
  private replaceAfter(lived: number): void {
    this.youngDeaths = lived < LIVED ? this.youngDeaths + 1 : 0;
    const delay = this.youngDeaths < 2 ? 0 : Math.min(FIRST_DELAY * 2 ** (this.youngDeaths - 2), LONGEST_DELAY);
    const timer = setTimeout(() => {
      this.replacing.delete(timer);
      void this.replace();
    }, delay);
    this.replacing.add(timer);
  }

  private giveResources(workers: readonly WorkerHandle[]): void {
    const { current } = this;
    if (current === null) return;
    const { settings } = current;
    workers.forEach((worker, n) => {
      // Each tool is a process of its own: once for each worker, and again only where a reload changes what it is to have.
      const wanted = `${n} ${settings.affinity?.auto} ${settings.affinity?.masks} ${settings.openFiles}`;
      if (this.resources.get(worker) === wanted) return;
      this.resources.set(worker, wanted);
      giveResources(worker.pid, n, settings, this.surroundings.errorLog);
    });
  }

  private async replace(): Promise<void> {
    const worker = this.fork();
    worker.hurry();
    try {
      // A reload may come in between.
      for (let job = this.current; job !== null && worker.generation !== job.generation; job = this.current) {
        await worker.prepare(job);
        if (job === this.current) void worker.commit();
        else worker.cancel();
      }
      this.giveResources([...this.serving, worker]);
      const wanted = this.dismissed !== null ? 0 : (this.current?.settings.workerProcesses ?? 0);
      if (this.serving.length < wanted && !this.ending) this.serving.push(worker);
      else void this.retire(worker);
    } catch (error) {
      if (this.ending) return;
      this.surroundings.errorLog.write('emerg', (error as Error).message);
      void worker.stop(STOP_PATIENCE);
      this.replaceAfter(0);
    }
  }
}
