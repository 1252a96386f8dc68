/** A `redis-server` of the system for one test, on a free port of 127.0.0.1 and on a unix domain socket. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { closedPort } from './closed-port.js';

/** Reason to skip a test that needs `redis-server`; false if it is installed. */
export const withoutRedis: string | false = (process.env.PATH ?? '')
  .split(delimiter)
  .some((directory) => existsSync(join(directory, 'redis-server')))
  ? false
  : 'redis-server is not installed';

export class RedisServer {
  private process: ChildProcess | null = null;

  private constructor(
    readonly directory: string,
    readonly port: number,
    private readonly options: readonly string[],
  ) {}

  /** Starts a server; `options` are words of its command line: `--requirepass x`. */
  static async start(options: readonly string[] = []): Promise<RedisServer> {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-redis-'));
    const server = new RedisServer(directory, await closedPort(), options);
    await server.restart();
    return server;
  }

  /** Address for `zone_store`. */
  get address(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.process?.pid ?? 0;
  }

  get socket(): string {
    return join(this.directory, 's');
  }

  /** Starts it again, without its contents. */
  async restart(): Promise<void> {
    const words = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--unixsocket',
      this.socket,
      '--dir',
      this.directory,
    ];
    const child = spawn('redis-server', [...words, '--save', '', '--appendonly', 'no', ...this.options], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.process = child;
    await new Promise<void>((resolve, reject) => {
      let output = '';
      child.stdout?.on('data', (chunk) => {
        output += String(chunk);
        if (output.includes('Ready to accept connections')) resolve();
      });
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`redis-server: ${output}`)));
    });
  }

  /** A client; to be closed with `disconnect`. */
  client(): Redis {
    return new Redis({ path: this.socket, protocol: 2 });
  }

  /** Runs one command, as the default user. */
  async command(...words: readonly string[]): Promise<unknown> {
    const client = this.client();
    try {
      return await client.call(...(words as [string, ...string[]]));
    } finally {
      client.disconnect();
    }
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.process?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.process;
    this.process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
