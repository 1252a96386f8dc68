/** `tsproxy`: starts to serve. */

import type { ChildProcess } from 'node:child_process';
import { shown } from '../diagnostics/place.js';
import { sentence } from '../diagnostics/render.js';
import { modules } from '../modules/index.js';
import { announceReady } from '../process/daemon.js';
import type { RefusedConfig } from '../process/instance.js';
import { run } from '../process/run.js';
import { sayToPerson } from '../process/standard-streams.js';
import type { Which } from './order.js';
import { errorLogOf, sourceOf } from './paths.js';
import { sayFindings } from './say-findings.js';

/** Starts, with a worker that was forked ahead of time; the exit code counts only where nothing was started. */
export async function serve(which: Which, forked: ChildProcess): Promise<number> {
  const defaultErrorLog = errorLogOf(which);
  const outcome = await run({
    modules,
    source: sourceOf(which),
    defaultErrorLog,
    forked,
    warn: (message) => sayToPerson(`tsproxy: ${shown(message)}`),
  });
  if (outcome.kind === 'serving') {
    const warnings = outcome.findings.filter(({ severity }) => severity === 'warning');
    announceReady(warnings.map((finding) => `tsproxy: [warn] ${sentence(finding)}`));
    return 0;
  }
  const code = outcome.kind === 'detached' ? outcome.code : 1;
  if (outcome.kind === 'refused') explain(outcome.error);
  process.exit(code);
}

/** Says why nothing was started. */
function explain({ message, findings }: RefusedConfig): void {
  if (findings.length === 0) sayToPerson(`tsproxy: [emerg] ${shown(message)}`);
  else sayFindings(findings);
}
