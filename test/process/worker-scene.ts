/** A master with worker processes, in front of a WebSocket echo. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configurationTools } from '../../src/explain/configuration-tools.js';
import { modules } from '../../src/modules/index.js';
import { Instance } from '../../src/process/instance.js';
import { WorkerProcesses } from '../../src/process/worker-processes.js';
import { freePort } from '../cli/running.js';
import { websocketEcho } from '../kit/index.js';

export interface WorkerScene {
  /** Not started. */
  readonly instance: Instance<WorkerProcesses>;
  readonly port: number;
  /** The configuration with another number of workers. */
  readonly source: (workers: number) => { readonly name: string; readonly text: string; readonly prefix: string };
  close(): Promise<void>;
}

/** `locations`: of the only server, which passes `/ws` to the echo; `%%ECHO%%` is the port of the echo. */
export async function workerScene(workers: number, locations: string): Promise<WorkerScene> {
  const echo = await websocketEcho();
  const port = await freePort();
  const prefix = `${mkdtempSync(join(tmpdir(), 'tsproxy-workers-'))}/`;
  const source: WorkerScene['source'] = (count) => ({
    name: 'nginx.conf',
    prefix,
    text: `worker_processes ${count}; error_log ${prefix}error.log; events {} http { access_log off;
      server { listen 127.0.0.1:${port}; ${locations.replaceAll('%%ECHO%%', String(echo.port))}
        location /ws { proxy_websocket on; proxy_pass http://127.0.0.1:${echo.port}; } } }`,
  });
  const instance = new Instance<WorkerProcesses>({
    modules,
    source: source(workers),
    defaultErrorLog: () => {},
    warn: assert.fail,
    workers: (_settings, errorLog, answer) =>
      new WorkerProcesses({ errorLog, defaultErrorLog: '', forked: null, answer }),
    tools: async () => configurationTools,
  });
  const close = async (): Promise<void> => {
    await instance.stop();
    await echo.close();
    rmSync(prefix, { recursive: true });
  };
  return { instance, port, source, close };
}
