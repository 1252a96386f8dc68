/** The `tsproxy` command: each action is a separate file, loaded on demand. */
import { printError } from '../process/standard-streams.js';
import type { Invocation } from './invocation.js';
import { readNginxOptions } from './nginx-options.js';
import { print } from './stdout.js';

/** Executes a command line; the process exits with the exit code, or continues serving. */
export function main(words: readonly string[]): void {
  read(words)
    .then(execute)
    .catch((error: unknown) => {
      printError(`tsproxy: [alert] ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      process.exit(1);
    });
}

/** Parses the command line. The full parser takes 25 ms to load, so common options are parsed without it. */
async function read(words: readonly string[]): Promise<Invocation> {
  const invocation = readNginxOptions(words);
  if (invocation !== null) return invocation;
  const { readCommandLine } = await import('./command-line.js');
  return readCommandLine(words);
}

async function execute(invocation: Invocation): Promise<void> {
  switch (invocation.do) {
    case 'print':
      if (invocation.stream === 'stdout') print(invocation.text);
      else printError(invocation.text.trimEnd());
      process.exitCode = invocation.code;
      return;
    case 'version': {
      const { versionText } = await import('./version.js');
      printError(await versionText(invocation.configure));
      if (invocation.next !== null) await execute(invocation.next);
      return;
    }
    case 'test': {
      const { test } = await import('./test.js');
      process.exitCode = await test(invocation);
      return;
    }
    case 'signal': {
      const { sendSignal } = await import('./signal.js');
      process.exitCode = await sendSignal(invocation.which, invocation.signal);
      return;
    }
    case 'command':
      process.exitCode = await runCommand(invocation);
      return;
    case 'run': {
      const { missingFile } = await import('./paths.js');
      const missing = missingFile(invocation.which);
      if (missing !== null) {
        printError(missing);
        process.exitCode = 1;
        return;
      }
      // The first worker loads concurrently with this process.
      const { forkWorker } = await import('../process/fork-worker.js');
      const forked = forkWorker();
      const { serve } = await import('./serve.js');
      process.exitCode = await serve(invocation.which, forked);
    }
  }
}

/** Runs a command; reports usage errors that only it can find, and a local CA that it cannot use. */
async function runCommand({ name, run }: Extract<Invocation, { do: 'command' }>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    const { UsageError, USAGE_EXIT_CODE, usageText } = await import('./usage-error.js');
    const { LocalCaError } = await import('./local-ca/local-ca-error.js');
    if (error instanceof LocalCaError) {
      const { visibleText } = await import('./terminal-text.js');
      printError(`tsproxy ${name}: ${visibleText(error.message)}`);
      return 1;
    }
    if (!(error instanceof UsageError)) throw error;
    printError(usageText(error.message, error.hint, name));
    return USAGE_EXIT_CODE;
  }
}
