/** `tsproxy` without a command: starts serving. */

import { toText } from '../diagnostics/byte-string.js';
import { grouped, morePlaces } from '../diagnostics/grouped.js';
import { sentence } from '../diagnostics/log-message.js';
import { modules } from '../modules/index.js';
import { announceReady, isDetached } from '../process/daemon.js';
import type { WorkerChild } from '../process/fork-worker.js';
import type { RefusedConfig } from '../process/refused-config.js';
import { run } from '../process/run.js';
import { printError } from '../process/standard-streams.js';
import type { BoundAddress } from '../server/binder.js';
import type { ConfigSelection } from './invocation.js';
import { errorLogOf, sourceOf } from './paths.js';
import { printFindings } from './print-findings.js';

/** Starts, using a worker that was forked ahead of time; the exit code applies only if the start failed. */
export async function serve(which: ConfigSelection, forked: Promise<WorkerChild>): Promise<number> {
  const defaultErrorLog = errorLogOf(which);
  const outcome = await run({
    modules,
    source: sourceOf(which),
    defaultErrorLog,
    forked,
    tools: async () => (await import('../explain/configuration-tools.js')).configurationTools,
    warn: (message) => printError(`tsproxy: ${toText(message)}`),
  });
  if (outcome.kind === 'serving') {
    const warnings = outcome.findings.filter(({ severity }) => severity === 'warning');
    announceReady([
      ...grouped(warnings).map((group) => `tsproxy: [warn] ${sentence(group.finding)}${morePlaces(group)}`),
      // A background process has no terminal to print to.
      ...(isDetached() ? [] : listeningLines(outcome.addresses)),
    ]);
    return 0;
  }
  const code = outcome.kind === 'detached' ? outcome.code : 1;
  if (outcome.kind === 'refused') explain(outcome.error, outcome.logged);
  process.exit(code);
}

/** Prints the reason of a failed start; findings with their code frames, even if their messages were logged. */
function explain({ message, findings }: RefusedConfig, logged: boolean): void {
  if (findings.length > 0) printFindings(findings);
  else if (!logged) printError(`tsproxy: [emerg] ${toText(message)}`);
}

/** Maximum number of addresses printed at start. */
const MAX_LISTED = 20;

/** Lines that list the listening addresses, TCP addresses as URLs. */
export function listeningLines(addresses: readonly BoundAddress[]): string[] {
  const listed = addresses.slice(0, MAX_LISTED);
  const lines = listed.map(({ address, secure }) => {
    const scheme = secure ? 'https' : 'http';
    return `tsproxy: listening on ${address.startsWith('unix:') ? address : `${scheme}://${address}`}`;
  });
  const more = addresses.length - listed.length;
  return more > 0 ? [...lines, `tsproxy: listening on ${more} more addresses`] : lines;
}
