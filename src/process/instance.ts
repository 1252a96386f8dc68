/** A running proxy: its configuration, its logs, and its workers. */

import type { CheckResult } from '../config/check.js';
import type { CheckedConfig } from '../config/checked-config.js';
import type { ReloadState } from '../console/state.js';
import type { Finding } from '../diagnostics/finding.js';
import { logMessage } from '../diagnostics/log-message.js';
import { trustWorkerUser } from '../files/trusted-files.js';
import type { DestinationLog } from '../logging/destination-log.js';
import type { ErrorLog } from '../logging/error-log.js';
import type { Module } from '../program/module.js';
import { newSecret } from '../program/secret.js';
import type { BoundAddress } from '../server/binder.js';
import type { TapSubscriber } from '../tap/feed.js';
import { checkWithModuleFiles } from './checked-modules.js';
import type { ConfigSource } from './configuration.js';
import type { LoadTools } from './configuration-tools.js';
import { FileWatch, watchPlan } from './file-watch.js';
import { History, type ReadConfiguration } from './history.js';
import { type DefaultErrorLog, ErrorLogFiles } from './logs.js';
import { applyEnvironment, type MainSettings, mainSettings, temporaryPaths } from './main-settings.js';
import type { ModuleFile } from './module-files.js';
import { chownFiles, logFilesOf, type Owner, ownerOf } from './ownership.js';
import { readPrivilegedFiles } from './privileged-files.js';
import { ProcessAnswers } from './process-answers.js';
import { RefusedConfig } from './refused-config.js';
import { describeReload } from './reload-description.js';
import { workerConnections } from './serving.js';
import { settledWithin } from './settled-within.js';
import { startErrorMessage } from './start-error-message.js';
import { makeTemporaryDirectories } from './temporary-directories.js';
import { connectionsWarning } from './worker-resources.js';
import type { Workers, WorkersJob } from './workers.js';

export interface InstanceOptions<W extends Workers> {
  readonly modules: readonly Module[];
  readonly source: ConfigSource;
  readonly defaultErrorLog: DefaultErrorLog;
  /** Receives warnings issued before any log is open. */
  readonly warn: (message: string) => void;
  /** Called when no other step can fail, immediately before a reload is committed; if it throws, the reload is refused. */
  readonly beforeReload?: (settings: MainSettings) => void;
  /** `workers` creates separate processes unless `master_process` is off; workers of a root master give up root privileges. */
  readonly forksWorkers?: boolean;
  /** Creates the workers; called once, when the settings of the first configuration are known. */
  readonly workers: (
    settings: MainSettings,
    errorLog: ErrorLog,
    /** Answers questions of workers: see `ProcessLink`. */
    answer: (question: unknown) => Promise<unknown>,
  ) => W;
  /** Tools for questions of the console; without them some are refused. */
  readonly tools?: LoadTools;
}

/** Result of a start or a reload. */
export interface Applied {
  /** From 1. */
  readonly generation: number;
  /** Warnings and hints. */
  readonly findings: readonly Finding[];
  /** Settles when the last exchange or tunnel of the previous generation has ended; at once for the first. */
  readonly predecessorEnded: Promise<void>;
}

/** ms for which a shutdown waits for a reload in progress. */
const RELOAD_TIMEOUT = 5000;

/** The configuration that was put in force. */
interface Activated {
  readonly job: WorkersJob;
  readonly predecessorEnded: Promise<void>;
  /** Log lines about the changes. */
  readonly changes: readonly string[];
}

/** The configuration in force. */
interface Current {
  readonly job: WorkersJob;
  /** ms since 1970 when it came into force. */
  readonly since: number;
  /** Modules with which it was checked. */
  readonly modules: readonly Module[];
  readonly read: ReadConfiguration;
}

export class Instance<W extends Workers = Workers> {
  private readonly logs: ErrorLogFiles;
  private source: ConfigSource;
  private running: W | null = null;
  private current: Current | null = null;
  private count = 0;
  private readonly secret = newSecret().toString('base64');
  /** Reloads are processed one at a time. */
  private queue: Promise<unknown> = Promise.resolve();
  private shuttingDown = false;
  private readonly history = new History();
  private readonly answers: ProcessAnswers;
  /** Subscribers of the traffic tap until there are workers. */
  private readonly early = new Set<{ readonly subscriber: TapSubscriber; end: () => void }>();
  private readonly watch = new FileWatch((paths) => void this.renew(paths));

  constructor(private readonly options: InstanceOptions<W>) {
    this.source = options.source;
    this.logs = new ErrorLogFiles(options.defaultErrorLog, options.warn);
    this.answers = new ProcessAnswers(this, this.history, options.tools ?? null);
  }

  get errorLog(): DestinationLog {
    return this.logs.errorLog;
  }

  /** The proxy is shutting down and refuses configurations. */
  get isShuttingDown(): boolean {
    return this.shuttingDown;
  }

  /** The workers; null before the first configuration was read. */
  get workers(): W | null {
    return this.running;
  }

  /** Listening addresses in nginx's notation, with the actual ports for port 0. */
  get addresses(): string[] {
    return this.bound.map(({ address }) => address);
  }

  /** Bound addresses, with the use of TLS. */
  get bound(): readonly BoundAddress[] {
    return this.running?.addresses ?? [];
  }

  /** Settings of the configuration in force; null before the start. */
  get settings(): MainSettings | null {
    return this.current?.job.settings ?? null;
  }

  /** Number of the configuration in force (0 before the start), and ms since 1970 when it came into force. */
  get state(): { readonly generation: number; readonly since: number } {
    return { generation: this.current?.job.generation ?? 0, since: this.current?.since ?? 0 };
  }

  /**
   * Checks the configuration, compiles it, and listens. Rejects with RefusedConfig. `proceed` receives the settings and may
   * return false before anything is done; then the result is null.
   */
  start(): Promise<Applied>;
  start(proceed: (settings: MainSettings) => boolean): Promise<Applied | null>;
  start(proceed: (settings: MainSettings) => boolean = () => true): Promise<Applied | null> {
    return this.enqueue(() => this.apply(this.source, 'start', proceed));
  }

  /** Repeats this with the given source or the current one. Rejects with RefusedConfig, and then has changed nothing. */
  reload(source: ConfigSource = this.source): Promise<Applied> {
    return this.enqueue(async () => {
      const applied = await this.apply(source, 'reload', () => true);
      return applied as Applied; // null only if `proceed` returns false
    });
  }

  /** Shuts the workers down gracefully; the next reload starts new ones (nginx's WINCH). */
  dismissWorkers(): void {
    void this.enqueue(async () => this.running?.dismiss?.(this.current?.job.settings.shutdownTimeout ?? 0));
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.queue.then(work);
    this.queue = done.catch(() => {});
    return done;
  }

  private async apply(
    source: ConfigSource,
    cause: ReloadState['cause'],
    proceed: (settings: MainSettings) => boolean,
  ): Promise<Applied | null> {
    if (this.shuttingDown) throw new RefusedConfig('the proxy is shutting down', []);
    const { result, modules, files: moduleFiles } = await checkWithModuleFiles(source, this.options.modules);
    const { findings, sources: texts } = result;
    if (this.shuttingDown) throw new RefusedConfig('the proxy is shutting down', []);
    try {
      const config = accepted(result);
      const settings = mainSettings(config, source.prefix);
      if (!proceed(settings)) return null;
      const wanted = { config, prefix: source.prefix, settings, secret: this.secret, moduleFiles };
      const { predecessorEnded } = await this.enforce(wanted, { source, texts, modules }, cause);
      this.source = source;
      return { generation: this.count, findings, predecessorEnded };
    } catch (error) {
      if (error instanceof RefusedConfig) this.history.refused(cause, error, texts);
      throw error;
    }
  }

  /** Puts a checked configuration in force as a new generation. */
  private async enforce(
    wanted: Omit<WorkersJob, 'owner' | 'generation'>,
    read: ReadConfiguration,
    cause: ReloadState['cause'],
  ): Promise<Activated> {
    const generation = this.count + 1;
    const { modules } = read;
    const plan = watchPlan(wanted.config, modules);
    this.history.begin();
    const activated = await this.activate({ ...wanted, generation }, modules);
    this.count = generation;
    this.history.started(generation, cause, activated.changes, read);
    // Texts of a large configuration take memory.
    const kept = this.history.kept.length === 0 ? { ...read, texts: [] } : read;
    this.current = { job: activated.job, since: Date.now(), modules, read: kept };
    this.watch.watch(plan);
    return activated;
  }

  /** Puts the configuration in force again, with files that have changed. If they are invalid, nothing changes. */
  private renew(paths: readonly string[]): Promise<void> {
    return this.enqueue(async () => {
      if (this.current === null || this.shuttingDown) return;
      const { job, read } = this.current;
      this.errorLog.write('notice', `${paths.map((path) => `"${path}"`).join(', ')} changed, reloading files`);
      try {
        await this.enforce(job, read, 'files');
      } catch (error) {
        if (!(error instanceof RefusedConfig)) throw error;
        this.history.refused('files', error, read.texts);
        if (!this.shuttingDown) this.errorLog.write('emerg', error.message);
      }
    });
  }

  /** Performs every step that can fail, then puts the configuration in force. */
  private async activate(wanted: Omit<WorkersJob, 'owner'>, modules: readonly Module[]): Promise<Activated> {
    const { settings } = wanted;
    let logs: ReturnType<ErrorLogFiles['prepare']> | null = null;
    try {
      const owner = this.ownerFor(wanted);
      const job = { ...wanted, owner, ...(owner !== null && { files: readPrivilegedFiles(wanted.config, modules) }) };
      trustWorkerUser(job.owner?.uid ?? null);
      makeTemporaryDirectories(temporaryPaths(wanted.config), job.owner);
      this.chownLogs(job);
      logs = this.logs.prepare(settings.errorLogs);
      // As in nginx: a start that fails after opening its logs reports there.
      if (this.current === null) {
        logs.commit();
        logs = null;
      }
      this.running ??= this.startWorkers(settings);
      const changes = await this.changesBy(job, modules);
      const prepared = await this.running.prepare(job);
      if (this.shuttingDown) {
        prepared.cancel();
        throw new Error('the proxy is shutting down');
      }
      try {
        if (this.current !== null) this.options.beforeReload?.(settings);
      } catch (error) {
        prepared.cancel();
        throw error;
      }
      logs?.commit();
      // An embedding program's own environment is left alone.
      if (this.options.forksWorkers === true) applyEnvironment(settings);
      const warning = connectionsWarning(workerConnections(job.config), settings);
      if (warning !== null) this.errorLog.write('warn', warning);
      for (const line of changes) this.errorLog.write('notice', line);
      return { job, predecessorEnded: prepared.commit(), changes };
    } catch (error) {
      logs?.cancel();
      throw new RefusedConfig(startErrorMessage(error), []);
    }
  }

  private startWorkers(settings: MainSettings): W {
    const workers = this.options.workers(settings, this.errorLog, (question) => this.answers.answer(question));
    for (const each of this.early) each.end = workers.subscribe(each.subscriber);
    this.early.clear();
    return workers;
  }

  /** User of the worker processes; null if there are none. An unknown user is refused in any case, as in nginx. */
  private ownerFor({ settings: { user, masterProcess }, config }: Omit<WorkersJob, 'owner'>): Owner | null {
    const drops = masterProcess && this.options.forksWorkers === true;
    const owner = drops || user !== null ? ownerOf(user, config.places?.user?.[0] ?? null) : null;
    return drops ? owner : null;
  }

  /** Log lines about the changes of a reload. */
  private async changesBy(
    { config, moduleFiles = [] }: WorkersJob,
    modules: readonly Module[],
  ): Promise<readonly string[]> {
    if (this.current === null) return [];
    const names = new Set(modules.map(({ name }) => name));
    const all = [...modules, ...this.current.modules.filter(({ name }) => !names.has(name))];
    try {
      const { job } = this.current;
      return await describeReload(job.config, config, all, changedFiles(job.moduleFiles ?? [], moduleFiles));
    } catch (error) {
      // The error may be in a third-party module; the reload succeeds regardless.
      this.errorLog.write('alert', `the changes of the reload cannot be determined: ${String(error)}`);
      return [];
    }
  }

  /**
   * Delivers rows of the traffic tap to a subscriber until the returned function is called. May be called before the start.
   */
  subscribe(subscriber: TapSubscriber): () => void {
    if (this.running !== null) return this.running.subscribe(subscriber);
    const early = { subscriber, end: () => void this.early.delete(early) };
    this.early.add(early);
    return () => early.end();
  }

  /** Reopens all log files. */
  reopenLogs(): void {
    this.logs.reopen();
    try {
      if (this.current !== null) this.chownLogs(this.current.job);
    } catch (error) {
      this.errorLog.write('emerg', startErrorMessage(error));
    }
    this.running?.reopenLogs();
  }

  /** Workers that run as another user must be able to open the logs, now and on reopening. */
  private chownLogs({ owner, config, prefix }: WorkersJob): void {
    if (owner !== null) chownFiles(logFilesOf(config, prefix), owner);
  }

  /**
   * Stops accepting, waits for connections to finish (at most `worker_shutdown_timeout`), calls `leave`, and closes the
   * logs.
   */
  async quit(leave: () => void = () => {}): Promise<void> {
    this.shuttingDown = true;
    const limit = this.current?.job.settings.shutdownTimeout ?? 0;
    const begun = performance.now();
    // A reload that hangs must not block the shutdown.
    await settledWithin(this.queue, Math.min(limit || RELOAD_TIMEOUT, RELOAD_TIMEOUT));
    // 0 would mean without limit.
    await this.running?.quit(limit === 0 ? 0 : Math.max(1, limit - (performance.now() - begun)));
    this.finish(leave);
  }

  /** Closes all connections and the logs; `leave` as in `quit`. Resolves when the last connection has ended. */
  async stop(leave: () => void = () => {}): Promise<void> {
    this.shuttingDown = true;
    await this.running?.stop();
    this.finish(leave);
  }

  private finish(leave: () => void): void {
    this.watch.stop();
    leave();
    this.errorLog.write('notice', 'exit');
    this.logs.close();
  }
}

/** Paths of module files of which another version was in use. */
function changedFiles(before: readonly ModuleFile[], after: readonly ModuleFile[]): string[] {
  const changed = after.filter(({ path, version }) =>
    before.some((old) => old.path === path && old.version !== version),
  );
  return changed.map(({ path }) => path);
}

/** The checked configuration; throws RefusedConfig with nginx's message for the first error. */
function accepted({ config, findings }: CheckResult): CheckedConfig {
  if (config !== null) return config;
  const first = findings.find((finding) => finding.severity === 'error');
  throw new RefusedConfig(first === undefined ? 'the configuration was refused' : logMessage(first), findings);
}
