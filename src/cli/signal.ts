/** `tsproxy -s reload|quit|stop|reopen`. */

import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { LEVELS, type Level } from '../config/log-level.js';
import { toText } from '../diagnostics/byte-string.js';
import { errnoText } from '../diagnostics/errno.js';
import { sentence } from '../diagnostics/log-message.js';
import { nativePath } from '../files/native-path.js';
import { DestinationLog } from '../logging/destination-log.js';
import { LogFile } from '../logging/log-file.js';
import { modules } from '../modules/index.js';
import { checkWithModuleFiles } from '../process/checked-modules.js';
import type { ConfigSource } from '../process/configuration.js';
import { logFindings } from '../process/finding-log.js';
import { mainSettings } from '../process/main-settings.js';
import { PidFileError, readPidFile } from '../process/pid-file.js';
import { runtimePidFile } from '../process/runtime-pid-file.js';
import { printError } from '../process/standard-streams.js';
import { allowingUnsupported, type ConfigSelection, SIGNALS, type SignalName } from './invocation.js';
import { errorLogOf, sourceOf } from './paths.js';
import { printFindings } from './print-findings.js';

/** Sends the signal to the process named by the configuration's pid file. Returns the exit code. */
export async function sendSignal(which: ConfigSelection, name: SignalName): Promise<number> {
  // The running proxy may have been started with --allow-unsupported.
  const source = sourceOf({ ...which, globals: allowingUnsupported(which.globals) });
  const log = openLog(errorLogOf(which));
  const { config, findings } = (await checkWithModuleFiles(source, modules)).result;
  if (config === null) {
    printFindings(findings);
    logFindings(log, findings);
    return 1;
  }
  for (const finding of findings.filter(({ severity, missing }) => severity === 'warning' && missing === undefined)) {
    printError(`tsproxy: [warn] ${sentence(finding)}`);
  }
  logFindings(log, findings);
  log.write('notice', 'signal process started');
  const { pid } = mainSettings(config, source.prefix);
  const file = pid ?? runtimePidFile(source) ?? `${source.prefix}logs/nginx.pid`;
  const failure = send(file, SIGNALS[name]);
  if (failure === null) return 0;
  const { level, message } = failure;
  printError(`tsproxy: [${level}] ${toText(message)}`);
  if (pid === null && !existsSync(nativePath(file))) printError(notRunning(source));
  log.write(level, message);
  return 1;
}

/** Explains a missing pid file in the runtime directory. */
function notRunning({ prefix, name }: ConfigSource): string {
  return `No proxy is running with prefix ${toText(prefix)} and configuration file ${toText(name)}: give -s the same -p and -c, or the working directory, as the start.`;
}

/** Sends the signal to the process named by the file. On failure returns nginx's message and its level. */
function send(file: string, signal: NodeJS.Signals): { readonly level: Level; readonly message: string } | null {
  let pid: number;
  try {
    pid = readPidFile(file);
  } catch (error) {
    if (error instanceof PidFileError) return error;
    throw error;
  }
  try {
    process.kill(pid, signal);
    return null;
  } catch (error) {
    return { level: 'alert', message: `kill(${pid}, ${constants.signals[signal]}) failed (${errnoText(error)})` };
  }
}

/** The default error log; entries that are already on standard error are not repeated there. */
function openLog(path: string): DestinationLog {
  try {
    if (path !== '') return new DestinationLog([{ to: new LogFile(path), threshold: LEVELS.indexOf('notice') }]);
  } catch (error) {
    printError(`tsproxy: [alert] could not open error log file: open() "${toText(path)}" failed (${errnoText(error)})`);
  }
  return new DestinationLog([]);
}
