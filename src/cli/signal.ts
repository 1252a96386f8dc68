/** `tsproxy -s reload|quit|stop|reopen`. */
import { errnoText } from '../diagnostics/errno.js';
import { shown } from '../diagnostics/place.js';
import { renderFindings } from '../diagnostics/render.js';
import { modules } from '../modules/index.js';
import { checkSource } from '../process/configuration.js';
import { mainSettings } from '../process/main-settings.js';
import { readPidFile } from '../process/pid-file.js';
import { sayToPerson } from '../process/stderr.js';
import { SIGNALS, type SignalName, type Which } from './order.js';
import { sourceOf } from './paths.js';
import { colored } from './terminal.js';

/** Sends the signal to the process that the configuration's pid file names. Returns the exit code. */
export function sendSignal(which: Which, name: SignalName): number {
  const source = sourceOf(which);
  const { config, findings } = checkSource(source, modules);
  if (config === null) {
    sayToPerson(renderFindings(findings, { color: colored() }).trimEnd());
    return 1;
  }
  const file = mainSettings(config, source.prefix).pid ?? `${source.prefix}logs/nginx.pid`;
  try {
    const pid = readPidFile(file);
    try {
      process.kill(pid, SIGNALS[name]);
    } catch (error) {
      throw new Error(`kill(${pid}, ${SIGNALS[name]}) failed (${errnoText(error)})`);
    }
  } catch (error) {
    sayToPerson(`tsproxy: [error] ${shown((error as Error).message)}`);
    return 1;
  }
  return 0;
}
