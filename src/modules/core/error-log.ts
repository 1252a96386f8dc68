/** `error_log` inside `http`: error logs of individual servers or locations. */
import type { ConfOf, Directives } from '../../config/directive.js';
import { type ErrorLogData, errorLogArgument } from '../../config/error-log-argument.js';
import { LEVELS } from '../../config/log-level.js';
import { errnoText } from '../../diagnostics/errno.js';
import { DestinationLog, type LogSink, openSink } from '../../logging/destination-log.js';
import type { ErrorLog } from '../../logging/error-log.js';
import type { Compiler, Scope } from '../../program/module.js';

export const errorLogDirectives = {
  error_log: {
    contexts: ['http', 'server', 'location'],
    takes: errorLogArgument,
    repeat: true,
    doc: 'Error log for requests, and its minimum level. The directive may be repeated; a block with `error_log` of its own inherits none. The default is the log of the process.',
    example: 'error_log logs/example.error.log info;',
    differs:
      'Lines for a syslog server on a unix domain socket are sent by the command `logger` of util-linux; other host names are resolved when the first line is sent.',
    differsFor: ([target = '']) => target.startsWith('syslog:'),
  },
} as const satisfies Directives;

export function applyErrorLog(conf: ConfOf<typeof errorLogDirectives>, at: Scope): void {
  // Errors of simulated requests (`explain`) are only written to the log of the process.
  if (at.compiler.observer.simulates) return;
  if (conf.error_log.length > 0) at.program.settings.errorLog = logOf(conf.error_log, at.compiler);
}

/** One log per list of `error_log` values in a table. */
function logOf(list: readonly ErrorLogData[], compiler: Compiler): ErrorLog {
  const key = `error_log:${JSON.stringify(list)}`;
  const existing = compiler.shared.get<ErrorLog>(key);
  if (existing !== undefined) return existing;
  const destinations = list.map((data) => ({ to: sinkOf(data, compiler), threshold: LEVELS.indexOf(data.level) }));
  return compiler.shared.set(key, new DestinationLog(destinations, compiler.errorLog));
}

/** Opens a sink or reuses the open one, which is kept on reload; the owner of the table reopens and closes it. */
function sinkOf(data: ErrorLogData, compiler: Compiler): LogSink {
  const key = `error_log ${data.destination}`;
  const existing = compiler.shared.get<LogSink>(key) ?? compiler.previous?.get<LogSink>(key);
  if (existing !== undefined) return compiler.shared.set(key, existing);
  try {
    return compiler.shared.set(key, openSink(data, compiler.errorLog));
  } catch (error) {
    return compiler.fail(`open() "${data.destination}" failed (${errnoText(error)})`, null);
  }
}
