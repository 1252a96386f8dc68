/**
 * Faults of processes under load: workers that are killed, stopped or in an endless loop, forks that fail, a master that is
 * stopped, and reloads that change the number of workers, in random order. At the end all is well again.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, type Running, serve } from '../cli/running.js';
import { get, until } from '../kit/index.js';
import { Random } from './random.js';

export interface FaultsOutcome {
  /** How often each fault was injected. */
  readonly faults: Readonly<Record<string, number>>;
  readonly answered: number;
  /** Requests of connections that a worker had when it was killed. */
  readonly cut: number;
  /** ms of the longest time in which no request was answered. */
  readonly longestGap: number;
  /** ms from the last fault until all workers served. */
  readonly recovery: number;
}

interface Cleanup {
  after(fn: () => void): void;
}

const FORK_ERRORS = ['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOENT', 'EACCES'] as const;
const CLIENTS = 8;

function configuration(port: number, workers: number): string {
  return `
    pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; worker_processes ${workers};
    worker_heartbeat_timeout 2s;
    events { }
    http {
      access_log off; limit_req_zone $uri zone=r:1m rate=100000r/s;
      server { listen 127.0.0.1:${port}; location / { limit_req zone=r; return 200 $config_generation; } }
    }`;
}

function childrenOf({ child: { pid } }: Running): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
}

/** A process that is there; the signal may come too late. */
function signal(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid !== undefined && existsSync(`/proc/${pid}`)) process.kill(pid, name);
}

const preload = (name: string): string => `--import=${new URL(`../process/${name}`, import.meta.url).href}`;

/** Injects faults for so many seconds. Rejects where the service does not come back, or a signal is not obeyed. */
export async function injectFaults(t: Cleanup, seconds: number, seed: number): Promise<FaultsOutcome> {
  const random = new Random(seed);
  const port = await freePort();
  const fault = join(tmpdir(), `tsproxy-fork-fault-${process.pid}-${port}`);
  const proxy = await serve(t, configuration(port, 3), {
    env: { NODE_OPTIONS: `${preload('faulty-fork.js')} ${preload('freezing.js')}`, FORK_FAULT: fault },
  });
  const seen = new Set<number>();
  t.after(() => {
    // A worker that is frozen does not see that its master is gone.
    for (const pid of seen) if (isWorker(pid)) signal(pid, 'SIGKILL');
  });

  let [answered, cut, longestGap] = [0, 0, 0];
  let last = performance.now();
  let isLoaded = true;
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (isLoaded) {
      try {
        await get(port);
        longestGap = Math.max(longestGap, performance.now() - last);
        last = performance.now();
        answered++;
      } catch {
        cut++;
        await pause(20);
      }
    }
  });

  const victim = (): number | undefined => {
    const workers = childrenOf(proxy);
    for (const pid of workers) seen.add(pid);
    return workers.length === 0 ? undefined : random.of(workers);
  };
  let workers = 3;
  const inject: Readonly<Record<string, () => unknown>> = {
    'worker killed': () => signal(victim(), 'SIGKILL'),
    'worker stopped': () => signal(victim(), 'SIGSTOP'),
    'worker in an endless loop': () => signal(victim(), 'SIGUSR2'),
    'worker stopped for a while': async () => {
      const pid = victim();
      signal(pid, 'SIGSTOP');
      await pause(500);
      signal(pid, 'SIGCONT');
    },
    'master stopped for a while': async () => {
      proxy.signal('SIGSTOP');
      await pause(random.below(1500));
      proxy.signal('SIGCONT');
    },
    'forks failed': async () => {
      writeFileSync(fault, random.of(FORK_ERRORS));
      signal(victim(), 'SIGKILL');
      await pause(random.below(1000));
      rmSync(fault);
    },
    reload: () => {
      workers = 1 + random.below(4);
      proxy.prefix.write('nginx.conf', configuration(port, workers));
      proxy.signal('SIGHUP');
    },
  };
  const faults: Record<string, number> = {};
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    const name = random.of(Object.keys(inject));
    faults[name] = (faults[name] ?? 0) + 1;
    await inject[name]?.();
    await pause(random.below(600));
  }
  const ended = performance.now();
  try {
    await recovered(proxy, 3, configuration(port, 3));
  } finally {
    isLoaded = false;
  }
  const recovery = performance.now() - ended;
  await Promise.all(clients);
  proxy.signal('SIGQUIT');
  const code = await proxy.exited;
  if (code !== 0) throw new Error(`QUIT ended with ${code}`);
  for (const pid of seen) if (isWorker(pid)) throw new Error(`worker process ${pid} was left behind`);
  return { faults, answered, cut, longestGap, recovery };
}

/** A last reload is obeyed, and all workers serve it. */
async function recovered(proxy: Running, workers: number, text: string): Promise<void> {
  const from = proxy.prefix.log.length;
  proxy.prefix.write('nginx.conf', text);
  const isReloaded = (): boolean => {
    const { log } = proxy.prefix;
    const current = [...log.slice(from).matchAll(/generation (\d+) started/g)].at(-1)?.[1];
    if (current === undefined) return false;
    const started = [...log.matchAll(new RegExp(` (\\d+)#0: generation ${current} started`, 'g'))].map(([, pid]) =>
      Number(pid),
    );
    const children = childrenOf(proxy);
    return children.length === workers && children.every((pid) => started.includes(pid));
  };
  proxy.signal('SIGHUP');
  const what = 'all workers serve the last configuration';
  // A worker that was frozen while it started has half a minute.
  await until(what, isReloaded)
    .catch(() => until(what, isReloaded))
    .catch((error: Error) => {
      throw new Error(`${error.message}; processes ${childrenOf(proxy)}:\n${proxy.prefix.log.slice(-8000)}`);
    });
}

function isWorker(pid: number): boolean {
  try {
    return /worker|frozen/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
  } catch {
    return false;
  }
}
