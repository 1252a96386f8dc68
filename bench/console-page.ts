/**
 * Time from sending a WebSocket message to its appearance on the console's page in a browser: median, 95th percentile and
 * maximum, while the page shows the frames of all WebSockets.
 *
 *   node dist/bench/console-page.js [connections] [messages per second] [seconds]
 *
 * The page reads after each frame of the browser, when it has been painted, the newest message that is visible: all older ones
 * have appeared until then. Needs chromium.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { browser, noBrowser } from '../test/kit/browser.js';
import { closedPort } from '../test/kit/index.js';
import { cpuMicroseconds } from './accounting.js';
import { ProxyProcess } from './proxy-process.js';

const [connections = 5000, rate = 5000, seconds = 10] = process.argv.slice(2).map(Number);

/** Runs in the page: for each painted frame, its time and the time of the newest visible message. */
const SAMPLER = `{
  window.samples = [];
  const channel = new MessageChannel();
  // A task after the frame: the page changes rows only in callbacks before it is painted.
  channel.port1.onmessage = () => {
    const painted = performance.timeOrigin + performance.now();
    let newest = 0;
    for (const cell of document.querySelectorAll('.list-all-frames .list-body .list-row:not([hidden]) .payload')) {
      newest = Math.max(newest, Number(/"at":(\\d+)/.exec(cell.textContent)?.[1] ?? 0));
    }
    if (newest > 0) window.samples.push([painted, newest]);
    requestAnimationFrame(look);
  };
  const look = () => channel.port2.postMessage(null);
  requestAnimationFrame(look);
}`;

/** Latencies of messages sent at each ms, from the samples. */
function latencies(samples: readonly (readonly [painted: number, newest: number])[]): number[] {
  const all: number[] = [];
  let shown = samples[0]?.[1] ?? 0;
  for (const [painted, newest] of samples) {
    for (; shown < newest; shown++) all.push(painted - shown - 1);
  }
  return all.sort((a, b) => a - b);
}

function printed(child: ChildProcess, word: string): Promise<void> {
  return new Promise((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      if (String(chunk).includes(word)) resolve();
    });
  });
}

if (noBrowser) {
  process.stdout.write(`skipped: ${noBrowser}\n`);
  process.exit();
}
const ends: (() => Promise<void>)[] = [];
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-console-page-'));
try {
  const [port, backEnd] = [await closedPort(), await closedPort()];
  const words = [
    fileURLToPath(new URL('timed-messages.js', import.meta.url)),
    port,
    backEnd,
    connections,
    rate,
    seconds,
  ];
  const load = spawn(process.execPath, words.map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
  ends.push(async () => void load.kill('SIGKILL'));
  await printed(load, 'listening');
  const proxy = await ProxyProcess.start(
    `events { worker_connections 20000; }
http {
  access_log off;
  server {
    listen 127.0.0.1:${port};
    location /console/ { console; console_payload on; }
    location /ws { proxy_pass http://127.0.0.1:${backEnd}; proxy_websocket on; proxy_read_timeout 1h; }
  }
}
`,
    directory,
  );
  ends.push(async () => void (await proxy.stop()));
  const opened = printed(load, 'ready');
  load.stdin?.write('open\n');
  await opened;
  const page = await (await browser({ after: (end) => void ends.push(end) })).newPage();
  await page.setViewport({ width: 1400, height: 900 });
  await page.goto(`http://127.0.0.1:${port}/console/#/websockets/all`);
  await page.waitForFunction(`document.querySelector('.live')?.textContent === 'live'`);
  const done = printed(load, 'done');
  load.stdin?.write('send\n');
  await page.waitForFunction(
    `document.querySelector('.list-all-frames .list-body .list-row:not([hidden]) .payload')?.textContent.includes('at')`,
  );
  await page.evaluate(SAMPLER);
  const before = cpuMicroseconds(proxy.pids);
  const start = Date.now();
  await done;
  const cpu = (cpuMicroseconds(proxy.pids) - before) / 1000 / (Date.now() - start);
  const samples = (await page.evaluate('window.samples')) as [number, number][];
  const text = String(await page.evaluate(`document.querySelector('.frame-panel .list-status').textContent`));
  const gaps = Number(await page.evaluate(`document.querySelectorAll('.list-all-frames .is-note').length`));
  const all = latencies(samples);
  const at = (fraction: number): string => `${Math.round(all[Math.floor(all.length * fraction)] ?? Number.NaN)} ms`;
  process.stdout.write(
    `${connections} WebSockets, ${rate} messages per second, ${seconds} s: until painted p50 ${at(0.5)}, p95 ${at(0.95)}, ` +
      `max ${at(0.9999)}; ${samples.length} frames; rows ${text}; visible gaps ${gaps}; CPU of the proxy ${Math.round(cpu * 100)}%\n`,
  );
} finally {
  for (const end of ends.reverse()) await end();
  rmSync(directory, { recursive: true, force: true });
}
