/** A running proxy: its configuration, its server, and the generations of routing tables that are still in use. */
import type { CheckResult } from '../config/check.js';
import type { CheckedConfig } from '../config/checked-config.js';
import type { Finding } from '../diagnostics/finding.js';
import { compileRoutingTable, type RoutingTable } from '../exchange/compiler.js';
import type { ErrorLog } from '../exchange/error-log.js';
import type { Module } from '../exchange/module.js';
import { Server } from '../server/server.js';
import type { ZoneHome } from '../zones/zone.js';
import { type ConfigSource, checkSource, logSentence } from './configuration.js';
import { type DefaultErrorLog, Logs, reopenLogged } from './logs.js';
import { type MainSettings, mainSettings } from './main-settings.js';
import { startSentence } from './start-sentence.js';
import { makeTemporaryDirectories } from './temporary-directories.js';

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

export interface InstanceOptions {
  readonly modules: readonly Module[];
  readonly source: ConfigSource;
  readonly defaultErrorLog: DefaultErrorLog;
  /** Where zones live, for a worker that shares them with others. Default: in this process. */
  readonly zones?: ZoneHome;
  /** Told what must be said before any log can be opened. */
  readonly warn: (message: string) => void;
}

/** One configuration that is in force, or was and still has users. */
interface Generation {
  readonly number: number;
  readonly table: RoutingTable;
  readonly settings: MainSettings;
  /** Settles when its last exchange or tunnel has ended and a newer one is in force. */
  readonly ended: Promise<void>;
  /** Says so; once. */
  end(): void;
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

export class Instance {
  private readonly logs: Logs;
  private readonly server: Server;
  private source: ConfigSource;
  private current: Generation | null = null;
  private readonly living = new Set<Generation>();
  private count = 0;
  /** Reloads are served one after the other. */
  private queue: Promise<unknown> = Promise.resolve();
  private leaving = false;
  /** ms since 1970 at which the present configuration came into force. */
  private since = 0;

  constructor(private readonly options: InstanceOptions) {
    this.source = options.source;
    this.logs = new Logs(options.defaultErrorLog, options.warn);
    this.server = new Server({ errorLog: this.logs.errorLog });
  }

  get errorLog(): ErrorLog {
    return this.logs.errorLog;
  }

  /** The addresses on which it listens, in nginx's notation, with the ports that the system gave for port 0. */
  get addresses(): string[] {
    return this.server.addresses();
  }

  /** Open client connections. */
  get connections(): number {
    return this.server.connections;
  }

  /** Settings of the configuration in force; null before the start. */
  get settings(): MainSettings | null {
    return this.current?.settings ?? null;
  }

  /** Numbers and ages for a status page. */
  get state(): {
    readonly generation: number;
    readonly since: number;
    readonly living: number;
    readonly users: number;
  } {
    let users = 0;
    for (const generation of this.living) users += generation.table.users;
    return { generation: this.current?.number ?? 0, since: this.since, living: this.living.size, users };
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

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.queue.then(work);
    this.queue = done.catch(() => {});
    return done;
  }

  private async apply(source: ConfigSource, proceed: (settings: MainSettings) => boolean): Promise<Applied | null> {
    if (this.leaving) throw new RefusedConfig('the proxy is shutting down', []);
    const checked = checkSource(source, this.options.modules);
    const config = accepted(checked);
    const settings = mainSettings(config, source.prefix);
    if (!proceed(settings)) return null;
    const table = await this.activate(config, settings, source);
    const before = this.current;
    const generation = this.enter(table, settings);
    this.source = source;
    if (before !== null) this.supersede(before);
    return {
      generation: generation.number,
      findings: checked.findings,
      predecessorEnded: before?.ended ?? Promise.resolve(),
    };
  }

  /** Does all that can fail, and then puts the table in force. */
  private async activate(config: CheckedConfig, settings: MainSettings, source: ConfigSource): Promise<RoutingTable> {
    let logs: ReturnType<Logs['prepare']> | null = null;
    let table: RoutingTable | null = null;
    try {
      makeTemporaryDirectories(settings.temporary);
      logs = this.logs.prepare(settings.errorLogs);
      table = await compileRoutingTable(config, this.options.modules, {
        errorLog: this.errorLog,
        previous: this.current?.table ?? null,
        prefix: source.prefix,
        ...(this.options.zones !== undefined && { zones: this.options.zones }),
      });
      await this.server.apply(table);
      logs.commit();
      return table;
    } catch (error) {
      logs?.cancel();
      if (table !== null) this.release(table);
      throw new RefusedConfig(startSentence(error), []);
    }
  }

  private enter(table: RoutingTable, settings: MainSettings): Generation {
    let settle = (): void => {};
    const ended = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const generation: Generation = {
      number: ++this.count,
      table,
      settings,
      ended,
      end: () => {
        if (!this.living.delete(generation)) return;
        this.release(table);
        this.errorLog.write('notice', `generation ${generation.number} exited with code 0`);
        settle();
      },
    };
    this.living.add(generation);
    this.current = generation;
    this.since = Date.now();
    this.errorLog.write('notice', `generation ${generation.number} started`);
    return generation;
  }

  /** The generation is in force no longer; it ends with its last user, which may have gone already. */
  private supersede({ table, end }: Generation): void {
    if (table.users === 0) end();
    else table.onUnused = end;
  }

  /** Closes what only that table held: log files that no living generation writes to, zones. */
  private release({ shared }: RoutingTable): void {
    shared.close([...this.living].map(({ table }) => table.shared));
  }

  /** Opens all log files anew. */
  reopenLogs(): void {
    this.logs.reopen();
    const files = new Set<unknown>();
    for (const { table } of this.living) for (const [, object] of table.shared.entries()) files.add(object);
    for (const file of files) if (isReopenable(file)) reopenLogged(file, this.errorLog);
  }

  /**
   * Stops accepting, lets what is under way end (no longer than `worker_shutdown_timeout`), and closes the logs; `leave` is
   * called before that, when all connections have ended.
   */
  async quit(leave: () => void = () => {}): Promise<void> {
    this.leaving = true;
    await this.queue;
    const limit = this.current?.settings.shutdownTimeout ?? 0;
    const timer = limit > 0 ? setTimeout(() => this.server.stop(), limit) : undefined;
    await this.server.quit();
    clearTimeout(timer);
    this.finish(leave);
  }

  /** Cuts everything and closes the logs; `leave` as in `quit`. */
  stop(leave: () => void = () => {}): void {
    this.leaving = true;
    this.server.stop();
    this.finish(leave);
  }

  /** The same, and resolves when the last connection has ended. */
  async close(): Promise<void> {
    this.stop();
    await this.server.quit();
  }

  private finish(leave: () => void): void {
    for (const generation of [...this.living]) generation.end();
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

function isReopenable(object: unknown): object is { readonly path: string; reopen(): void } {
  return typeof object === 'object' && object !== null && 'reopen' in object && typeof object.reopen === 'function';
}
