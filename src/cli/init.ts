/** `tsproxy init`: writes a configuration file to start from. */
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isatty } from 'node:tty';
import { toBytes } from '../diagnostics/byte-string.js';
import { errnoText } from '../diagnostics/errno.js';
import { printError } from '../process/standard-streams.js';
import { diagnose } from './diagnosis.js';
import type { MachineFacts } from './forward/configuration.js';
import { localCertificate, loopbackAddresses, systemAuthorities } from './forward/machine-facts.js';
import { type InitOptions, type InitPlan, initPlanOf } from './init/plan.js';
import { answeredOptions, Cancelled } from './init/questions.js';
import { startingFile } from './init/starting-file.js';
import { workingDirectory } from './paths.js';
import { printFindings } from './print-findings.js';
import { shellWord } from './shell-word.js';
import { print, writeOut } from './stdout.js';

/** Returns the exit code: 1 if nothing was written. */
export async function init(options: InitOptions): Promise<number> {
  const { output } = options;
  if (output !== '-' && options.force !== true && existsSync(output))
    return refused(`"${output}" exists; --force replaces it`);
  const asks = options.yes !== true && output !== '-' && isatty(0) && isatty(1) && !isComplete(options);
  let plan: InitPlan;
  try {
    plan = initPlanOf(asks ? await answeredOptions(options) : options);
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    print('\n');
    return refused(error.message);
  }
  const text = startingFile(plan, await factsOf(plan), shellWord(output === '-' ? 'nginx.conf' : output));
  if (output === '-') {
    writeOut(text);
    return 0;
  }
  try {
    writeFileSync(output, Buffer.from(text, 'latin1'), { flag: options.force === true ? 'w' : 'wx' });
  } catch (error) {
    return refused(`"${output}" cannot be written (${errnoText(error)})`);
  }
  await printResult(output);
  return 0;
}

function refused(message: string): number {
  printError(`tsproxy: ${message}`);
  return 1;
}

/** Whether the options describe a server, so that there is nothing to ask. */
function isComplete({ upstream, static: directory }: InitOptions): boolean {
  return upstream !== undefined || directory !== undefined;
}

async function factsOf({ tls, names, servers }: InitPlan): Promise<MachineFacts> {
  const verifies = servers.some(({ scheme }) => scheme === 'https');
  const authorities = verifies ? systemAuthorities() : null;
  const loopback = await loopbackAddresses();
  if (tls !== 'local') return { certificate: tls, authorities, loopback };
  return { certificate: localCertificate(names, names, ', and init again'), authorities, loopback };
}

/** Tests the written file; prints what is to be corrected on this machine, and how to start. */
async function printResult(output: string): Promise<void> {
  const name = toBytes(resolve(output));
  const prefix = workingDirectory();
  const { findings } = await diagnose({ name, text: null, prefix }, []);
  if (findings.length > 0) printFindings(findings);
  const word = shellWord(output);
  print(
    `wrote ${output}\n\n  tsproxy -c ${word}   starts the proxy\n  tsproxy dev ${word}  shows its requests in the terminal\n`,
  );
}
