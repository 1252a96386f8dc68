/** `tsproxy forward`, also without that word: `tsproxy 8080 http://localhost:3000`. */
import { toBytes } from '../diagnostics/byte-string.js';
import { modules } from '../modules/index.js';
import type { ConfigSource } from '../process/configuration.js';
import { ownInstance } from '../process/own-instance.js';
import { RefusedConfig } from '../process/refused-config.js';
import { handleSignals } from '../process/signals.js';
import { printError } from '../process/standard-streams.js';
import { banner } from './forward/banner.js';
import { forwardConfiguration } from './forward/configuration.js';
import { namedFiles } from './forward/named-files.js';
import { type ForwardOptions, planOf } from './forward/plan.js';
import { printFindings } from './print-findings.js';
import { print, writeOut } from './stdout.js';

/** Name of the generated text in findings. */
const NAME = '<command line>';

/** Starts the proxy, or prints its configuration. The exit code applies only if it does not serve. */
export async function forward(words: readonly string[], options: ForwardOptions): Promise<number> {
  const plan = planOf(words, options);
  const text = forwardConfiguration(plan, namedFiles(plan, options));
  if (options.printConfig) {
    writeOut(text);
    return 0;
  }
  const source: ConfigSource = { name: NAME, text, prefix: toBytes(`${process.cwd().replace(/\/$/, '')}/`) };
  const tools = async () => (await import('../explain/configuration-tools.js')).configurationTools;
  const instance = ownInstance({ modules, source, defaultErrorLog: '', warn: printError, tools });
  try {
    await instance.start();
  } catch (error) {
    if (!(error instanceof RefusedConfig)) throw error;
    if (error.findings.length > 0) printFindings(error.findings);
    else printError(`tsproxy: [emerg] ${error.message}`);
    process.exit(1);
  }
  const end = (): never => {
    void instance.stop();
    process.exit(0);
  };
  handleSignals(instance, { quit: end, stop: end });
  print(banner(plan, instance.bound));
  return 0;
}
