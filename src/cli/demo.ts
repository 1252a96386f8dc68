/** `tsproxy demo`: runs the configuration conf/demo.conf with its own back ends and a web page. */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { toBytes } from '../diagnostics/byte-string.js';
import { renderFindings } from '../diagnostics/render.js';
import { modules } from '../modules/index.js';
import type { ConfigSource } from '../process/configuration.js';
import type { Instance } from '../process/instance.js';
import { ownInstance } from '../process/own-instance.js';
import { RefusedConfig } from '../process/refused-config.js';
import type { Serving } from '../process/serving.js';
import { handleSignals } from '../process/signals.js';
import { printError } from '../process/standard-streams.js';
import { type BackEnd, type Controls, startEcho, startTicker } from './demo/back-ends.js';
import { printFindings } from './print-findings.js';

/** Ports used in conf/demo.conf. */
const PORT = 8020;
const ECHO_PORTS = [8021, 8022] as const;
const TICKER_PORT = 8023;

/** Directory of the configuration, two levels above the compiled `src`. */
const DIRECTORY = fileURLToPath(new URL('../../../conf/', import.meta.url));

/** Starts everything; the exit code applies only if the start failed. */
export async function demo(order: { readonly port?: number; readonly host: string }): Promise<number> {
  const asked = order.port ?? environmentPort();
  const port = asked ?? (await freePort(order.host));
  const running: Running = { instance: null, source: null };
  const backEnds = [
    ...(await Promise.all(ECHO_PORTS.map((wanted, i) => startEcho(`echo-${i + 1}`, wanted)))),
    await startTicker(
      TICKER_PORT,
      controls(() => running),
    ),
  ];
  const source = sourceWith(order.host, port, backEnds);
  const tools = async () => (await import('../explain/configuration-tools.js')).configurationTools;
  const instance = ownInstance({ modules, source, defaultErrorLog: '', warn: printError, tools });
  running.instance = instance;
  running.source = source;
  try {
    await instance.start();
  } catch (error) {
    if (!(error instanceof RefusedConfig)) throw error;
    const { findings, message } = error;
    if (findings.length > 0) printFindings(findings);
    else printError(`tsproxy: [emerg] ${message}`);
    process.exit(1);
  }
  const end = (): never => {
    void instance.stop();
    for (const backEnd of backEnds) backEnd.close();
    process.exit(0);
  };
  // On Ctrl-C the demonstration ends without waiting for the page's connections.
  handleSignals(instance, { quit: end, stop: end });
  process.stdout.write(welcome(instance.addresses[0] ?? '', backEnds, asked === undefined && port !== PORT));
  return 0;
}

/** Text of conf/demo.conf with the actual ports. The file itself remains usable with plain `tsproxy -c`. */
function sourceWith(host: string, port: number, backEnds: readonly BackEnd[]): ConfigSource {
  const wanted = [...ECHO_PORTS, TICKER_PORT];
  let text = readFileSync(`${DIRECTORY}demo.conf`, 'latin1').replace(
    `listen 127.0.0.1:${PORT}`,
    `listen ${host.includes(':') ? `[${host}]` : host}:${port}`,
  );
  wanted.forEach((number, i) => {
    text = text.replace(`server 127.0.0.1:${number}`, `server 127.0.0.1:${backEnds[i]?.port ?? number}`);
  });
  const prefix = toBytes(DIRECTORY);
  return { name: `${prefix}demo.conf`, text, prefix };
}

/** State for the controls, available after the start. */
interface Running {
  instance: Instance<Serving> | null;
  source: ConfigSource | null;
}

function controls(running: () => Running): Controls {
  return {
    status() {
      const { instance } = running();
      const { generation, since } = instance?.state ?? { generation: 0, since: 0 };
      const { connections = 0, state } = instance?.workers ?? {};
      const memory = process.memoryUsage.rss();
      return { connections, active: state?.users ?? 0, generation, since, memory };
    },
    async reload(broken) {
      const { instance, source } = running();
      if (instance === null || source === null) return { ok: false, findings: 'not started yet' };
      const began = performance.now();
      try {
        const { generation } = await instance.reload(broken ? withMistake(source) : source);
        return { ok: true, generation, took: performance.now() - began };
      } catch (error) {
        if (!(error instanceof RefusedConfig)) throw error;
        return { ok: false, findings: renderFindings(error.findings) || error.message };
      }
    },
  };
}

/** The same configuration with a typing error. */
function withMistake(source: ConfigSource): ConfigSource {
  return { ...source, text: source.text?.replace(/proxy_pass( +http:..echo)/, 'proxy_pas$1') ?? null };
}

function environmentPort(): number | undefined {
  const { PORT: text = '' } = process.env;
  return /^\d{1,5}$/.test(text) && Number(text) < 65536 ? Number(text) : undefined;
}

/** The default port, or the next multiple that is free, or any. */
async function freePort(host: string): Promise<number> {
  for (const port of [PORT, 8030, 8040, 8050, 8060]) if (await isFree(host, port)) return port;
  return 0;
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

function welcome(address: string, backEnds: readonly BackEnd[], moved: boolean): string {
  const strong = (text: string): string =>
    process.stdout.isTTY && !process.env.NO_COLOR ? `\x1b[1m${text}\x1b[0m` : text;
  const list = backEnds.map(({ name, port }) => `${name} :${port}`).join(', ');
  return [
    '',
    `  ${strong('tsproxy')} runs conf/demo.conf`,
    '',
    `  open       ${strong(`http://${address}/`)}${moved ? `   (port ${PORT} is taken)` : ''}`,
    `  back ends  ${list}`,
    `  reload     the button on the page, or kill -HUP ${process.pid}`,
    '  end        Ctrl-C',
    '',
    '',
  ].join('\n');
}
