/** Failures of one of three servers of an upstream under load: `bench/upstream-faults.ts` at full size, a bounded version with the tests. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { certificates, get, startProxy, type TestProxy, until } from '../kit/index.js';

export type Fault = 'refused' | 'reset in head' | 'reset in body' | 'hang' | 'slow' | '502' | 'TLS failure';

export const FAULTS: readonly Fault[] = [
  'refused',
  'reset in head',
  'reset in body',
  'hang',
  'slow',
  '502',
  'TLS failure',
];

const MAX_FAILS = 2;
/** `fail_timeout`, ms. */
const FAIL_TIMEOUT = 1000;
/** Concurrent clients of an upstream. */
const CLIENTS = 2;
/** Requests that must all succeed once the server is out. */
const AFTER = 6;
const HEALTHY_HEAD = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n';

/** A server that fails on request. Requests are identified by their query. */
class FaultyServer {
  fault: Fault | null = null;
  /** Numbers of requests received, by identifier; without health checks. */
  readonly received = new Map<string, number>();
  private readonly sockets = new Set<Socket>();
  private server: Server;

  private constructor(
    readonly port: number,
    server: Server,
    private readonly secured: Server | null,
  ) {
    this.server = server;
  }

  static async start(secure: boolean): Promise<FaultyServer> {
    const authority = certificates();
    const tls = secure ? createTlsServer({ cert: authority.read('ec.crt'), key: authority.read('ec.key') }) : null;
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const address = listener.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const server = new FaultyServer(port, listener, tls);
    tls?.on('secureConnection', (socket) => server.serve(socket));
    tls?.on('tlsClientError', () => {});
    server.accept(listener);
    return server;
  }

  private accept(listener: Server): void {
    listener.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
      if (this.secured === null) this.serve(socket);
      else if (this.fault === 'TLS failure') socket.end('this is no TLS record\r\n');
      else this.secured.emit('connection', socket);
    });
  }

  /** Begins to fail. */
  async break(fault: Fault): Promise<void> {
    this.fault = fault;
    if (fault === 'refused') await this.close();
  }

  async repair(): Promise<void> {
    const { fault } = this;
    this.fault = null;
    if (fault !== 'refused') return;
    this.server = createServer();
    this.accept(this.server);
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
  }

  /** Number of requests received. */
  get count(): number {
    let count = 0;
    for (const each of this.received.values()) count += each;
    return count;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(socket: Socket): void {
    let head = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      head += bytes.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      const [, query] = /^\S+ \S*\?(\S+)/.exec(head) ?? [];
      if (query !== undefined) this.received.set(query, (this.received.get(query) ?? 0) + 1);
      this.respond(socket);
    });
  }

  private respond(socket: Socket): void {
    const reset = () => void setTimeout(() => socket.resetAndDestroy(), 20);
    switch (this.fault) {
      case 'reset in head':
        socket.write('HTTP/1.1 200 O', reset);
        break;
      case 'reset in body':
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart', reset);
        break;
      case 'hang':
        break;
      case 'slow': {
        const left = [...`HTTP/1.1 200 OK\r\nX-Padding: ${'x'.repeat(1000)}`];
        const timer = setInterval(() => socket.write(left.shift() ?? 'x'), 100);
        socket.on('close', () => clearInterval(timer));
        break;
      }
      case '502':
        socket.end('HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
        break;
      default:
        socket.end(`${HEALTHY_HEAD}ok`);
    }
  }
}

/** A request of a client with its result: the status, or 0 if the response is incomplete. */
interface Sent {
  readonly id: string;
  readonly method: 'GET' | 'POST';
  readonly status: number;
}

/** One upstream with a server that fails and two that do not. */
class Scene {
  readonly sent: Sent[] = [];
  private count = 0;

  constructor(
    readonly number: number,
    readonly faulty: FaultyServer,
    private readonly port: () => number,
  ) {}

  async request(method: 'GET' | 'POST' = this.count % 2 === 0 ? 'GET' : 'POST'): Promise<number> {
    const id = `${this.number}-${this.count++}`;
    let status = 0;
    try {
      const options = method === 'POST' ? { method, body: '' } : {};
      ({ status } = await get(this.port(), `/${this.number}/?${id}`, options));
    } catch {
      // The response was cut short.
    }
    this.sent.push({ id, method, status });
    return status;
  }

  /** Sends requests, several at a time, until the condition holds. */
  async loadUntil(condition: () => boolean): Promise<void> {
    const client = async () => {
      while (!condition()) await this.request();
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
  }
}

export interface FaultRun {
  readonly fault: Fault;
  /** Whether the server is found by health checks, instead of failed requests. */
  readonly active: boolean;
  readonly times: number;
}

/** Makes a server of so many upstreams fail, all at the same time. Returns what went wrong. */
export async function failServers({ fault, active, times }: FaultRun): Promise<string[]> {
  const isSecure = fault === 'TLS failure';
  const healthy = await Promise.all([FaultyServer.start(isSecure), FaultyServer.start(isSecure)]);
  const faulty = await Promise.all(Array.from({ length: times }, () => FaultyServer.start(isSecure)));
  let proxy: TestProxy | null = null;
  try {
    proxy = await startProxy(configuration({ fault, active, times }, faulty, healthy));
    const { port } = proxy;
    const scenes = faulty.map((server, i) => new Scene(i, server, () => port));
    const lines = new LogLines(proxy);
    const problems = await Promise.all(
      scenes.map((scene) => (active ? activeRound(scene, fault, lines) : passiveRound(scene, fault, lines))),
    );
    return [...problems.flat(), ...scenes.flatMap((scene) => resultsOf(scene, fault, active, healthy))];
  } finally {
    await proxy?.close();
    await Promise.all([...healthy, ...faulty].map((server) => server.close().catch(() => {})));
  }
}

function configuration({ fault, active }: FaultRun, faulty: readonly FaultyServer[], healthy: readonly FaultyServer[]) {
  const scheme = fault === 'TLS failure' ? 'https' : 'http';
  const passive = active ? 'max_fails=0' : `max_fails=${MAX_FAILS} fail_timeout=${FAIL_TIMEOUT / 1000}s`;
  const others = healthy.map(({ port }) => `server 127.0.0.1:${port} max_fails=0;`).join(' ');
  const check = active ? 'health_check uri=/health interval=100ms; health_check_timeout 1s;' : '';
  return `
    access_log off; proxy_read_timeout 1s; proxy_next_upstream error timeout http_502;
    ${faulty.map(({ port }, i) => `upstream u${i} { zone u${i} 64k; server 127.0.0.1:${port} ${passive}; ${others} }`).join('\n')}
    server {
      listen 127.0.0.1:0;
      ${faulty.map((_, i) => `location /${i}/ { proxy_pass ${scheme}://u${i}; ${check} }`).join('\n')}
    }`;
}

/** Lines of the error log, found again without reading those before them. */
class LogLines {
  constructor(private readonly proxy: TestProxy) {}

  /** Number of lines that have a text and name the port. */
  count(text: string, port: number): number {
    const address = `127.0.0.1:${port}`;
    return this.proxy.entries.filter(({ message }) => message.includes(text) && message.includes(address)).length;
  }
}

async function passiveRound(scene: Scene, fault: Fault, lines: LogLines): Promise<string[]> {
  const { faulty, number } = scene;
  const problems: string[] = [];
  await scene.loadUntil(() => faulty.count >= 2);
  const before = faulty.count;
  await faulty.break(fault);
  if (fault === 'reset in body') {
    // As in nginx, a server whose response has begun has not failed.
    await scene.loadUntil(() => faulty.count >= before + 3);
    await faulty.repair();
    return problems;
  }
  const isOut = () => lines.count('upstream server temporarily disabled', faulty.port) > 0;
  await scene.loadUntil(isOut);
  const out = performance.now();
  const tried = faulty.count - before;
  if (tried > MAX_FAILS + CLIENTS - 1) problems.push(`${number}: ${tried} requests before it was out`);
  await faulty.repair();
  const repaired = faulty.count;
  await scene.loadUntil(() => faulty.count > repaired);
  const wait = performance.now() - out;
  // The period begins with the failure, which precedes the end of the last request.
  if (wait < FAIL_TIMEOUT * 0.3) problems.push(`${number}: back after ${Math.round(wait)} ms`);
  return problems;
}

async function activeRound(scene: Scene, fault: Fault, lines: LogLines): Promise<string[]> {
  const { faulty, number } = scene;
  const problems: string[] = [];
  await scene.loadUntil(() => faulty.count >= 2);
  await faulty.break(fault);
  const isOut = () => lines.count('peer is unhealthy', faulty.port) > 0;
  await scene.loadUntil(isOut);
  const out = faulty.count;
  const statuses = await Promise.all(Array.from({ length: AFTER }, () => scene.request()));
  const failed = statuses.filter((status) => status !== 200);
  if (failed.length > 0) problems.push(`${number}: ${failed} after the server was unhealthy`);
  if (faulty.count > out) problems.push(`${number}: ${faulty.count - out} requests after it was unhealthy`);
  await faulty.repair();
  await until('the server is healthy', () => lines.count('peer is healthy', faulty.port) > 0);
  await scene.loadUntil(() => faulty.count > out);
  return problems;
}

/** Requests that were not answered, or sent too often. */
function resultsOf(scene: Scene, fault: Fault, active: boolean, healthy: readonly FaultyServer[]): string[] {
  const servers = [scene.faulty, ...healthy];
  const problems: string[] = [];
  for (const { id, method, status } of scene.sent) {
    const received = servers.map((server) => server.received.get(id) ?? 0);
    const total = received.reduce((sum, each) => sum + each, 0);
    if (received.some((each) => each > 1)) problems.push(`${method} ${id} was sent to a server ${received} times`);
    if (method === 'POST' && total > 1) problems.push(`POST ${id} was sent to ${total} servers`);
    if (fault === 'reset in body' && total > 1) problems.push(`${method} ${id} was sent again, its response had begun`);
    if (method === 'GET' && status !== 200 && fault !== 'reset in body') problems.push(`GET ${id}: ${status}`);
    // Nothing of the request was sent: any method may be repeated.
    const isUnsent = fault === 'refused' || fault === 'TLS failure';
    if (method === 'POST' && status !== 200 && isUnsent && !active) problems.push(`POST ${id}: ${status}`);
  }
  return problems;
}
