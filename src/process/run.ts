/** Runs the proxy as a process: configuration, sockets, pid file, signals, end. */
import type { Finding } from '../diagnostics/finding.js';
import { detach, isDetached } from './daemon.js';
import { Instance, type InstanceOptions, RefusedConfig } from './instance.js';
import { removePidFile, writePidFile } from './pid-file.js';
import { handleSignals, logFindings, logRefusal } from './signals.js';

/** What became of a start. */
export type Outcome =
  /** It serves; the process ends by a signal. A person is to be told of the findings, unless the error log has told already. */
  | { readonly kind: 'serving'; readonly findings: readonly Finding[] }
  /** A detached process serves, or gave up with that code and has said why. */
  | { readonly kind: 'detached'; readonly code: number }
  /** The configuration was refused; the error log has the reasons, and a person is to be told. */
  | { readonly kind: 'refused'; readonly error: RefusedConfig };

/** Starts to serve. Throws only what is a mistake of the program. */
export async function run(options: InstanceOptions): Promise<Outcome> {
  const instance = new Instance(options);
  const log = instance.errorLog;
  surviveMistakes(instance);
  try {
    const applied = await instance.start((settings) => isDetached() || !settings.daemon);
    if (applied === null) return { kind: 'detached', code: await detach() };
    logFindings(log, applied.findings);
    const pid = instance.settings?.pid ?? null;
    const leave = (): void => {
      const complaint = pid === null ? null : removePidFile(pid);
      if (complaint !== null) log.write('alert', complaint);
    };
    handleSignals(instance, {
      quit: () => void instance.quit(leave).then(() => process.exit(0)),
      stop: () => {
        instance.stop(leave);
        process.exit(0);
      },
    });
    if (pid !== null) {
      try {
        writePidFile(pid);
      } catch (error) {
        instance.stop();
        throw new RefusedConfig((error as Error).message, []);
      }
    }
    return { kind: 'serving', findings: logsToStderr(instance) ? [] : applied.findings };
  } catch (error) {
    if (!(error instanceof RefusedConfig)) throw error;
    logRefusal(log, error);
    return { kind: 'refused', error };
  }
}

function logsToStderr(instance: Instance): boolean {
  return instance.settings?.errorLogs.some(({ destination }) => destination === 'stderr') ?? false;
}

/**
 * What is thrown outside of any exchange is a mistake of this program. It is reported and the traffic goes on: users are
 * not cut off for it.
 */
function surviveMistakes(instance: Instance): void {
  const report = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    instance.errorLog.write('alert', `internal error: ${text.replaceAll('\n', ' ')}`);
  };
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
}
