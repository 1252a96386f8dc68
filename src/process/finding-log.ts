/** Findings and refusals of configurations in the error log. */
import type { Finding } from '../diagnostics/finding.js';
import { grouped, morePlaces } from '../diagnostics/grouped.js';
import { logMessage } from '../diagnostics/log-message.js';
import type { ErrorLog } from '../logging/error-log.js';
import { RefusedConfig } from './refused-config.js';

/** Logs findings as nginx would: errors as `[emerg]`, warnings as `[warn]`. Hints are shown by `-t` only. */
export function logFindings(log: ErrorLog, findings: readonly Finding[]): void {
  for (const group of grouped(findings)) {
    const { finding } = group;
    if (finding.severity === 'hint') continue;
    log.write(finding.severity === 'error' ? 'emerg' : 'warn', logMessage(finding) + morePlaces(group));
  }
}

/** Logs the reason why a configuration was refused. */
export function logRefusal(log: ErrorLog, error: unknown): void {
  if (!(error instanceof RefusedConfig)) throw error;
  if (error.findings.length > 0) logFindings(log, error.findings);
  else log.write('emerg', error.message);
}
