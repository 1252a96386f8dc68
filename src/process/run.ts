/** Runs the proxy as a process: configuration, sockets, pid file, signals, end. */
import type { Finding } from '../diagnostics/finding.js';
import type { BoundAddress } from '../server/binder.js';
import { detach, isDetached } from './daemon.js';
import { logFindings, logRefusal } from './finding-log.js';
import type { WorkerChild } from './fork-worker.js';
import { collectAfterReading, limitYoungGeneration, returnMemoryAfterPeaks } from './garbage.js';
import { Instance, type InstanceOptions } from './instance.js';
import { PidFile } from './pid-file.js';
import { RefusedConfig } from './refused-config.js';
import { runtimePidFile } from './runtime-pid-file.js';
import { Serving } from './serving.js';
import { deferSignals, handleSignals } from './signals.js';
import { ServiceManager } from './systemd.js';
import { logUncaughtErrors } from './uncaught-errors.js';
import { abandon, WorkerProcesses } from './worker-processes.js';
import type { Workers } from './workers.js';

/** Result of a start. */
export type Outcome =
  /** Serving; the process ends by a signal. `findings`: those not already written to standard error by the error log. */
  | { readonly kind: 'serving'; readonly findings: readonly Finding[]; readonly addresses: readonly BoundAddress[] }
  /** A detached process is serving, or has exited with that code and logged the reason. */
  | { readonly kind: 'detached'; readonly code: number }
  /** The configuration was refused. `logged`: the error log has already written the reason to standard error. */
  | { readonly kind: 'refused'; readonly error: RefusedConfig; readonly logged: boolean };

export interface RunOptions
  extends Omit<InstanceOptions<Workers>, 'workers' | 'beforeReload' | 'forksWorkers' | 'defaultErrorLog'> {
  /** Path of the error log until the configuration names one; empty for stderr. Bytes. */
  readonly defaultErrorLog: string;
  /** A worker that was forked ahead of time. */
  readonly forked?: Promise<WorkerChild> | null;
}

/** ms for which the exit waits for messages to the service manager. */
const LAST_MESSAGE_TIMEOUT = 1000;

/** Starts to serve. Throws only on a programming error. */
export async function run({ forked = null, ...options }: RunOptions): Promise<Outcome> {
  const pidFile = new PidFile();
  const instance = new Instance<Workers>({
    ...options,
    beforeReload: ({ pid }) => pidFile.moveTo(pid ?? runtimePidFile(options.source)),
    forksWorkers: true,
    workers: ({ masterProcess }, errorLog, answer) => {
      const { modules, defaultErrorLog } = options;
      if (masterProcess) return new WorkerProcesses({ errorLog, defaultErrorLog, forked, answer });
      abandon(forked);
      return new Serving({ modules, errorLog, ask: answer });
    },
  });
  const log = instance.errorLog;
  let logsToStderr = false;
  logUncaughtErrors(log);
  const passSignals = deferSignals();
  try {
    const applied = await instance.start(({ daemon, errorLogs }) => {
      logsToStderr = errorLogs.some(({ destination }) => destination === 'stderr');
      return isDetached() || !daemon;
    });
    if (applied === null) {
      abandon(forked);
      return { kind: 'detached', code: await detach(logsToStderr) };
    }
    logFindings(log, applied.findings);
    const leave = (): void => {
      const complaint = pidFile.remove();
      if (complaint !== null) log.write('alert', complaint);
    };
    const manager = new ServiceManager(log);
    const exit = async (): Promise<never> => {
      await manager.sent(LAST_MESSAGE_TIMEOUT);
      process.exit(0);
    };
    handleSignals(
      instance,
      { quit: () => void instance.quit(leave).finally(exit), stop: () => void instance.stop(leave).finally(exit) },
      manager,
    );
    try {
      pidFile.moveTo(instance.settings?.pid ?? runtimePidFile(options.source));
    } catch (error) {
      throw new RefusedConfig((error as Error).message, []);
    }
    manager.ready();
    manager.startWatchdog();
    if (instance.settings?.masterProcess === true) {
      // As in nginx, so that the processes can be distinguished in a process list.
      process.title = `tsproxy: master process ${process.argv.slice(1).join(' ')}`;
      limitYoungGeneration();
    } else returnMemoryAfterPeaks();
    collectAfterReading(instance.settings?.masterProcess !== true);
    return { kind: 'serving', findings: log.isOnStderr('warn') ? [] : applied.findings, addresses: instance.bound };
  } catch (error) {
    if (!(error instanceof RefusedConfig)) throw error;
    const onStderr = log.isOnStderr('emerg');
    // The caller prints findings with their code frames; they are not repeated if the log is on the same terminal.
    if (!onStderr || error.findings.length === 0) logRefusal(log, error);
    await instance.workers?.stop();
    abandon(forked);
    return { kind: 'refused', error, logged: onStderr };
  } finally {
    passSignals();
  }
}
