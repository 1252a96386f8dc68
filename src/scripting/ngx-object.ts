/** The objects `ngx`, `njs` and `console` of scripts; one of each per table. */
import { format } from 'node:util';
import { toText } from '../diagnostics/byte-string.js';
import { NGINX_VERSION } from '../http/software.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { runningFunction } from '../program/last-function.js';
import type { Compiler } from '../program/module.js';
import { workerNumber } from '../program/worker-number.js';
import { callFor, currentSession } from './current-session.js';
import { SCRIPT_LIMITS } from './script-limits.js';
import { bytesOf } from './text.js';

/** nginx's numbers of the levels. */
const LEVELS = { ERR: 4, WARN: 5, INFO: 7 } as const;

type ScriptLevel = 'error' | 'warn' | 'info';

const BY_NUMBER: ReadonlyMap<number, ScriptLevel> = new Map([
  [LEVELS.ERR, 'error'],
  [LEVELS.WARN, 'warn'],
  [LEVELS.INFO, 'info'],
]);

/** Writes a line of a script, with the context of the request for which it runs. */
export function logLine(compiler: Compiler, level: ScriptLevel, message: string): void {
  const x = currentSession();
  if (x !== null) logError(x, level, `js: ${message}`);
  else compiler.errorLog.write(level, `js: ${message}`);
}

export class NgxObject {
  readonly ERR = LEVELS.ERR;
  readonly WARN = LEVELS.WARN;
  readonly INFO = LEVELS.INFO;
  readonly build = '';
  readonly version = NGINX_VERSION;
  readonly version_number: number;
  readonly conf_file_path: string;
  readonly conf_prefix: string;
  readonly error_log_path: string;
  readonly prefix: string;
  readonly worker_id = workerNumber();
  readonly #compiler: Compiler;

  constructor(compiler: Compiler, confDirectory: string) {
    this.#compiler = compiler;
    const [major = 0, minor = 0, patch = 0] = NGINX_VERSION.split('.').map(Number);
    this.version_number = major * 1_000_000 + minor * 1000 + patch;
    this.conf_file_path = toText(compiler.config.at.file);
    this.conf_prefix = toText(confDirectory);
    this.prefix = toText(compiler.prefix);
    const [log] = (compiler.config.values.error_log ?? []) as readonly { readonly destination?: string }[];
    this.error_log_path = toText(log?.destination ?? '');
  }

  get [Symbol.toStringTag](): string {
    return 'ngx';
  }

  log(level: number, message: unknown): void {
    const name = BY_NUMBER.get(Number(level));
    logLine(this.#compiler, name ?? (Number(level) < LEVELS.ERR ? 'error' : 'info'), bytesOf(message));
  }
}

/** Logs an exception of a callback. */
type Report = (error: unknown, x: Exchange | null) => void;

/** Version of njs whose interfaces are implemented. */
const NJS_VERSION = '1.0.0';

export class NjsObject {
  readonly version = NJS_VERSION;
  readonly version_number = 0x010000;
  readonly #report: Report;
  readonly #onDispose: (call: () => void) => void;

  constructor(report: Report, onDispose: (call: () => void) => void) {
    this.#report = report;
    this.#onDispose = onDispose;
  }

  get [Symbol.toStringTag](): string {
    return 'njs';
  }

  get memoryStats(): { readonly size: number } {
    return { size: process.memoryUsage().heapUsed };
  }

  dump(value: unknown): string {
    return format('%o', value);
  }

  /** `js_engine` of the location in which a handler runs. */
  get engine(): string {
    return currentSession()?.location.settings.get(SCRIPT_LIMITS).engine ?? SCRIPT_LIMITS.initial.engine;
  }

  /** Calls back when the request of the handler ends; outside of handlers, when the modules are no longer used. */
  on(event: unknown, callback: unknown): void {
    if (event !== 'exit') throw new TypeError(`unknown event "${event}"`);
    if (typeof callback !== 'function') throw new TypeError('callback is not a function');
    const x = currentSession();
    const record = runningFunction();
    const call = (): void => this.#callExit(callback as () => unknown, x, record);
    if (x === null) this.#onDispose(call);
    else x.onFinish({ release: call });
  }

  #callExit(callback: () => unknown, x: Exchange | null, record: Buffer | null): void {
    try {
      callFor(x, true, record, callback);
    } catch (error) {
      this.#report(error, x);
    }
  }
}

/** `console` of scripts, which writes to the error log. */
export function consoleOf(compiler: Compiler): Readonly<Record<string, unknown>> {
  const writer =
    (level: ScriptLevel) =>
    (...values: readonly unknown[]): void =>
      logLine(compiler, level, bytesOf(format(...values)));
  const counters = new Map<string, number>();
  const times = new Map<string, number>();
  const elapsed = (label: unknown): string => {
    const start = times.get(String(label));
    return start === undefined
      ? `Timer "${label}" doesn't exist.`
      : `${label}: ${(performance.now() - start).toFixed(6)}ms`;
  };
  return {
    log: writer('info'),
    info: writer('info'),
    debug: writer('info'),
    dump: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    trace: writer('error'),
    count: (label = 'default') => {
      const count = (counters.get(String(label)) ?? 0) + 1;
      counters.set(String(label), count);
      writer('info')(`${label}: ${count}`);
    },
    time: (label = 'default') => {
      if (times.has(String(label))) writer('info')(`Timer "${label}" already exists.`);
      else times.set(String(label), performance.now());
    },
    timeLog: (label = 'default') => writer('info')(elapsed(label)),
    timeEnd: (label = 'default') => {
      writer('info')(elapsed(label));
      times.delete(String(label));
    },
  };
}
