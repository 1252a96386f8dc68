/** Destinations of access logs, and the handler that writes them. */
import { statSync } from 'node:fs';
import type { Level } from '../../config/log-level.js';
import type { SyslogData } from '../../config/syslog-argument.js';
import type { TemplateData } from '../../config/template.js';
import { errnoText } from '../../diagnostics/errno.js';
import { documentRoot } from '../../exchange/file-path.js';
import { nativePath } from '../../files/native-path.js';
import { AccessLogFile, type LogBuffer } from '../../logging/access-log-file.js';
import { LogFile } from '../../logging/log-file.js';
import { LogFileCache, type LogFileCacheOptions } from '../../logging/log-file-cache.js';
import { Syslog } from '../../logging/syslog.js';
import { WriteFailures } from '../../logging/write-failures.js';
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import type { Compiler, Scope } from '../../program/module.js';
import type { Template } from '../../program/template.js';
import { NEXT } from '../../program/verdict.js';
import type { AccessLog } from './access-log.js';
import { lineOf } from './format.js';
import type { Line } from './json-line.js';

/** Writes a line, which is given without its line break. */
type Sink = (x: Exchange, line: string) => void;

interface Logging {
  readonly condition: Template | null;
  readonly line: Line;
  readonly sink: Sink;
}

/** Handler of `access_log`. */
export function compileAccessLogs(
  logs: readonly AccessLog[],
  cache: LogFileCacheOptions | null,
  at: Scope,
): ((x: Exchange) => number) | null {
  const write = compileLogs(logs, cache, Object.hasOwn(at.block.values, 'access_log'), at);
  if (write === null) return null;
  return (x) => {
    write(x);
    return NEXT;
  };
}

/** Writes the lines of a request; null: there is no log. `written`: the logs are not those of the default. */
export function compileLogs(
  logs: readonly AccessLog[],
  cache: LogFileCacheOptions | null,
  written: boolean,
  { compiler }: Scope,
): ((x: Exchange) => void) | null {
  if (logs.some(({ off }) => off)) return null;
  const compiled: Logging[] = [];
  for (const log of logs) {
    if (log.off) continue;
    const { path, syslog, buffer } = log;
    let sink: Sink | null;
    if (syslog !== null) sink = syslogSink(syslog, compiler);
    else if (typeof path === 'string') sink = fileSink(path, buffer, written, compiler);
    else sink = variableSink(path, cache, compiler);
    if (sink === null) continue;
    const condition = log.condition === null ? null : compiler.template(log.condition);
    compiled.push({ condition, line: lineOf(log.format, compiler), sink });
  }
  if (compiled.length === 0) return null;
  return (x) => {
    for (let i = 0; i < compiled.length; i++) {
      const { condition, line, sink } = compiled[i] as Logging;
      if (condition !== null) {
        const value = condition.of(x);
        if (value === '' || value === '0') continue;
      }
      sink(x, line(x));
    }
  };
}

/** One sender for all logs to a server with the same parameters; it is kept on reload. */
function syslogSink(data: SyslogData, compiler: Compiler): Sink {
  const key = `access_log ${JSON.stringify(data)}`;
  const existing = compiler.shared.get<Syslog>(key) ?? compiler.previous?.get<Syslog>(key);
  const syslog = compiler.shared.set(key, existing ?? new Syslog(data, compiler.errorLog));
  return (_x, line) => syslog.send(line);
}

/** Null if the default log cannot be opened, because it was not configured explicitly. */
function fileSink(path: string, buffer: LogBuffer, written: boolean, compiler: Compiler): Sink | null {
  const absolute = path.startsWith('/') ? path : compiler.prefix + path;
  const key = `access_log ${absolute}`;
  const existing = compiler.shared.get<AccessLogFile | null>(key);
  // The default log is shared by all locations without `access_log`; opening it is tried once.
  if (existing === null && !written) return null;
  let file = existing ?? compiler.previous?.get<AccessLogFile | null>(key) ?? null;
  if (file === null) {
    try {
      file = new AccessLogFile(absolute, compiler.errorLog);
    } catch (error) {
      if (!written) return compiler.shared.set(key, null);
      return compiler.fail(`open() "${absolute}" failed (${errnoText(error)})`, null);
    }
  }
  compiler.shared.set(key, file);
  // Several logs to one path agree in their buffer, or only one of them has a buffer.
  if (buffer.size > 0 || !buffered(compiler).has(file)) file.configure(buffer);
  if (buffer.size > 0) buffered(compiler).add(file);
  const open = file;
  return (x, line) => {
    const failure = open.write(`${line}\n`);
    if (failure !== null) logFailure(x, 'alert', failure);
  };
}

/** Files for which this table configures a buffer. */
function buffered(compiler: Compiler): Set<AccessLogFile> {
  const key = 'buffered access logs';
  return compiler.shared.get<Set<AccessLogFile>>(key) ?? compiler.shared.set(key, new Set());
}

/** Log with variables in its path. As in nginx, it is written only if the document root exists, so that requests cannot create arbitrary files. */
function variableSink(path: TemplateData, options: LogFileCacheOptions | null, compiler: Compiler): Sink {
  const template = compiler.template(path);
  const cache = options === null ? null : cacheOf(options, compiler);
  const failures = new WriteFailures('logs with variables in their names');
  return (x, line) => {
    if (failures.skips() || !rootExists(x)) return;
    const to = template.of(x);
    try {
      const failed = cache === null ? appendOnce(to, `${line}\n`) : cache.append(to, `${line}\n`);
      if (failed !== null && failures.note(failed)) {
        logFailure(x, 'alert', `write() to "${to}" failed (${errnoText(failed)})`);
      } else if (failed === null && failures.lost > 0) {
        const loss = failures.report('logs with variables in their names');
        if (loss !== null) logFailure(x, 'alert', loss);
      }
    } catch (error) {
      logFailure(x, 'crit', `open() "${to}" failed (${errnoText(error)})`);
    }
  };
}

function appendOnce(path: string, line: string): unknown {
  const file = new LogFile(path);
  const failed = file.write(line);
  file.close();
  return failed;
}

/** Cache of one directive; blocks that inherit the directive share it. */
function cacheOf(options: LogFileCacheOptions, compiler: Compiler): LogFileCache {
  const key = 'log file caches';
  const caches =
    compiler.shared.get<Map<LogFileCacheOptions, LogFileCache>>(key) ??
    compiler.shared.set(key, new Map<LogFileCacheOptions, LogFileCache>());
  let cache = caches.get(options);
  if (cache === undefined) {
    // Stored under its own key, so that it is closed and reopened with the other log files.
    cache = compiler.shared.set(`log file cache ${caches.size}`, new LogFileCache(options));
    caches.set(options, cache);
  }
  return cache;
}

function logFailure(x: Exchange, level: Level, message: string): void {
  logError(x, level, `${message} while logging request`);
}

function rootExists(x: Exchange): boolean {
  const root = documentRoot(x);
  try {
    if (statSync(nativePath(root)).isDirectory()) return true;
    logFailure(x, 'error', `testing "${root}" existence failed (20: Not a directory)`);
  } catch (error) {
    logFailure(x, 'error', `testing "${root}" existence failed (${errnoText(error)})`);
  }
  return false;
}
