/** Worker process: serves the configuration that its master sends, on sockets that the master has bound. */
import type net from 'node:net';
import { trustWorkerUser } from '../files/trusted-files.js';
import type { ErrorLog } from '../logging/error-log.js';
import { StartError } from '../program/compiler.js';
import { exitWork, hasExitWork } from '../program/exit-work.js';
import { forgetIdleFunction } from '../program/last-function.js';
import type { Module } from '../program/module.js';
import { setWorkerNumber } from '../program/worker-number.js';
import { type Binder, listening } from '../server/binder.js';
import { BlockingChannel } from '../zones/blocking-channel.js';
import { processChannel } from '../zones/channel.js';
import { LocalBackend } from '../zones/local-backend.js';
import { RemoteBackend } from '../zones/remote-backend.js';
import type { ZoneBackend } from '../zones/zone.js';
import { decodeConfig } from './config-pieces.js';
import { WorkerFeeds } from './feed-relay.js';
import { BLOCKING_FD } from './fork-worker.js';
import { collectAfterReading } from './garbage.js';
import { ErrorLogFiles } from './logs.js';
import { applyEnvironment, type MainSettings } from './main-settings.js';
import { applyPrivileges } from './privileges.js';
import { type PreparedJob, Serving, STOP_WORK_TIMEOUT } from './serving.js';
import { startErrorMessage } from './start-error-message.js';
import { WorkerTaps } from './tap-subscribers.js';
import { logUncaughtErrors } from './uncaught-errors.js';
import { OwnCounts } from './worker-counts.js';
import { type Command, HEARTBEAT_INTERVAL, isCommand, type WorkerEvent } from './worker-messages.js';
import { WorkerQuestions } from './worker-questions.js';
import type { WorkersJob } from './workers.js';

/** The process that `fork` started: its IPC channel to the master. */
export interface WorkerProcess extends Pick<NodeJS.Process, 'on' | 'connected'> {
  send?(message: unknown, done: (error: Error | null) => void): unknown;
}

/** ms that connections have to finish after the master is gone, if `worker_shutdown_timeout` is not set. */
const ORPHAN_TIMEOUT = 10_000;

/** Sends an event; `sent` is called when the system has accepted it or the send has failed. */
type SendEvent = (event: WorkerEvent, sent?: () => void) => void;

/** Serves for the rest of the life of the process. */
export function runWorker(modules: readonly Module[], own: WorkerProcess = process): void {
  let worker: Worker | null = null;
  const send: SendEvent = (event, sent = () => {}) => {
    // The end of the channel shows that the master is gone.
    if (own.connected === true) own.send?.(event, sent);
  };
  own.on('message', (message: unknown, handle: unknown) => {
    if (!isCommand(message)) return;
    if (message.command === 'begin') {
      setWorkerNumber(message.number);
      worker = new Worker(modules, message.errorLog, send, own);
    } else worker?.handleCommand(message, handle);
  });
}

/** Binder that requests sockets from the master. */
class MasterBinder implements Binder {
  readonly keepsSockets = true;
  private readonly waiting = new Map<string, (failure: string | null, handle: unknown) => void>();

  constructor(private readonly send: SendEvent) {}

  async listen(server: net.Server, address: Parameters<Binder['listen']>[1]): Promise<void> {
    const handle = await new Promise<unknown>((resolve, reject) => {
      this.waiting.set(address.key, (failure, bound) => {
        // The system drops a handle when this process has no free descriptor for it.
        const reason = failure ?? (bound ? null : `bind() to ${address.key} failed (24: Too many open files)`);
        if (reason === null) resolve(bound);
        else reject(new StartError(reason, null));
      });
      const { key, host, port, path, backlog, ipv6only, reuseport, secure } = address;
      this.send({ event: 'bind', address: { key, host, port, path, backlog, ipv6only, reuseport, secure } });
    });
    await listening(server, address, (done) => server.listen(handle, address.backlog, done));
  }

  answer(key: string, failure: string | null, handle: unknown): void {
    const waiting = this.waiting.get(key);
    this.waiting.delete(key);
    if (waiting !== undefined) waiting(failure, handle);
    // No waiter is left: the socket was requested twice.
    else (handle as { close?(): void } | null | undefined)?.close?.();
  }
}

class Worker {
  private readonly logs: ErrorLogFiles;
  private readonly serving: Serving;
  private readonly binder: MasterBinder;
  private readonly counts: OwnCounts;
  private readonly taps: WorkerTaps;
  private readonly questions: WorkerQuestions;
  private readonly feeds: WorkerFeeds;
  private readonly masterZones: ZoneBackend;
  private ownZones: LocalBackend | null = null;
  /** Parts received so far of the encoded configuration for the next `prepare`. */
  private configParts: Uint8Array[] = [];
  /** There are, or were, other workers, so the master adds up the counts. */
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
  /** The system has not yet accepted the last heartbeat. */
  private heartbeatInFlight = false;
  private shuttingDown = false;

  constructor(
    modules: readonly Module[],
    defaultErrorLog: string,
    private readonly send: SendEvent,
    own: WorkerProcess,
  ) {
    // The master has opened the same file and has already reported failures.
    this.logs = new ErrorLogFiles(defaultErrorLog, () => {});
    logUncaughtErrors(this.log);
    this.binder = new MasterBinder(send);
    this.questions = new WorkerQuestions(send);
    this.masterZones = new RemoteBackend(processChannel(own), {
      log: (level, message) => this.log.write(level, message),
      blocking: new BlockingChannel(BLOCKING_FD),
    });
    this.serving = new Serving({
      modules,
      errorLog: this.log,
      binder: this.binder,
      ask: (question, timeout) => this.questions.ask(question, timeout),
    });
    this.counts = new OwnCounts(this.serving.counts, send);
    this.taps = new WorkerTaps((subscriber) => this.serving.subscribe(subscriber), send);
    this.feeds = new WorkerFeeds((settings, deliver) => this.serving.openFeed(settings, deliver), send);
    this.serving.rowSource = this.feeds;
    own.on('disconnect', () => {
      this.log.write('alert', 'the master process is gone');
      const limit = this.settings?.shutdownTimeout || ORPHAN_TIMEOUT;
      setTimeout(() => this.stop(), limit).unref();
      void this.quit(limit);
    });
    this.installSignalHandlers();
  }

  private get log(): ErrorLog {
    return this.logs.errorLog;
  }

  handleCommand(command: Command, handle: unknown): void {
    switch (command.command) {
      case 'config':
        if (command.first) this.configParts = [];
        this.configParts.push(command.bytes);
        return;
      case 'prepare':
        this.send({ event: 'preparing' });
        void this.prepare(command.job);
        return;
      case 'commit':
        this.commit();
        return;
      case 'cancel':
        this.cancel();
        return;
      case 'socket':
        this.binder.answer(command.key, command.failure, handle);
        return;
      case 'count':
      case 'others':
        this.counts.handleCommand(command);
        return;
      case 'tap':
        this.taps.begin(command.id, command.settings);
        return;
      case 'tap-next':
        this.taps.next(command.id);
        return;
      case 'untap':
        this.taps.end(command.id);
        return;
      case 'answer':
        this.questions.receive(command);
        return;
      case 'feed':
      case 'feed-next':
      case 'unfeed':
      case 'watched':
        this.feeds.handleCommand(command);
        return;
      case 'reopen':
        this.reopenLogs();
        return;
      case 'quit':
        void this.quit(command.limit, command.retired);
        return;
      case 'stop':
        this.stop();
    }
  }

  private async prepare(received: Omit<WorkersJob, 'config'>): Promise<void> {
    let logs: ReturnType<ErrorLogFiles['prepare']> | null = null;
    let prepared: PreparedJob | null = null;
    const encoded = Buffer.concat(this.configParts);
    this.configParts = [];
    try {
      const job = { ...received, config: await decodeConfig(encoded) };
      trustWorkerUser(job.owner?.uid ?? null);
      logs = this.logs.prepare(job.settings.errorLogs);
      prepared = await this.serving.prepare(job, this.zonesFor(job.settings), this.masterZones);
      // After the first configuration is prepared: opening its files may need the rights with which the process was started.
      this.dropPrivileges(job);
      this.prepared = { job, ...both(logs, prepared) };
      if (this.shuttingDown) return this.cancel();
      this.send({ event: 'prepared', listening: prepared.listening });
    } catch (error) {
      logs?.cancel();
      prepared?.cancel();
      this.send({ event: 'refused', reason: startErrorMessage(error) });
    }
  }

  /** Switches to the configured user, once; throws nginx's message if the process already runs as another user. */
  private dropPrivileges({ owner, settings }: Omit<WorkersJob, 'config'>): void {
    if (this.owner === undefined) {
      applyPrivileges(owner, settings.priority);
      this.owner = owner;
    } else if (owner?.uid !== this.owner?.uid || owner?.gid !== this.owner?.gid) {
      throw new Error(`setuid(${owner?.uid}) failed (1: Operation not permitted)`);
    }
  }

  /** A worker that has always been alone keeps zones itself and saves the round trip to the master. */
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
    applyEnvironment(this.settings);
    this.heartbeat ??= setInterval(() => this.sendHeartbeat(), HEARTBEAT_INTERVAL).unref();
    if (this.settings.workerProcesses > 1) this.share();
    const { generation } = prepared.job;
    void prepared.commit().then(() => this.send({ event: 'ended', generation }));
    void this.reportReleased();
    collectAfterReading(true);
  }

  private sendHeartbeat(): void {
    forgetIdleFunction();
    // A stopped master reads no heartbeats; they must not pile up.
    if (this.heartbeatInFlight) return;
    this.heartbeatInFlight = true;
    this.send({ event: 'alive' }, () => {
      this.heartbeatInFlight = false;
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

  private async quit(limit: number, retired = false): Promise<void> {
    if (this.shuttingDown) {
      // The whole program shuts down, after a reload has retired this worker.
      if (!retired) this.serving.quitTunnels(limit, false);
      return;
    }
    this.shuttingDown = true;
    process.title = 'tsproxy: worker process is shutting down';
    this.log.write('notice', 'gracefully shutting down');
    this.cancel();
    const ended = this.serving.quit(limit, retired);
    void this.reportReleased();
    await ended;
    this.exit();
  }

  private async reportReleased(): Promise<void> {
    await this.serving.released();
    this.send({ event: 'released' });
  }

  private stop(): void {
    this.shuttingDown = true;
    this.logExit('exiting');
    void this.serving.stop();
    if (hasExitWork()) void exitWork(STOP_WORK_TIMEOUT).then(() => this.exit());
    else this.exit();
  }

  private exit(): never {
    this.counts.report();
    this.logExit('exit');
    this.logs.close();
    process.exit(0);
  }

  /** A worker that never served has no log of its configuration, and its exit is part of a failed start. */
  private logExit(message: string): void {
    if (this.settings !== null) this.log.write('notice', message);
  }

  /** A worker may be signalled directly. Signals that a terminal sends to all processes are forwarded by the master. */
  private installSignalHandlers(): void {
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
