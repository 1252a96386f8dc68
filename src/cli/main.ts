/** The command `tsproxy`: each order is carried out by a file of its own, loaded only when it is asked for. */
import { sayToPerson } from '../process/standard-streams.js';
import type { Invocation } from './invocation.js';
import { readNginxOptions } from './nginx-options.js';
import { print } from './stdout.js';

/** Carries out a command line; the process ends with the exit code, or goes on serving. */
export function main(words: readonly string[]): void {
  read(words)
    .then(carryOut)
    .catch((error: unknown) => {
      sayToPerson(`tsproxy: [alert] ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      process.exit(1);
    });
}

/** The order. What reads all options and commands takes 25 ms to load, so the everyday ones are read without it. */
async function read(words: readonly string[]): Promise<Invocation> {
  const order = readNginxOptions(words);
  if (order !== null) return order;
  const { readCommandLine } = await import('./command-line.js');
  return readCommandLine(words);
}

async function carryOut(order: Invocation): Promise<void> {
  switch (order.do) {
    case 'say':
      if (order.stream === 'stdout') print(order.text);
      else sayToPerson(order.text.trimEnd());
      process.exitCode = order.code;
      return;
    case 'version': {
      const { versionText } = await import('./version.js');
      sayToPerson(await versionText(order.configure));
      if (order.next !== null) await carryOut(order.next);
      return;
    }
    case 'test': {
      const { test } = await import('./test.js');
      process.exitCode = await test(order);
      return;
    }
    case 'signal': {
      const { sendSignal } = await import('./signal.js');
      process.exitCode = sendSignal(order.which, order.signal);
      return;
    }
    case 'command':
      process.exitCode = await order.run();
      return;
    case 'run': {
      const { missingFile } = await import('./paths.js');
      const missing = missingFile(order.which);
      if (missing !== null) {
        sayToPerson(missing);
        process.exitCode = 1;
        return;
      }
      // The first worker loads while this process does.
      const { forkWorker } = await import('../process/fork-worker.js');
      const forked = forkWorker();
      const { serve } = await import('./serve.js');
      process.exitCode = await serve(order.which, forked);
    }
  }
}
