/** `tsproxy forward`, also without that word: `tsproxy 8080 http://localhost:3000`. */
import { modules } from '../modules/index.js';
import { runSite } from './dev/run-site.js';
import { forwardConfiguration } from './forward/configuration.js';
import { machineFacts } from './forward/machine-facts.js';
import { type ForwardOptions, planOf } from './forward/plan.js';
import { ForwardSite } from './forward/site.js';
import { writeOut } from './stdout.js';

/** Runs the proxy in the development view, or prints its configuration. The exit code applies only if it does not serve. */
export async function forward(words: readonly string[], options: ForwardOptions): Promise<number> {
  const plan = planOf(words, options);
  const text = forwardConfiguration(plan, await machineFacts(plan, options));
  if (options.printConfig !== true) return runSite(new ForwardSite(plan, text, modules));
  writeOut(text);
  return 0;
}
