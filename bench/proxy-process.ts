/** A proxy with an nginx configuration, as a process in a temporary directory: for stress tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../test/kit/index.js';
import { memoryBytes, tree } from './accounting.js';
import { program, ROOT } from './peers.js';

export type ProxyName = 'tsproxy' | 'nginx';

/** ms to wait for a reload. */
const RELOAD_TIMEOUT = 20_000;

export class ProxyProcess {
  /** Failures found. */
  readonly failures: string[] = [];
  private stopping = false;
  private most = 0;

  private constructor(
    private readonly child: ChildProcess,
    readonly directory: string,
  ) {}

  /** Starts a proxy with that text, which names neither pid file nor error log. `nginx`: path of nginx. */
  static async start(
    text: string,
    directory: string,
    name: ProxyName = 'tsproxy',
    nginx = program('nginx') ?? 'nginx',
  ): Promise<ProxyProcess> {
    mkdirSync(join(directory, 'logs'), { recursive: true });
    writeFileSync(join(directory, 'nginx.conf'), text);
    const binary = name === 'tsproxy' ? join(ROOT, 'bin', 'tsproxy') : nginx;
    const globals = `pid nginx.pid; daemon off;${/error_log/.test(text) ? '' : ' error_log error.log notice;'}`;
    const words = ['-p', `${directory}/`, '-c', 'nginx.conf', '-e', 'error.log', '-g', globals];
    const child = spawn(binary, words, { stdio: 'ignore' });
    const proxy = new ProxyProcess(child, directory);
    child.on('exit', (code) => {
      if (!proxy.stopping) proxy.failures.push(`the proxy ended with ${code}:\n${proxy.log}`);
    });
    await until('the pid file is there', () => readdirSync(directory).includes('nginx.pid') || child.exitCode !== null);
    if (child.exitCode !== null) throw new Error(proxy.log);
    return proxy;
  }

  get log(): string {
    return readFileSync(join(this.directory, 'error.log'), 'utf8');
  }

  /** Master and workers. */
  get pids(): number[] {
    return tree(this.child.pid ?? 0);
  }

  /** Open descriptors of all its processes. */
  get descriptors(): number {
    let count = 0;
    for (const pid of this.pids) {
      try {
        count += readdirSync(`/proc/${pid}/fd`).length;
      } catch {
        // The process has just ended.
      }
    }
    return count;
  }

  /** MiB of all its processes, now and at most; shared pages count once. */
  get memory(): { readonly now: number; readonly most: number } {
    const now = Math.round(memoryBytes(this.pids) / 2 ** 20);
    this.most = Math.max(this.most, now);
    return { now, most: this.most };
  }

  /** Calls back when the process has been terminated by a signal. */
  onExit(listener: () => void): void {
    this.stopping = true;
    this.child.once('exit', listener);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Applies a text; resolves when `done` confirms that it is in force. */
  async reloadTo(text: string, done: () => Promise<boolean>): Promise<void> {
    writeFileSync(join(this.directory, 'nginx.conf'), text);
    this.signal('SIGHUP');
    const deadline = Date.now() + RELOAD_TIMEOUT;
    while (!(await done())) {
      if (Date.now() > deadline)
        throw new Error(`the configuration did not come into force:\n${this.log.slice(-2000)}`);
    }
  }

  async stop(): Promise<void> {
    this.stopping = true;
    if (this.child.exitCode === null) {
      const ended = new Promise((resolve) => this.child.once('exit', resolve));
      this.signal('SIGTERM');
      await ended;
    }
    const bad = this.log.match(/.*\[(alert|crit)\].*/g);
    if (bad !== null) this.failures.push(`in the log: ${bad[0]}`);
  }
}
