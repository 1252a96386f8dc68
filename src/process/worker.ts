/** A worker process: serves what its master tells it to, with sockets that the master has bound. */
import type net from 'node:net';
import { StartError } from '../exchange/compiler.js';
import type { ErrorLog } from '../exchange/error-log.js';
import type { Module } from '../exchange/module.js';
import { trustWorkerUser } from '../exchange/trusted-files.js';
import { type Binder, listening } from '../server/binder.js';
import { processChannel } from '../zones/channel.js';
import { LocalBackend } from '../zones/local-backend.js';
import { RemoteBackend } from '../zones/remote-backend.js';
import type { ZoneBackend } from '../zones/zone.js';
import { decodeConfig } from './config-pieces.js';
import { collectAfterReading } from './garbage.js';
import { Logs } from './logs.js';
import type { MainSettings } from './main-settings.js';
import { takeRights } from './privileges.js';
import { type PreparedJob, Serving } from './serving.js';
import { startSentence } from './start-sentence.js';
import { reportMistakes } from './uncaught-errors.js';
import { OwnCounts } from './worker-counts.js';
import { type Command, HEARTBEAT_INTERVAL, isCommand, type WorkerEvent } from './worker-messages.js';
import type { WorkersJob } from './workers.js';

/** The process that `fork` started: the way to its master. */
export interface WorkerProcess extends Pick<NodeJS.Process, 'on' | 'connected'> {
  send?(message: unknown, done: (error: Error | null) => void): unknown;
}

/** ms that connections have to end when the master is gone and `worker_shutdown_timeout` does not say. */
const ORPHAN_TIMEOUT = 10_000;

/** Sends a report; `sent` is called when the system has taken it, or never will. */
type Say = (report: WorkerEvent, sent?: () => void) => void;

/** Serves for the rest of the life of the process. */
export function runWorker(modules: readonly Module[], own: WorkerProcess = process): void {
  let worker: Worker | null = null;
  const say: Say = (report, sent = () => {}) => {
    // That the master is gone is seen by the end of the channel.
    if (own.connected === true) own.send?.(report, sent);
  };
  own.on('message', (message: unknown, handle: unknown) => {
    if (!isCommand(message)) return;
    if (message.order === 'begin') worker = new Worker(modules, message.errorLog, say, own);
    else worker?.handleCommand(message, handle);
  });
}

/** Sockets that come from the master. */
class MasterBinder implements Binder {
  readonly keepsSockets = true;
  private readonly waiting = new Map<string, (failure: string | null, handle: unknown) => void>();

  constructor(private readonly say: Say) {}

  async listen(server: net.Server, address: Parameters<Binder['listen']>[1]): Promise<void> {
    const handle = await new Promise<unknown>((resolve, reject) => {
      this.waiting.set(address.key, (failure, bound) => {
        // A handle that finds no free descriptor here is dropped by the system.
        const reason = failure ?? (bound ? null : `bind() to ${address.key} failed (24: Too many open files)`);
        if (reason === null) resolve(bound);
        else reject(new StartError(reason, null));
      });
      const { key, host, port, path, backlog, ipv6only, reuseport } = address;
      this.say({ report: 'bind', address: { key, host, port, path, backlog, ipv6only, reuseport } });
    });
    await listening(server, address, (done) => server.listen(handle, address.backlog, done));
  }

  answer(key: string, failure: string | null, handle: unknown): void {
    const waiting = this.waiting.get(key);
    this.waiting.delete(key);
    if (waiting !== undefined) waiting(failure, handle);
    // Nobody waits any more: it was asked for twice.
    else (handle as { close?(): void } | null | undefined)?.close?.();
  }
}

class Worker {
  private readonly logs: Logs;
  private readonly serving: Serving;
  private readonly binder: MasterBinder;
  private readonly counts: OwnCounts;
  private readonly masterZones: ZoneBackend;
  private ownZones: LocalBackend | null = null;
  /** Parts of the configuration of the next order to prepare one, as far as they have arrived. */
  private encoded: Uint8Array[] = [];
  /** There are other workers, or were, whose requests are counted in the master. */
  private isShared = false;
  private prepared: {
    readonly job: WorkersJob;
    readonly commit: () => Promise<void>;
    readonly cancel: () => void;
  } | null = null;
  private settings: MainSettings | null = null;
  /** User of this process; undefined until the first configuration is prepared. */
  private owner: WorkersJob['owner'] | undefined;
  private heartbeat: NodeJS.Timeout | null = null;
  /** The last heartbeat is yet to be taken by the system. */
  private beating = false;
  private leaving = false;

  constructor(
    modules: readonly Module[],
    defaultErrorLog: string,
    private readonly say: Say,
    own: WorkerProcess,
  ) {
    // The master has opened the same file and has said what there is to say.
    this.logs = new Logs(defaultErrorLog, () => {});
    reportMistakes(this.log);
    this.binder = new MasterBinder(say);
    this.masterZones = new RemoteBackend(processChannel(own), {
      log: (level, message) => this.log.write(level, message),
    });
    this.serving = new Serving({ modules, errorLog: this.log, binder: this.binder });
    this.counts = new OwnCounts(this.serving.counts, say);
    own.on('disconnect', () => {
      this.log.write('alert', 'the master process is gone');
      const limit = this.settings?.shutdownTimeout || ORPHAN_TIMEOUT;
      setTimeout(() => this.stop(), limit).unref();
      void this.quit(limit);
    });
    this.listenToSignals();
  }

  private get log(): ErrorLog {
    return this.logs.errorLog;
  }

  handleCommand(order: Command, handle: unknown): void {
    switch (order.order) {
      case 'config':
        if (order.first) this.encoded = [];
        this.encoded.push(order.bytes);
        return;
      case 'prepare':
        this.say({ report: 'preparing' });
        void this.prepare(order.job);
        return;
      case 'commit':
        this.commit();
        return;
      case 'cancel':
        this.cancel();
        return;
      case 'socket':
        this.binder.answer(order.key, order.failure, handle);
        return;
      case 'count':
      case 'others':
        this.counts.handleCommand(order);
        return;
      case 'reopen':
        this.reopenLogs();
        return;
      case 'quit':
        void this.quit(order.limit);
        return;
      case 'stop':
        this.stop();
    }
  }

  private async prepare(order: Omit<WorkersJob, 'config'>): Promise<void> {
    let logs: ReturnType<Logs['prepare']> | null = null;
    const encoded = Buffer.concat(this.encoded);
    this.encoded = [];
    try {
      const job = { ...order, config: await decodeConfig(encoded) };
      trustWorkerUser(job.owner?.uid ?? null);
      logs = this.logs.prepare(job.settings.errorLogs);
      const prepared: PreparedJob = await this.serving.prepare(job, this.zonesFor(job.settings));
      // After the first configuration was prepared: what it opens may need the rights with which the process was started.
      this.serveAs(job);
      this.prepared = { job, ...both(logs, prepared) };
      if (this.leaving) return this.cancel();
      this.say({ report: 'prepared', listening: prepared.listening });
    } catch (error) {
      logs?.cancel();
      this.say({ report: 'refused', reason: startSentence(error) });
    }
  }

  /** Takes the rights with which it is to serve, once; throws nginx's sentence where it was given others already. */
  private serveAs({ owner, settings }: Omit<WorkersJob, 'config'>): void {
    if (this.owner === undefined) {
      takeRights(owner, settings.priority);
      this.owner = owner;
    } else if (owner?.uid !== this.owner?.uid || owner?.gid !== this.owner?.gid) {
      throw new Error(`setuid(${owner?.uid}) failed (1: Operation not permitted)`);
    }
  }

  /** A worker that has always been alone keeps zones itself: its questions need not travel. */
  private zonesFor({ workerProcesses }: MainSettings): ZoneBackend {
    if (workerProcesses > 1 || this.isShared) return this.masterZones;
    this.ownZones ??= new LocalBackend();
    return this.ownZones;
  }

  private cancel(): void {
    this.prepared?.cancel();
    this.prepared = null;
  }

  private commit(): void {
    const { prepared } = this;
    if (prepared === null) return;
    this.prepared = null;
    this.settings = prepared.job.settings;
    this.heartbeat ??= setInterval(() => this.beat(), HEARTBEAT_INTERVAL).unref();
    if (this.settings.workerProcesses > 1) this.share();
    const { generation } = prepared.job;
    void prepared.commit().then(() => this.say({ report: 'ended', generation }));
    void this.sayReleased();
    collectAfterReading(true);
  }

  private beat(): void {
    // A master that is stopped reads none, and they must not pile up.
    if (this.beating) return;
    this.beating = true;
    this.say({ report: 'alive' }, () => {
      this.beating = false;
    });
  }

  private share(): void {
    if (this.isShared) return;
    this.isShared = true;
    this.counts.share();
    this.ownZones?.moveTo(this.masterZones);
    this.ownZones = null;
  }

  private reopenLogs(): void {
    this.logs.reopen();
    this.serving.reopenLogs();
  }

  private async quit(limit: number): Promise<void> {
    if (this.leaving) return;
    this.leaving = true;
    process.title = 'tsproxy: worker process is shutting down';
    this.log.write('notice', 'gracefully shutting down');
    this.cancel();
    const ended = this.serving.quit(limit);
    void this.sayReleased();
    await ended;
    this.exit();
  }

  private async sayReleased(): Promise<void> {
    await this.serving.released();
    this.say({ report: 'released' });
  }

  private stop(): void {
    this.leaving = true;
    this.logExit('exiting');
    void this.serving.stop();
    this.exit();
  }

  private exit(): never {
    this.counts.report();
    this.logExit('exit');
    this.logs.close();
    process.exit(0);
  }

  /** A worker that never served has no log of its configuration, and its end is part of a start that failed. */
  private logExit(message: string): void {
    if (this.settings !== null) this.log.write('notice', message);
  }

  /** A person may signal a worker directly. What a terminal sends to all processes, the master passes on. */
  private listenToSignals(): void {
    process.on('SIGINT', () => {});
    process.on('SIGHUP', () => {});
    for (const signal of ['SIGQUIT', 'SIGWINCH'] as const) {
      process.on(signal, () => {
        if (signal === 'SIGQUIT') void this.quit(this.settings?.shutdownTimeout ?? 0);
      });
    }
    process.on('SIGTERM', () => this.stop());
    process.on('SIGUSR1', () => this.reopenLogs());
  }
}

function both(
  logs: { commit(): void; cancel(): void },
  prepared: PreparedJob,
): { readonly commit: () => Promise<void>; readonly cancel: () => void } {
  return {
    commit: () => {
      logs.commit();
      return prepared.commit();
    },
    cancel: () => {
      logs.cancel();
      prepared.cancel();
    },
  };
}
