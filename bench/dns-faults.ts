/**
 * Faults of name servers under load, many times (`test/upstream/dns-faults.ts`), and the time for 1,000 names at once of which
 * a silent name server gets half, compared with nginx.
 *
 *   node dist/bench/dns-faults.js [rounds]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { answeringBackend, closedPort, connect, reply, request } from '../test/kit/index.js';
import { forgedResponses, nameServerGone, silentAndChanged } from '../test/upstream/dns-faults.js';
import { DnsServer } from '../test/upstream/dns-server.js';
import { type ProxyName, ProxyProcess } from './proxy-process.js';

const NAMES = 1000;

const rounds = Number(process.argv[2] ?? 200);

for (const name of ['nginx', 'tsproxy'] as const) process.stdout.write(`${name}: ${await manyNames(name)}\n`);
await forgedResponses(rounds, 8);
process.stdout.write(`forged responses: ${rounds} names, 8 requests each: all at the right server\n`);
// Twenty upstreams change at once.
const cycles = Math.ceil(rounds / 20);
await silentAndChanged(20, cycles);
process.stdout.write(`changed names and silent name servers: ${cycles} times 20 upstreams: all requests answered\n`);
await nameServerGone(rounds);
process.stdout.write(`name server gone: ${rounds} upstreams: all requests answered\n`);

/** Requests a name each on NAMES connections at once. */
async function manyNames(name: ProxyName): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-dns-'));
  const port = await closedPort();
  const backend = await answeringBackend(reply('ok', { fields: ['Connection: close'] }));
  const [silent, other] = [await DnsServer.start(), await DnsServer.start()];
  silent.silent = true;
  for (let i = 0; i < NAMES; i++) other.names.set(`n${i}.test`, { a: ['127.0.0.1'] });
  const proxy = await ProxyProcess.start(
    `worker_processes 1; events { worker_connections 4096; }
    http {
      access_log off;
      resolver 127.0.0.1:${silent.port} 127.0.0.1:${other.port} ipv6=off;
      server { listen 127.0.0.1:${port} backlog=4096; location / { proxy_pass http://$arg_name:${backend.port}; } }
    }`,
    directory,
    name,
  );
  const clients = await Promise.all(Array.from({ length: NAMES }, () => connect(port)));
  const start = performance.now();
  const statuses = await Promise.all(
    clients.map(async (client, i) => (await client.send(request(`/?name=n${i}.test`)).answer()).status),
  );
  const seconds = ((performance.now() - start) / 1000).toFixed(2);
  for (const client of clients) client.close();
  const exited = new Promise<void>((resolve) => proxy.onExit(resolve));
  proxy.signal('SIGTERM');
  await exited;
  await Promise.all([backend.close(), silent.close(), other.close()]);
  rmSync(directory, { recursive: true, force: true });
  const answered = statuses.filter((status) => status === 200).length;
  return `${answered} of ${NAMES} names answered within ${seconds} s; the silent server was asked ${silent.asked.length} times`;
}
