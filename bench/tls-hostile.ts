/**
 * The long versions of `test/tls/hostile.test.ts`: `node dist/bench/tls-hostile.js [--handshakes 2000] [--tunnels 1000]
 * [--reloads 100]`. Aborted and half-open handshakes, then reloads with changing certificates under open tunnels.
 */
import { parseArgs } from 'node:util';
import { openTransports } from '../src/net/transport.js';
import { certificates, connect, connectTls, request, startProxy, until } from '../test/kit/index.js';
import { abortHandshakes } from '../test/tls/aborted-handshakes.js';
import { reloadUnderTunnels } from '../test/tls/reloads.js';

const { values } = parseArgs({
  options: {
    handshakes: { type: 'string', default: '2000' },
    tunnels: { type: 'string', default: '1000' },
    reloads: { type: 'string', default: '100' },
  },
});
const count = Number(values.handshakes);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

const proxy = await startProxy(
  `client_header_timeout 2s; server {
    listen 127.0.0.1:0 ssl; ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key; return 200 served;
  }`,
  { C: certificates().directory },
);
await abortHandshakes(proxy.port, count, (below) => Math.floor(Math.random() * below));
await until('all connections are closed', () => openTransports() === 0);
report('aborted handshakes');
const slow = await Promise.all(Array.from({ length: count }, () => connect(proxy.port)));
for (const client of slow) client.send(Buffer.from([22, 3, 1, 2, 0, 1, 0]));
const begun = performance.now();
const client = await connectTls(proxy.port);
const { body } = await client.send(request('/')).answer();
print(`a request beside ${count} half-open handshakes: ${body}, ${Math.round(performance.now() - begun)} ms`);
await Promise.all(slow.map((each) => each.all()));
report('half-open handshakes');
await proxy.close();
const run = { tunnels: Number(values.tunnels), reloads: Number(values.reloads) };
print(`${run.reloads} reloads with ${run.tunnels} tunnels: ${JSON.stringify(await reloadUnderTunnels(run))}`);
process.exit();

/** Prints the number of log messages by level, and forgets them. */
function report(title: string): void {
  const levels = new Map<string, number>();
  for (const { level } of proxy.entries.splice(0)) levels.set(level, (levels.get(level) ?? 0) + 1);
  print(`${count} ${title}: ${[...levels].map(([level, number]) => `${number} ${level}`).join(', ')}`);
}
