/** A running proxy: its configuration, its logs, and those who serve. */
import type { CheckResult } from '../config/check.js';
import type { CheckedConfig } from '../config/checked-config.js';
import type { Finding } from '../diagnostics/finding.js';
import type { DestinationLog } from '../exchange/destination-log.js';
import type { ErrorLog } from '../exchange/error-log.js';
import type { Module } from '../exchange/module.js';
import { trustWorkerUser } from '../exchange/trusted-files.js';
import { type ConfigSource, checkInSlices, logSentence } from './configuration.js';
import { type DefaultErrorLog, Logs } from './logs.js';
import { type MainSettings, mainSettings, temporaryPaths } from './main-settings.js';
import { giveFiles, logFilesOf, type Owner, ownerOf } from './ownership.js';
import { describeReload } from './reload-description.js';
import { workerConnections } from './serving.js';
import { settledWithin } from './settled-within.js';
import { startSentence } from './start-sentence.js';
import { makeTemporaryDirectories } from './temporary-directories.js';
import { connectionsWarning } from './worker-resources.js';
import type { Workers, WorkersJob } from './workers.js';

/** A configuration that was refused: it did not check, or could not be started. Nothing was changed. */
export class RefusedConfig extends Error {
  constructor(
    /** nginx's sentence (the first one, where there are several). Bytes. */
    message: string,
    /** All findings of the check; empty where it was the start that failed. */
    readonly findings: readonly Finding[],
  ) {
    super(message);
  }
}

export interface InstanceOptions<W extends Workers> {
  readonly modules: readonly Module[];
  readonly source: ConfigSource;
  readonly defaultErrorLog: DefaultErrorLog;
  /** Told what must be said before any log can be opened. */
  readonly warn: (message: string) => void;
  /** Called when nothing else can fail, right before a reload comes into force; what it throws refuses the reload. */
  readonly beforeReload?: (settings: MainSettings) => void;
  /** `workers` makes processes of their own unless `master_process` is off: those of root give up root's rights. */
  readonly forksWorkers?: boolean;
  /** Makes those who serve; called once, when the settings of the first configuration are known. */
  readonly workers: (settings: MainSettings, errorLog: ErrorLog) => W;
}

/** What a start or a reload did. */
export interface Applied {
  /** Counts from 1. */
  readonly generation: number;
  /** Warnings and hints. */
  readonly findings: readonly Finding[];
  /** Settles when the last exchange or tunnel of the generation before has ended; at once for the first one. */
  readonly predecessorEnded: Promise<void>;
}

/** ms for which a shutdown waits for the reload in progress. */
const RELOAD_TIMEOUT = 5000;

/** What was put in force. */
interface Activated {
  readonly job: WorkersJob;
  readonly predecessorEnded: Promise<void>;
}

/** What is in force. */
interface Current {
  readonly job: WorkersJob;
  /** ms since 1970 at which it came into force. */
  readonly since: number;
}

export class Instance<W extends Workers = Workers> {
  private readonly logs: Logs;
  private source: ConfigSource;
  private serving: W | null = null;
  private current: Current | null = null;
  private count = 0;
  /** Reloads are served one after the other. */
  private queue: Promise<unknown> = Promise.resolve();
  private leaving = false;

  constructor(private readonly options: InstanceOptions<W>) {
    this.source = options.source;
    this.logs = new Logs(options.defaultErrorLog, options.warn);
  }

  get errorLog(): DestinationLog {
    return this.logs.errorLog;
  }

  /** It was told to end: configurations are refused. */
  get isLeaving(): boolean {
    return this.leaving;
  }

  /** Those who serve; null before the first configuration was read. */
  get workers(): W | null {
    return this.serving;
  }

  /** The addresses on which it listens, in nginx's notation, with the ports that the system gave for port 0. */
  get addresses(): string[] {
    return this.serving?.addresses ?? [];
  }

  /** Settings of the configuration in force; null before the start. */
  get settings(): MainSettings | null {
    return this.current?.job.settings ?? null;
  }

  /** The number of the configuration in force (0 before the start), and the ms since 1970 at which it came there. */
  get state(): { readonly generation: number; readonly since: number } {
    return { generation: this.current?.job.generation ?? 0, since: this.current?.since ?? 0 };
  }

  /**
   * Checks the configuration, compiles it, and listens. Rejects with RefusedConfig. `proceed` may look at the settings and
   * say no, before anything is done; then the result is null.
   */
  start(): Promise<Applied>;
  start(proceed: (settings: MainSettings) => boolean): Promise<Applied | null>;
  start(proceed: (settings: MainSettings) => boolean = () => true): Promise<Applied | null> {
    return this.enqueue(() => this.apply(this.source, proceed));
  }

  /**
   * Does the same again, with the source that is given or the one that was there. Rejects with RefusedConfig and then
   * has changed nothing.
   */
  reload(source: ConfigSource = this.source): Promise<Applied> {
    return this.enqueue(async () => {
      const applied = await this.apply(source, () => true);
      return applied as Applied; // null only where `proceed` says no
    });
  }

  /** Has the workers end when their connections have; the next reload starts others (nginx's WINCH). */
  dismissWorkers(): void {
    void this.enqueue(async () => this.serving?.dismiss?.(this.current?.job.settings.shutdownTimeout ?? 0));
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.queue.then(work);
    this.queue = done.catch(() => {});
    return done;
  }

  private async apply(source: ConfigSource, proceed: (settings: MainSettings) => boolean): Promise<Applied | null> {
    if (this.leaving) throw new RefusedConfig('the proxy is shutting down', []);
    const { findings, ...checked } = await checkInSlices(source, this.options.modules);
    if (this.leaving) throw new RefusedConfig('the proxy is shutting down', []);
    const config = accepted({ ...checked, findings });
    const settings = mainSettings(config, source.prefix);
    if (!proceed(settings)) return null;
    const generation = this.count + 1;
    const { job, predecessorEnded } = await this.activate({ generation, config, prefix: source.prefix, settings });
    this.count = generation;
    this.current = { job, since: Date.now() };
    this.source = source;
    return { generation, findings, predecessorEnded };
  }

  /** Does all that can fail, and then puts the configuration in force. */
  private async activate(wanted: Omit<WorkersJob, 'owner'>): Promise<Activated> {
    const { settings } = wanted;
    let logs: ReturnType<Logs['prepare']> | null = null;
    try {
      const job = { ...wanted, owner: this.ownerFor(wanted) };
      trustWorkerUser(job.owner?.uid ?? null);
      makeTemporaryDirectories(temporaryPaths(wanted.config), job.owner);
      this.giveLogs(job);
      logs = this.logs.prepare(settings.errorLogs);
      // As in nginx: a start that fails after its logs were opened reports there.
      if (this.current === null) {
        logs.commit();
        logs = null;
      }
      this.serving ??= this.options.workers(settings, this.errorLog);
      const changes = await this.changesBy(job);
      const prepared = await this.serving.prepare(job);
      if (this.leaving) {
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
      const warning = connectionsWarning(workerConnections(job.config), settings);
      if (warning !== null) this.errorLog.write('warn', warning);
      for (const line of changes) this.errorLog.write('notice', line);
      return { job, predecessorEnded: prepared.commit() };
    } catch (error) {
      logs?.cancel();
      throw new RefusedConfig(startSentence(error), []);
    }
  }

  /** The user of the worker processes; null where there are none. A user that does not exist is refused in any case, as in nginx. */
  private ownerFor({ settings: { user, masterProcess }, config }: Omit<WorkersJob, 'owner'>): Owner | null {
    const drops = masterProcess && this.options.forksWorkers === true;
    const owner = drops || user !== null ? ownerOf(user, config.places?.user?.[0] ?? null) : null;
    return drops ? owner : null;
  }

  /** Log lines about the changes that a reload makes. */
  private async changesBy({ config }: WorkersJob): Promise<readonly string[]> {
    if (this.current === null) return [];
    const { modules } = this.options;
    try {
      return await describeReload(this.current.job.config, config, modules);
    } catch (error) {
      // A module of somebody else's may be at fault; a reload does not fail for it.
      this.errorLog.write('alert', `what the reload changes cannot be told: ${String(error)}`);
      return [];
    }
  }

  /** Opens all log files anew. */
  reopenLogs(): void {
    this.logs.reopen();
    try {
      if (this.current !== null) this.giveLogs(this.current.job);
    } catch (error) {
      this.errorLog.write('emerg', startSentence(error));
    }
    this.serving?.reopenLogs();
  }

  /** Workers that serve as somebody else must be able to open the logs, now and anew. */
  private giveLogs({ owner, config, prefix }: WorkersJob): void {
    if (owner !== null) giveFiles(logFilesOf(config, prefix), owner);
  }

  /**
   * Stops accepting, lets what is under way end (no longer than `worker_shutdown_timeout`), and closes the logs; `leave` is
   * called before that, when all connections have ended.
   */
  async quit(leave: () => void = () => {}): Promise<void> {
    this.leaving = true;
    const limit = this.current?.job.settings.shutdownTimeout ?? 0;
    const begun = performance.now();
    // A reload that does not come to its end must not hold up the shutdown.
    await settledWithin(this.queue, Math.min(limit || RELOAD_TIMEOUT, RELOAD_TIMEOUT));
    // 0 would mean: as long as it takes.
    await this.serving?.quit(limit === 0 ? 0 : Math.max(1, limit - (performance.now() - begun)));
    this.finish(leave);
  }

  /** Cuts everything and closes the logs; `leave` as in `quit`. Resolves when the last connection has ended. */
  async stop(leave: () => void = () => {}): Promise<void> {
    this.leaving = true;
    await this.serving?.stop();
    this.finish(leave);
  }

  private finish(leave: () => void): void {
    leave();
    this.errorLog.write('notice', 'exit');
    this.logs.close();
  }
}

/** The checked configuration, or a RefusedConfig with nginx's sentence for the first error. */
function accepted({ config, findings }: CheckResult): CheckedConfig {
  if (config !== null) return config;
  const first = findings.find((finding) => finding.severity === 'error');
  throw new RefusedConfig(first === undefined ? 'the configuration was refused' : logSentence(first), findings);
}
