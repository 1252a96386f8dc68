/** The command `tsproxy ADDRESS TARGET…` as a child process, and its configuration in this process. */
import { spawn } from 'node:child_process';
import { forwardConfiguration, type MachineFacts } from '../../src/cli/forward/configuration.js';
import { machineFacts } from '../../src/cli/forward/machine-facts.js';
import { type ForwardOptions, planOf } from '../../src/cli/forward/plan.js';
import { toText } from '../../src/diagnostics/byte-string.js';
import { createProxy } from '../../src/index.js';
import { until } from '../kit/index.js';
import { BINARY } from './running.js';

/** A proxy started by words of a command line. */
export interface Forwarding {
  readonly port: number;
  /** Its standard output so far. */
  text(): string;
  /** Its standard error so far. */
  errors(): string;
  readonly exited: Promise<number | null>;
  end(): void;
}

/** Starts it; resolves when it has printed its URL. */
export async function forwarding(
  t: { after(fn: () => void): void },
  words: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Forwarding> {
  const child = spawn(process.execPath, [BINARY, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
  });
  t.after(() => void child.kill('SIGKILL'));
  let text = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (errors += part));
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  await until('it prints its URL', () => URL.test(text) || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error(`not started: ${errors}`);
  const port = Number(URL.exec(text)?.[1]);
  return { port, text: () => text, errors: () => errors, exited, end: () => void child.kill('SIGINT') };
}

const URL = /^ {2}https?:\/\/[\w.]+:(\d+)\/$/m;

/** Serves the configuration that a command line stands for until the test ends. */
export async function served(
  t: { after(fn: () => Promise<void>): void },
  words: readonly string[],
  options: ForwardOptions = {},
  facts: Partial<MachineFacts> = {},
): Promise<{ readonly port: number }> {
  const plan = planOf(words, options);
  const text = forwardConfiguration(plan, { ...(await machineFacts(plan, options)), ...facts });
  const proxy = createProxy({ config: toText(text), errorLog: () => {} });
  await proxy.start();
  t.after(() => proxy.close());
  return { port: Number(proxy.addresses[0]?.split(':').pop()) };
}
