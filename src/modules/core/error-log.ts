/** `error_log` inside of http: a log for some servers or locations. */
import type { ConfOf, Directives } from '../../config/directive.js';
import { errnoText } from '../../diagnostics/errno.js';
import { DestinationLog } from '../../exchange/destination-log.js';
import { type ErrorLog, LEVELS } from '../../exchange/error-log.js';
import { type ErrorLogData, errorLogArgument } from '../../exchange/error-log-argument.js';
import { LogFile } from '../../exchange/log-file.js';
import type { Compiler, Scope } from '../../exchange/module.js';

export const errorLogDirectives = {
  error_log: {
    contexts: ['http', 'server', 'location'],
    takes: errorLogArgument,
    repeat: true,
    doc: 'Where errors of requests are logged, and from which level on. Several may be given; a block that has one of its own inherits none. Without it the log of the process is used.',
    example: 'error_log logs/example.error.log info;',
    differs: 'Logging to syslog and to memory is not supported.',
  },
} as const satisfies Directives;

export function applyErrorLog(conf: ConfOf<typeof errorLogDirectives>, at: Scope): void {
  if (conf.error_log.length > 0) at.program.settings.errorLog = logOf(conf.error_log, at.compiler);
}

/** One log for each list of `error_log` in a table. */
function logOf(list: readonly ErrorLogData[], compiler: Compiler): ErrorLog {
  const key = `error_log:${JSON.stringify(list)}`;
  const known = compiler.shared.get<ErrorLog>(key);
  if (known !== undefined) return known;
  const destinations = list.map(({ destination, level }) => ({
    to: fileOf(destination, compiler),
    threshold: LEVELS.indexOf(level),
  }));
  return compiler.shared.set(key, new DestinationLog(destinations));
}

/** The open file, which lives on over reloads; whoever owns the table reopens and closes it. */
function fileOf(destination: string, compiler: Compiler): LogFile {
  const path = destination === 'stderr' ? '' : destination;
  const key = `error_log ${path}`;
  const known = compiler.shared.get<LogFile>(key) ?? compiler.previous?.get<LogFile>(key);
  if (known !== undefined) return compiler.shared.set(key, known);
  try {
    return compiler.shared.set(key, new LogFile(path));
  } catch (error) {
    return compiler.fail(`open() "${path}" failed (${errnoText(error)})`, null);
  }
}
