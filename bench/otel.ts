/**
 * Cost of traces: CPU time of the worker per proxied request, for one configuration without and with directives `otel_*`.
 *
 *   node dist/bench/otel.js [rounds] [requests] [variants: parts of their names, separated by commas]
 *
 * The variants alternate; the medians of their ratios to the first one are printed. A round has a number of requests, not a
 * time, so that it means the same on a busy machine.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closedPort } from '../test/kit/index.js';
import { cpuMicroseconds } from './accounting.js';

const BINARY = fileURLToPath(new URL('../../bin/tsproxy', import.meta.url));
const [rounds = '9', requests = '8000', only = ''] = process.argv.slice(2);
/** Concurrent connections. */
const CONNECTIONS = 16;
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);

interface Variant {
  readonly name: string;
  readonly directives: (otlp: number) => string;
}

const exporter = (otlp: number): string => `otel_exporter { endpoint 127.0.0.1:${otlp}; batch_count 16; }`;

const ALL: readonly Variant[] = [
  { name: 'no directives', directives: () => '' },
  { name: 'no directives, again', directives: () => '' },
  { name: 'otel_trace off', directives: (otlp) => `${exporter(otlp)} otel_trace off;` },
  { name: 'otel_trace_context propagate', directives: () => 'otel_trace_context propagate;' },
  {
    name: 'one of ten traces',
    directives: (otlp) =>
      `${exporter(otlp)} split_clients $otel_trace_id $ten { 10% on; * off; } otel_trace $ten; otel_trace_context propagate;`,
  },
  {
    name: 'otel_trace on, without tries',
    directives: (otlp) => `${exporter(otlp)} otel_trace on; otel_upstream_spans off;`,
  },
  { name: 'otel_trace on', directives: (otlp) => `${exporter(otlp)} otel_trace on;` },
];

const VARIANTS = ALL.filter(({ name }, i) => i === 0 || only.split(',').some((part) => name.includes(part)));

class MeasuredProxy {
  private constructor(
    private readonly child: ChildProcess,
    private readonly directory: string,
    private readonly worker: number,
    private readonly port: number,
  ) {}

  static async start({ directives }: Variant, backend: number, otlp: number): Promise<MeasuredProxy> {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-otel-'));
    mkdirSync(join(directory, 'logs'));
    const port = await closedPort();
    writeFileSync(
      join(directory, 'nginx.conf'),
      `worker_processes 1; pid nginx.pid; error_log error.log notice; events { worker_connections 1024; }
      http { access_log off; ${directives(otlp)}
        upstream app { server 127.0.0.1:${backend}; keepalive 64; }
        server { listen 127.0.0.1:${port}; location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://app; } } }`,
    );
    const child = spawn(process.execPath, [BINARY, '-p', `${directory}/`, '-c', 'nginx.conf', '-e', 'error.log'], {
      stdio: 'ignore',
    });
    for (;;) {
      const [, worker] = /\[notice\] (\d+)#0: generation 1 started/.exec(logOf(directory)) ?? [];
      if (worker !== undefined) return new MeasuredProxy(child, directory, Number(worker), port);
      if (child.exitCode !== null) throw new Error(logOf(directory));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** CPU microseconds of the worker per request. */
  async request(): Promise<number> {
    const before = cpuMicroseconds([this.worker]);
    const share = Math.ceil(Number(requests) / CONNECTIONS);
    await Promise.all(Array.from({ length: CONNECTIONS }, () => sendRequests(this.port, share)));
    return (cpuMicroseconds([this.worker]) - before) / (share * CONNECTIONS);
  }

  async stop(): Promise<string> {
    const exited = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGQUIT');
    await exited;
    const log = logOf(this.directory);
    rmSync(this.directory, { recursive: true, force: true });
    return log.match(/OTel dropped records: \d+/g)?.at(-1) ?? 'no span was dropped';
  }
}

/** Sends requests on one connection, one after the other; all responses have the length of the first. */
function sendRequests(port: number, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let left = count;
    let length = 0;
    let received = 0;
    const send = (): void => void socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n\r\n');
    socket.on('data', (bytes) => {
      received += bytes.length;
      if (length === 0) {
        const text = bytes.toString('latin1');
        const end = text.indexOf('\r\n\r\n') + 4;
        length = end + Number(/content-length: (\d+)/i.exec(text)?.[1]);
      }
      if (received < length) return;
      received = 0;
      left--;
      if (left > 0) send();
      else {
        socket.destroy();
        resolve();
      }
    });
    socket.on('error', reject);
    send();
  });
}

function logOf(directory: string): string {
  try {
    return readFileSync(join(directory, 'error.log'), 'utf8');
  } catch {
    return '';
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const backendPort = await closedPort();
const script = fileURLToPath(new URL('./back-end.js', import.meta.url));
const backend = spawn(process.execPath, [script, String(backendPort)], { stdio: 'ignore' });
await new Promise((resolve) => setTimeout(resolve, 500));
let bytes = 0;
// Accepts everything, and decodes nothing.
const collector = createServer();
collector.on('stream', (stream) => {
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  stream.on('end', () => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.alloc(5));
  });
});
await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
const { port: otlp } = collector.address() as AddressInfo; // of a TCP server
const proxies = await Promise.all(VARIANTS.map((variant) => MeasuredProxy.start(variant, backendPort, otlp)));
const costs: number[][] = proxies.map(() => []);
// The first round warms up.
for (let round = 0; round <= Number(rounds); round++) {
  const order = [...proxies.entries()];
  // In alternating order, so that a drift of the machine cancels out.
  if (round % 2 === 1) order.reverse();
  for (const [i, proxy] of order) {
    const cost = await proxy.request();
    if (round > 0) costs[i]?.push(cost);
  }
}
const [reference = []] = costs;
printLine(`proxied request: ${median(reference).toFixed(2)} µs of CPU time`);
for (const [i, proxy] of proxies.entries()) {
  const ratios = costs[i]?.map((cost, n) => cost / (reference[n] ?? Number.NaN)) ?? [];
  const dropped = await proxy.stop();
  printLine(
    `${VARIANTS[i]?.name}: ${median(ratios).toFixed(3)} of it (${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}); ${dropped}`,
  );
}
printLine(`${bytes} bytes were exported`);
collector.close();
backend.kill();
