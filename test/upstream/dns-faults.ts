/** Faults of name servers while requests are proxied: forged responses, silence, changed addresses. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { closedPort, get, startProxy, type TestProxy, until } from '../kit/index.js';
import { DnsServer } from './dns-server.js';

/** Two servers on the same port of two addresses, each responding with its address. */
class Pair {
  /** Requests received, by address. */
  readonly requests = new Map<string, number>();

  private constructor(
    private readonly servers: readonly Server[],
    readonly port: number,
  ) {}

  static async start(): Promise<Pair> {
    const port = await closedPort();
    const servers: Server[] = [];
    const pair = new Pair(servers, port);
    for (const address of ['127.0.0.1', '127.0.0.2']) {
      const server = createServer({ noDelay: true }, (socket) => {
        socket.on('error', () => {});
        socket.once('data', () => {
          pair.requests.set(address, (pair.requests.get(address) ?? 0) + 1);
          socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${address.length}\r\nConnection: close\r\n\r\n${address}`);
        });
      });
      server.listen(port, address);
      await once(server, 'listening');
      servers.push(server);
    }
    return pair;
  }

  close(): void {
    for (const server of this.servers) server.close();
  }
}

/**
 * Each of `rounds` names is requested by `clients` at once, while responses with another id, question, type or server that
 * lead to 127.0.0.2 arrive before the right one. Every client reaches 127.0.0.1.
 */
export async function forgedResponses(rounds: number, clients: number): Promise<void> {
  const pair = await Pair.start();
  const dns = await DnsServer.start();
  const forger = await DnsServer.start();
  dns.events.on('question', (response, from) => {
    const forged = Buffer.from(response);
    forged[forged.length - 1] = 2;
    void forger.send(forged, from);
  });
  dns.before = (response, send) => {
    const forge = (change: (message: Buffer) => unknown): void => {
      const forged = Buffer.from(response);
      forged[forged.length - 1] = 2;
      change(forged);
      send(forged);
    };
    const id = response.readUInt16BE(0);
    for (const difference of [1, 0x8000, 0xffff]) forge((message) => message.writeUInt16BE(id ^ difference, 0));
    forge((message) => message.write('x', 13));
    // The type of the question: AAAA.
    forge((message) => message.writeUInt16BE(28, message.indexOf(Buffer.from([0, 0, 1, 0, 1])) + 1));
  };
  const proxy = await startProxy(
    `resolver 127.0.0.1:${dns.port} ipv6=off; server { listen 127.0.0.1:0;
      location / { proxy_pass http://$arg_name:${pair.port}; } }`,
  );
  try {
    for (let round = 0; round < rounds; round++) {
      const name = `n${round}.test`;
      dns.names.set(name, { a: ['127.0.0.1'] });
      const answers = await Promise.all(Array.from({ length: clients }, () => get(proxy.port, `/?name=${name}`)));
      assert.deepEqual([...new Set(answers.map(({ body }) => body))], ['127.0.0.1']);
    }
    assert.equal(pair.requests.get('127.0.0.2'), undefined);
    assert.equal(pair.requests.get('127.0.0.1'), rounds * clients);
    await until('forged responses are logged', () => {
      const lines = proxy.messages('error').join('\n');
      return /^wrong ident/m.test(lines) && /^unexpected DNS response for x\d+\.test$/m.test(lines);
    });
  } finally {
    await proxy.close();
    await Promise.all([dns.close(), forger.close()]);
    pair.close();
  }
}

/** Sends requests to all paths until it is stopped; all must be answered. */
class Load {
  answered = 0;
  private stopped = false;
  private readonly clients: Promise<void>[];

  constructor(proxy: TestProxy, paths: readonly string[], clients = 4) {
    const run = async (first: number): Promise<void> => {
      for (let i = first; !this.stopped; i++) {
        const { status } = await get(proxy.port, paths[i % paths.length]);
        assert.equal(status, 200);
        this.answered++;
      }
    };
    this.clients = Array.from({ length: clients }, (_, i) => run(i));
  }

  /** Rejects if a request was not answered. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.clients);
  }
}

/**
 * `upstreams` groups, each with a server that is resolved again every second, are requested all the time. In each of `cycles`
 * all names move to the other address, and then the name server is silent until their answers have expired. Every request is
 * answered, at the old address or the new one, and all groups arrive at the new one.
 */
export async function silentAndChanged(upstreams: number, cycles: number): Promise<void> {
  const pair = await Pair.start();
  const dns = await DnsServer.start();
  const numbers = Array.from({ length: upstreams }, (_, i) => i);
  const moveTo = (address: string): void => {
    for (const i of numbers) dns.names.set(`app${i}.test`, { a: [address], ttl: 1 });
  };
  moveTo('127.0.0.1');
  const groups = numbers.map((i) => `upstream u${i} { zone u${i} 64k; server app${i}.test:${pair.port} resolve; }`);
  const locations = numbers.map((i) => `location /${i} { proxy_pass http://u${i}; }`);
  const proxy = await startProxy(
    `resolver 127.0.0.1:${dns.port} valid=1s ipv6=off; resolver_timeout 1s;
    ${groups.join('\n')} server { listen 127.0.0.1:0; ${locations.join('\n')} }`,
  );
  const paths = numbers.map((i) => `/${i}`);
  const load = new Load(proxy, paths);
  try {
    for (let cycle = 0; cycle < cycles; cycle++) {
      const address = cycle % 2 === 0 ? '127.0.0.2' : '127.0.0.1';
      moveTo(address);
      for (const path of paths) {
        let body = '';
        for (let tries = 0; body !== address; tries++) {
          assert.ok(tries < 1000, `${path} is still at ${body}`);
          ({ body } = await get(proxy.port, path));
          if (body !== address) await pause(20);
        }
      }
      dns.silent = true;
      const before = dns.asked.length;
      await until('all names were asked for in vain', () => dns.asked.length >= before + upstreams);
      for (const path of paths) assert.equal((await get(proxy.port, path)).body, address);
      dns.silent = false;
    }
    await load.stop();
    assert.ok(load.answered > 0);
  } finally {
    await load.stop().catch(() => {});
    await proxy.close();
    await dns.close();
    pair.close();
  }
}

/**
 * The name server of `upstreams` groups, each with a server that is resolved again every second, ends while they are requested.
 * Every request is answered, at the known addresses.
 */
export async function nameServerGone(upstreams: number): Promise<void> {
  const pair = await Pair.start();
  const dns = await DnsServer.start();
  const numbers = Array.from({ length: upstreams }, (_, i) => i);
  for (const i of numbers) dns.names.set(`app${i}.test`, { a: ['127.0.0.1'], ttl: 1 });
  const groups = numbers.map((i) => `upstream u${i} { zone u${i} 64k; server app${i}.test:${pair.port} resolve; }`);
  const locations = numbers.map((i) => `location /${i} { proxy_pass http://u${i}; }`);
  const proxy = await startProxy(
    `resolver 127.0.0.1:${dns.port} valid=1s ipv6=off; resolver_timeout 1s;
    ${groups.join('\n')} server { listen 127.0.0.1:0; ${locations.join('\n')} }`,
  );
  await dns.close();
  const load = new Load(
    proxy,
    numbers.map((i) => `/${i}`),
  );
  try {
    await until('no name could be resolved again', () => {
      const failed = proxy.messages('error').map((line) => /app\d+\.test(?= could not be resolved)/.exec(line)?.[0]);
      return new Set(failed.filter((name) => name !== undefined)).size === upstreams;
    });
    const before = load.answered;
    await until('all are requested again', () => load.answered >= before + upstreams);
    await load.stop();
  } finally {
    await load.stop().catch(() => {});
    await proxy.close();
    pair.close();
  }
}
