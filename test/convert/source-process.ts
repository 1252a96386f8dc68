/** A source program in a process of its own, with a directory for its files; both end with the test. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { untilAccepting } from '../kit/index.js';

/** How a program is started. */
interface SourceProgramStart {
  readonly command: string;
  readonly words: readonly string[];
  readonly port: number;
  readonly options?: SpawnOptions;
}

export class SourceProcess {
  private constructor(
    private readonly child: ChildProcess,
    private readonly directory: string,
  ) {}

  /** Creates a directory, starts the program that `prepare` returns for it, and waits until it accepts connections on `port`. */
  static async start(prepare: (directory: string) => Promise<SourceProgramStart>): Promise<SourceProcess> {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-source-'));
    let start: SourceProgramStart;
    try {
      start = await prepare(directory);
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
    const { command, words, port, options } = start;
    const child = spawn(command, words, { ...options, stdio: 'ignore' });
    const started = new SourceProcess(child, directory);
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
    rmSync(this.directory, { recursive: true, force: true });
  }
}
