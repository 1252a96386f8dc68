/** Handlers for the signals that nginx supports. */

import { constants } from 'node:os';
import { isDetached } from './daemon.js';
import { logFindings, logRefusal } from './finding-log.js';
import { collectAfterReading } from './garbage.js';
import type { Instance } from './instance.js';
import { ServiceManager } from './systemd.js';

/** Shutdown actions. */
export interface ShutdownActions {
  /** QUIT: graceful shutdown. Called at most once. */
  quit(): void;
  /** TERM and INT: fast shutdown. Called at most once. */
  stop(): void;
}

/** Signals whose default action ends the process, although nginx handles them after a start. */
const DEFERRED = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/**
 * Defers signals during a start. Returns a function that passes the received ones to the handlers, each once; without
 * handlers they are dropped.
 */
export function deferSignals(): () => void {
  const received = new Set<NodeJS.Signals>();
  const note = (signal: NodeJS.Signals): void => void received.add(signal);
  for (const signal of DEFERRED) process.on(signal, note);
  return () => {
    for (const signal of DEFERRED) process.off(signal, note);
    for (const signal of received) process.emit(signal, signal);
    received.clear();
  };
}

/** Installs the handlers for the rest of the life of the process. */
export function handleSignals(
  instance: Instance,
  endings: ShutdownActions,
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
  // A terminal sends SIGWINCH when its window changes: as in nginx it is honoured only by a daemon.
  on('SIGWINCH', isDetached() ? ', stop accepting connections' : '', () => {
    if (isDetached()) instance.dismissWorkers();
  });
  on('SIGUSR2', '', () => log.write('warn', 'SIGUSR2 is not supported, ignored'));
}

/**
 * Reloads one at a time. A signal that arrives while a reload is queued is dropped, as that reload covers it: a storm of
 * signals builds no queue.
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
        if (instance.isShuttingDown) log.write('notice', 'not reconfigured, because the process is shutting down');
        else logRefusal(log, error);
      }
      manager.ready();
      collectAfterReading(instance.settings?.masterProcess !== true);
    });
  };
}
