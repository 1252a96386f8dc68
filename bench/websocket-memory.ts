/**
 * Memory of WebSockets with slow readers, and with hostile senders.
 *
 *   node dist/bench/websocket-memory.js [MiB per mode] [connections]
 *
 * In each mode, as many clients write as fast as they can, and the upstream reads slowly: the memory of the proxy may grow by
 * 1 MiB for each connection, or 4 MiB with a script that waits. Then floods, endless messages and decompression bombs must be
 * closed with the right code, while the memory stays flat. Otherwise the exit code is 1.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib';
import { WebSocketServer } from 'ws';
import { closedPort } from '../test/kit/index.js';
import { encode } from '../test/websocket/stage-harness.js';
import { residentBytes } from './accounting.js';
import { ProxyProcess } from './proxy-process.js';

const [amount = 1024, connections = 20] = process.argv.slice(2).map(Number);
const MESSAGE = 16_384;
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const failures: string[] = [];

/** Bytes of messages that have arrived. */
let arrived = 0;
const upstream = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: true, maxPayload: 0 });
await once(upstream, 'listening');
let slow = true;
upstream.on('connection', (socket) => {
  socket.on('error', () => socket.terminate());
  socket.on('message', (data) => {
    arrived += (data as Buffer).length;
    if (!slow) return;
    socket.pause();
    setTimeout(() => socket.resume(), 1);
  });
});

const port = await closedPort();
const upstreamPort = (upstream.address() as { port: number }).port;
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-memory-'));
writeFileSync(
  join(directory, 'main.js'),
  'export const slow = () => new Promise((resolve) => setTimeout(resolve, 1));\n',
);
const proxy = await ProxyProcess.start(
  `
worker_processes 1;
events { worker_connections 2000; }
http {
    access_log off;
    proxy_websocket on;
    js_import main from main.js;
    server {
        listen 127.0.0.1:${port};
        location /plain { proxy_pass http://127.0.0.1:${upstreamPort}; }
        location /limits {
            websocket_max_message_size 1m; websocket_max_fragments 1000; websocket_limit_messages 1000000/s;
            websocket_limit_bytes 10g/s; websocket_utf8 on; websocket_deflate off;
            proxy_pass http://127.0.0.1:${upstreamPort};
        }
        location /messages { websocket_message_deny "nothing matches this"; proxy_pass http://127.0.0.1:${upstreamPort}; }
        location /script { js_websocket_message main.slow from=client; proxy_pass http://127.0.0.1:${upstreamPort}; }
        location /floods {
            websocket_max_message_size 1m; websocket_max_fragments 1000; websocket_limit_messages 1000/s;
            proxy_pass http://127.0.0.1:${upstreamPort};
        }
        location /delay { websocket_limit_messages 1000/s delay; proxy_pass http://127.0.0.1:${upstreamPort}; }
    }
}
`,
  directory,
);

const memory = (): number => residentBytes(proxy.pids) / 2 ** 20;

async function open(path: string, deflate = false): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const extensions = deflate ? 'Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n' : '';
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${extensions}\r\n`,
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (!head.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(head.toString('latin1'));
  return socket;
}

/** Writes bytes again and again until `until` holds or the socket is closed. */
async function writeUntil(socket: Socket, bytes: Buffer, until: () => boolean): Promise<void> {
  while (!until() && !socket.destroyed && socket.writable) {
    socket.write(bytes);
    while (socket.writableNeedDrain && !until() && !socket.destroyed) await pause(2);
  }
}

// -- slow readers

const payload = randomBytes(MESSAGE);
const plain = encode({ opcode: 2, payload }, true);
const compressed = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
const deflated = encode({ opcode: 2, rsv: 4, payload: compressed }, true);
for (const [mode, path, bytes, deflate] of [
  ['plain tunnel', '/plain', plain, false],
  ['limits', '/limits', plain, false],
  ['messages', '/messages', plain, false],
  ['messages, compressed', '/messages', deflated, true],
  ['slow script', '/script', plain, false],
] as const) {
  // Code and caches are loaded before the memory is compared.
  slow = false;
  const warm = await open(path, deflate);
  const target = arrived + (32 << 20);
  await writeUntil(warm, bytes, () => arrived >= target);
  warm.destroy();
  await pause(500);
  slow = true;
  const before = memory();
  let most = 0;
  const end = arrived + amount * 2 ** 20;
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(path, deflate)));
  const timer = setInterval(() => (most = Math.max(most, memory())), 100);
  await Promise.all(sockets.map((socket) => writeUntil(socket, bytes, () => arrived >= end)));
  clearInterval(timer);
  for (const socket of sockets) socket.destroy();
  const each = (most - before) / connections;
  printLine(
    `${mode}: ${amount} MiB, ${(most - before).toFixed(1)} MiB more for ${connections} connections, ${each.toFixed(2)} MiB each`,
  );
  if (each > (path === '/script' ? 4 : 1)) failures.push(`${mode}: ${each.toFixed(2)} MiB for each connection`);
  await pause(500);
}
slow = false;

// -- hostile senders

/** Code of the Close frame of the proxy; 0 if the connection ended without one. */
function closeCode(socket: Socket): Promise<number> {
  return new Promise((resolve) => {
    let tail = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      tail = Buffer.concat([tail, chunk]).subarray(-200);
      const at = tail.indexOf(0x88);
      if (at >= 0 && tail.length >= at + 4) resolve(tail.readUInt16BE(at + 2));
    });
    socket.on('close', () => resolve(0));
  });
}

const many = (frame: Buffer): Buffer => Buffer.concat(new Array<Buffer>(10_000).fill(frame));
/** 1 GiB of zeros, compressed: about 1 MiB. */
async function bomb(): Promise<Buffer> {
  const deflater = createDeflateRaw();
  const pieces: Buffer[] = [];
  deflater.on('data', (piece: Buffer) => pieces.push(piece));
  const zeros = Buffer.alloc(2 ** 20);
  for (let i = 0; i < 1024; i++) if (!deflater.write(zeros)) await once(deflater, 'drain');
  await new Promise<void>((resolve) => deflater.flush(constants.Z_SYNC_FLUSH, resolve));
  deflater.close();
  return Buffer.concat(pieces).subarray(0, -4);
}

const zeros = await bomb();
for (const [what, path, head, flood, code, deflate] of [
  ['pings', '/floods', Buffer.alloc(0), many(encode({ opcode: 9 }, true)), 1008, false],
  ['empty messages', '/floods', Buffer.alloc(0), many(encode({ opcode: 2 }, true)), 1008, false],
  [
    'a million fragments',
    '/floods',
    encode({ opcode: 2, fin: false }, true),
    many(encode({ opcode: 0, fin: false }, true)),
    1008,
    false,
  ],
  ['length 2^63-1', '/floods', Buffer.from('82ff7fffffffffffffff00000000', 'hex'), Buffer.alloc(2 ** 16), 1009, false],
  [
    'length 2^63-1 with a policy',
    '/messages',
    Buffer.from('82ff7fffffffffffffff00000000', 'hex'),
    Buffer.alloc(2 ** 16),
    1009,
    false,
  ],
  [
    'length with its top bit set',
    '/plain',
    Buffer.from('82ffffffffffffffffff00000000', 'hex'),
    Buffer.alloc(2 ** 16),
    1002,
    false,
  ],
  ['bomb of 1 GiB', '/messages', encode({ opcode: 2, rsv: 4, payload: zeros }, true), Buffer.alloc(0), 1009, true],
  [
    'bomb of 128 MiB, a part of it',
    '/messages',
    encode({ opcode: 2, rsv: 4, payload: zeros.subarray(0, 130_000) }, true),
    Buffer.alloc(0),
    1009,
    true,
  ],
] as const) {
  const before = memory();
  const socket = await open(path, deflate);
  const closed = closeCode(socket);
  let found = -1;
  void closed.then((value) => (found = value));
  socket.write(head);
  const deadline = Date.now() + 20_000;
  if (flood.length > 0) await writeUntil(socket, flood, () => found >= 0 || Date.now() > deadline);
  await Promise.race([closed, pause(20_000)]);
  socket.destroy();
  const growth = memory() - before;
  printLine(`${what}: ${found}, ${growth.toFixed(1)} MiB more`);
  if (found !== code) failures.push(`${what}: closed with ${found} instead of ${code}`);
  if (growth > 30) failures.push(`${what}: ${growth.toFixed(1)} MiB more`);
}
// A flood that is slowed down instead.
const before = memory();
const delayed = await open('/delay');
const until = Date.now() + 3000;
await writeUntil(delayed, many(encode({ opcode: 9 }, true)), () => Date.now() > until);
printLine(`pings with delay: ${(memory() - before).toFixed(1)} MiB more`);
if (memory() - before > 10) failures.push('pings with delay use memory');
delayed.destroy();

for (const client of upstream.clients) client.terminate();
upstream.close();
await proxy.stop();
for (const failure of [...failures, ...proxy.failures]) printLine(`FAILED: ${failure}`);
rmSync(directory, { recursive: true, force: true });
process.exit(failures.length + proxy.failures.length === 0 ? 0 : 1);
