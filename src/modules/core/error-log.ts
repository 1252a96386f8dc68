/** `error_log` inside of http: a log for some servers or locations. */
import type { ConfOf, Directives } from '../../config/directive.js';
import { errnoText } from '../../diagnostics/errno.js';
import { DestinationLog, type LogSink, openSink } from '../../exchange/destination-log.js';
import { type ErrorLog, LEVELS } from '../../exchange/error-log.js';
import { type ErrorLogData, errorLogArgument } from '../../exchange/error-log-argument.js';
import type { Compiler, Scope } from '../../exchange/module.js';

export const errorLogDirectives = {
  error_log: {
    contexts: ['http', 'server', 'location'],
    takes: errorLogArgument,
    repeat: true,
    doc: 'Where errors of requests are logged, and from which level on. Several may be given; a block that has one of its own inherits none. Without it the log of the process is used.',
    example: 'error_log logs/example.error.log info;',
    differs:
      'To a syslog server on a unix domain socket the command `logger` of util-linux sends the lines; the name of another server is looked up with the first line that is sent to it.',
    differsFor: ([target = '']) => target.startsWith('syslog:'),
  },
} as const satisfies Directives;

export function applyErrorLog(conf: ConfOf<typeof errorLogDirectives>, at: Scope): void {
  // What is only looked at is told to whoever looks.
  if (at.compiler.observer !== null) return;
  if (conf.error_log.length > 0) at.program.settings.errorLog = logOf(conf.error_log, at.compiler);
}

/** One log for each list of `error_log` in a table. */
function logOf(list: readonly ErrorLogData[], compiler: Compiler): ErrorLog {
  const key = `error_log:${JSON.stringify(list)}`;
  const known = compiler.shared.get<ErrorLog>(key);
  if (known !== undefined) return known;
  const destinations = list.map((data) => ({ to: sinkOf(data, compiler), threshold: LEVELS.indexOf(data.level) }));
  return compiler.shared.set(key, new DestinationLog(destinations, compiler.errorLog));
}

/** The open sink, which lives on over reloads; whoever owns the table reopens and closes it. */
function sinkOf(data: ErrorLogData, compiler: Compiler): LogSink {
  const key = `error_log ${data.destination}`;
  const known = compiler.shared.get<LogSink>(key) ?? compiler.previous?.get<LogSink>(key);
  if (known !== undefined) return compiler.shared.set(key, known);
  try {
    return compiler.shared.set(key, openSink(data, compiler.errorLog));
  } catch (error) {
    return compiler.fail(`open() "${data.destination}" failed (${errnoText(error)})`, null);
  }
}
