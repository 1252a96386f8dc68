/** The command `tsproxy demo` as a child process. */
import { spawn } from 'node:child_process';
import { until } from '../kit/index.js';
import { BINARY } from './running.js';

/** Demonstration that serves. */
export interface Demo {
  readonly port: number;
  /** Its standard output so far. */
  readonly text: string;
  readonly exited: Promise<number | null>;
  end(): void;
}

/** Starts the demonstration on a port (0: any); resolves when it has printed its address. */
export async function demo(t: { after(fn: () => void): void }, wanted = 0): Promise<Demo> {
  const child = spawn(process.execPath, [BINARY, 'demo', '--port', String(wanted)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  await until('it says where to look', () => text.includes('Ctrl-C') || child.exitCode !== null);
  const port = Number(/http:\/\/127\.0\.0\.1:(\d+)\//.exec(text)?.[1]);
  return { port, text, exited, end: () => void child.kill('SIGINT') };
}
