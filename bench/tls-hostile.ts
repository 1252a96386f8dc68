/**
 * The long versions of `test/tls/hostile.test.ts`: `node dist/bench/tls-hostile.js [--handshakes 2000] [--plain 500]
 * [--tunnels 1000] [--reloads 100]`. Aborted and half-open handshakes, plain requests, requests in records of one byte, attempts to
 * renegotiate, then reloads with changing certificates under open tunnels.
 */
import { parseArgs } from 'node:util';
import { openTransports } from '../src/net/transport.js';
import { certificates, connect, connectTls, exchange, request, startProxy, until } from '../test/kit/index.js';
import { abortHandshakes } from '../test/tls/aborted-handshakes.js';
import { reloadUnderTunnels } from '../test/tls/reloads.js';

const { values } = parseArgs({
  options: {
    handshakes: { type: 'string', default: '2000' },
    plain: { type: 'string', default: '500' },
    tunnels: { type: 'string', default: '1000' },
    reloads: { type: 'string', default: '100' },
  },
});
const count = Number(values.handshakes);
const ONE_BYTE_REQUESTS = 50;
const RENEGOTIATIONS = 100;
const print = (text: string): void => void process.stdout.write(`${text}\n`);

const proxy = await startProxy(
  `client_header_timeout 2s; server {
    listen 127.0.0.1:0 ssl; ssl_certificate %%C%%/ec.crt; ssl_certificate_key %%C%%/ec.key; return 200 served;
  }`,
  { C: certificates().directory },
);
await abortHandshakes(proxy.port, count, (below) => Math.floor(Math.random() * below));
await until('all connections are closed', () => openTransports() === 0 && proxy.proxy.status.connections === 0);
report(count, 'aborted handshakes');
const slow = await Promise.all(Array.from({ length: count }, () => connect(proxy.port)));
for (const client of slow) client.send(Buffer.from([22, 3, 1, 2, 0, 1, 0]));
const begun = performance.now();
const client = await connectTls(proxy.port);
const { body } = await client.send(request('/')).answer();
print(`a request beside ${count} half-open handshakes: ${body}, ${Math.round(performance.now() - begun)} ms`);
await Promise.all(slow.map((each) => each.all()));
report(count, 'half-open handshakes');
const plain = Number(values.plain);
const refused = await Promise.all(Array.from({ length: plain }, () => exchange(proxy.port, request('/'))));
print(`plain requests answered with 400: ${refused.filter((answer) => answer.startsWith('HTTP/1.1 400 ')).length}`);
report(plain, 'plain requests');
let complete = 0;
for (let i = 0; i < ONE_BYTE_REQUESTS; i++) {
  const bytewise = await connectTls(proxy.port);
  for (const byte of request('/')) bytewise.socket.write(byte);
  if ((await bytewise.answer()).body === 'served') complete++;
  bytewise.close();
}
print(`requests in records of one byte: ${complete} of ${ONE_BYTE_REQUESTS} answered`);
report(ONE_BYTE_REQUESTS, 'requests in records of one byte');
for (let i = 0; i < RENEGOTIATIONS; i++) await renegotiate(proxy.port);
const afterwards = await connectTls(proxy.port);
print(`a request after ${RENEGOTIATIONS} attempts: ${(await afterwards.send(request('/')).answer()).body}`);
afterwards.close();
report(RENEGOTIATIONS, 'attempts to renegotiate');
await until('all connections are closed', () => openTransports() === 0 && proxy.proxy.status.connections === 0);
await proxy.close();
const run = { tunnels: Number(values.tunnels), reloads: Number(values.reloads) };
print(`${run.reloads} reloads with ${run.tunnels} tunnels: ${JSON.stringify(await reloadUnderTunnels(run))}`);
process.exit();

/** A client of TLS 1.2 that asks for another handshake. */
async function renegotiate(port: number): Promise<void> {
  const { socket } = await connectTls(port, { maxVersion: 'TLSv1.2' });
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.renegotiate({}, () => socket.destroy());
  });
}

/** Prints the number of log messages by level, and forgets them. */
function report(number: number, title: string): void {
  const levels = new Map<string, number>();
  for (const { level } of proxy.entries.splice(0)) levels.set(level, (levels.get(level) ?? 0) + 1);
  print(`${number} ${title}: ${[...levels].map(([level, times]) => `${times} ${level}`).join(', ')}`);
}
