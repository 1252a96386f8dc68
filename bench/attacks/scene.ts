/** A proxy with everything that an attack needs, each in a separate process: back ends, a well-behaved client, attackers. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { closedPort } from '../../test/kit/index.js';
import { residentBytes } from '../accounting.js';
import { type ProxyName, ProxyProcess } from '../proxy-process.js';
import type { AttackSummary } from './attack.js';
import { configuration } from './configuration.js';
import type { Sample } from './well-behaved.js';

export interface SceneOptions {
  readonly peer: ProxyName;
  /** Created. */
  readonly directory: string;
  /** Requests per second of the well-behaved client. */
  readonly rate: number;
  /** Directives of the main context. */
  readonly main?: string;
  /** The client opens no further connections after the first ones. */
  readonly keptOnly?: boolean;
}

/** ms between two memory samples during an attack. */
const SAMPLING = 100;

function script(name: string, ...words: readonly (string | number)[]): ChildProcess {
  const path = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  return fork(path, words.map(String), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

async function message<T>(child: ChildProcess): Promise<T> {
  const [first] = (await once(child, 'message')) as [T];
  return first;
}

export class Scene {
  private constructor(
    readonly proxy: ProxyProcess,
    private readonly port: number,
    private readonly client: ChildProcess,
    private readonly children: ChildProcess[],
  ) {}

  static async start({ peer, directory, rate, main = '', keptOnly = false }: SceneOptions): Promise<Scene> {
    const ports = { listen: await closedPort(), backEnd: await closedPort(), attacked: await closedPort() };
    const children = [script('back-end', ports.backEnd), script('back-end', ports.attacked)];
    await Promise.all(children.map((child) => message(child)));
    mkdirSync(directory, { mode: 0o777 });
    const proxy = await ProxyProcess.start(configuration(ports, directory, main), directory, peer);
    const client = script('well-behaved', ports.listen, rate, keptOnly ? 'kept' : 'any');
    return new Scene(proxy, ports.listen, client, [...children, client]);
  }

  /** Requests of the well-behaved client since the last call. */
  async sample(): Promise<Sample> {
    const sample = message<Sample>(this.client);
    this.client.send('sample');
    return sample;
  }

  /** Resident bytes of the worker. */
  get resident(): number {
    return residentBytes(this.proxy.pids.slice(1));
  }

  /** Mean of `resident` over so many ms: it rises and falls by some MiB with the young generation of a heap. */
  async meanResident(ms: number): Promise<number> {
    let sum = 0;
    let samples = 0;
    for (const end = performance.now() + ms; performance.now() < end; await pause(SAMPLING)) {
      sum += this.resident;
      samples++;
    }
    return sum / samples;
  }

  /** Runs an attack; its connections are closed at the end. */
  async attack(name: string, seconds: number): Promise<{ readonly peak: number; readonly summary: AttackSummary }> {
    let peak = this.resident;
    const sampling = setInterval(() => (peak = Math.max(peak, this.resident)), SAMPLING);
    const attacker = script('attacker', this.port, name, seconds);
    this.children.push(attacker);
    const summary = await message<AttackSummary>(attacker);
    clearInterval(sampling);
    attacker.kill('SIGKILL');
    return { peak, summary };
  }

  async stop(): Promise<void> {
    for (const child of this.children) child.kill('SIGKILL');
    await this.proxy.stop();
  }
}
