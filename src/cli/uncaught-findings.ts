/** Errors of modules that no caller handles while a configuration is tested: a start logs them and continues. */
import type { Finding } from '../diagnostics/finding.js';
import type { ErrorLog } from '../logging/error-log.js';
import { logUncaughtErrors } from '../process/uncaught-errors.js';

export class UncaughtFindings {
  /** Log of the compiled configuration: its other lines are already reported as findings. */
  readonly errorLog: ErrorLog = { threshold: -1, write: (_level, message) => this.add(message) };
  private readonly messages = new Set<string>();
  private reporting = false;

  /** Runs a test, and returns its result with the errors that nothing has handled meanwhile, as warnings. */
  async during<T>(test: (errorLog: ErrorLog) => Promise<T>): Promise<readonly [result: T, findings: Finding[]]> {
    const stop = logUncaughtErrors(this.errorLog, (report) => {
      this.reporting = true;
      report();
      this.reporting = false;
    });
    try {
      const result = await test(this.errorLog);
      // Rejections are reported when all continuations have run.
      await new Promise((resolve) => setImmediate(resolve));
      return [result, [...this.messages].map(findingOf)];
    } finally {
      stop();
    }
  }

  private add(message: string): void {
    if (this.reporting) this.messages.add(message);
  }
}

function findingOf(message: string): Finding {
  return { code: 'script-module', severity: 'warning', message, at: null };
}
