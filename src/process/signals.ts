/** What the process does with the signals that nginx knows. */
import { constants } from 'node:os';
import type { Finding } from '../diagnostics/finding.js';
import type { ErrorLog } from '../exchange/error-log.js';
import { logSentence } from './configuration.js';
import { isDetached } from './daemon.js';
import { collectAfterReading } from './garbage.js';
import { type Instance, RefusedConfig } from './instance.js';
import { ServiceManager } from './systemd.js';

/** What two of the signals end in. */
export interface Endings {
  /** QUIT: drain. Called at most once. */
  quit(): void;
  /** TERM and INT: at once. Called at most once. */
  stop(): void;
}

/** Installs the handlers for the rest of the life of the process. */
export function handleSignals(
  instance: Instance,
  endings: Endings,
  manager = new ServiceManager(instance.errorLog),
): void {
  const log = instance.errorLog;
  const reload = reloader(instance, manager);
  let quitting = false;
  let stopping = false;
  const on = (signal: NodeJS.Signals, action: string, act: () => void): void => {
    process.on(signal, () => {
      log.write('notice', `signal ${constants.signals[signal]} (${signal}) received${action}`);
      act();
    });
  };
  on('SIGHUP', ', reconfiguring', reload);
  on('SIGQUIT', ', shutting down', () => {
    manager.stopping();
    if (!quitting && !stopping) endings.quit();
    quitting = true;
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    on(signal, ', exiting', () => {
      manager.stopping();
      if (!stopping) endings.stop();
      stopping = true;
    });
  }
  on('SIGUSR1', ', reopening logs', () => instance.reopenLogs());
  // A terminal sends it when its window changes: as in nginx it counts only for who has none.
  on('SIGWINCH', isDetached() ? ', stop accepting connections' : '', () => {
    if (isDetached()) instance.dismissWorkers();
  });
  on('SIGUSR2', '', () => log.write('warn', 'SIGUSR2 is not supported, ignored'));
}

/**
 * Reloads one after the other. A signal that comes while one waits for its turn asks for nothing that this one will not do:
 * it is not counted, so that a storm of signals builds no queue.
 */
function reloader(instance: Instance, manager: ServiceManager): () => void {
  const log = instance.errorLog;
  let waiting = false;
  let running = Promise.resolve();
  return () => {
    if (waiting) return;
    waiting = true;
    running = running.then(async () => {
      waiting = false;
      manager.reloading();
      try {
        const { findings } = await instance.reload();
        logFindings(log, findings);
      } catch (error) {
        if (instance.isLeaving) log.write('notice', 'not reconfigured, as the process is about to end');
        else logRefusal(log, error);
      }
      manager.ready();
      collectAfterReading(instance.settings?.masterProcess !== true);
    });
  };
}

/** Writes findings as nginx would: errors as `[emerg]`, warnings as `[warn]`. Hints are for `-t`. */
export function logFindings(log: ErrorLog, findings: readonly Finding[]): void {
  for (const finding of findings) {
    if (finding.severity !== 'hint') log.write(finding.severity === 'error' ? 'emerg' : 'warn', logSentence(finding));
  }
}

/** Writes why a configuration was refused. */
export function logRefusal(log: ErrorLog, error: unknown): void {
  if (!(error instanceof RefusedConfig)) throw error;
  if (error.findings.length > 0) logFindings(log, error.findings);
  else log.write('emerg', error.message);
}
