/** A source program in a process of its own, which ends with the test. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { untilAccepting } from '../kit/index.js';

export class SourceProcess {
  private constructor(private readonly child: ChildProcess) {}

  /** Starts a program and waits until it accepts connections. */
  static async start(
    command: string,
    words: readonly string[],
    port: number,
    options: SpawnOptions,
  ): Promise<SourceProcess> {
    const child = spawn(command, words, { ...options, stdio: 'ignore' });
    const started = new SourceProcess(child);
    try {
      await untilAccepting(port, () => child.exitCode !== null);
      return started;
    } catch (error) {
      await started.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    if (this.child.exitCode === null && this.child.kill('SIGKILL')) await ended;
  }
}
