/**
 * Back end for all peers, on raw sockets to use as little of the shared core as possible. Listens on the port given as its
 * argument. A body with Content-Length is read before the response. `/bytes/N` is answered with N bytes, `/json/N` with that many bytes of compressible JSON, anything else with `ok`; an
 * upgrade starts a WebSocket echo. With the files of a certificate and its key as further arguments it uses TLS.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createSecureServer } from 'node:tls';
import { text } from '../test/encoding/bodies.js';
import { serverFrame } from './frames.js';

const answers = new Map<string, Buffer>();

function answer(target: string): Buffer {
  let bytes = answers.get(target);
  if (bytes === undefined) {
    const [, kind, digits] = /^\/(bytes|json)\/(\d+)/.exec(target) ?? [];
    const size = Number(digits);
    const type = kind === 'json' ? 'application/json' : 'text/plain';
    const body =
      kind === 'json' ? Buffer.from(text(size)) : kind === 'bytes' ? Buffer.alloc(size, 'x') : Buffer.from('ok');
    const head = `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`;
    bytes = Buffer.concat([Buffer.from(head), body]);
    answers.set(target, bytes);
  }
  return bytes;
}

function serve(socket: Socket): void {
  let pending = '';
  /** Bytes of a body to be received before the response. */
  let body = 0;
  let response: Buffer | null = null;
  const onHead = (received: Buffer): void => {
    const skipped = Math.min(body, received.length);
    const chunk = received.subarray(skipped);
    body -= skipped;
    if (body > 0) return;
    if (response !== null) socket.write(response);
    response = null;
    pending += chunk.toString('latin1');
    for (;;) {
      const end = pending.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = pending.slice(0, end);
      pending = pending.slice(end + 4);
      const key = /\r\nsec-websocket-key: *(\S+)/i.exec(head)?.[1];
      if (key !== undefined) {
        socket.off('data', onHead);
        accept(socket, key);
        return;
      }
      response = answer(head.slice(head.indexOf(' ') + 1, head.indexOf(' ', head.indexOf(' ') + 1)));
      body = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      const arrived = Math.min(body, pending.length);
      pending = pending.slice(arrived);
      body -= arrived;
      if (body > 0) return;
      socket.write(response);
      response = null;
    }
  };
  socket.on('data', onHead);
  socket.on('error', () => socket.destroy());
}

function accept(socket: Socket, key: string): void {
  const proof = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${proof}\r\n\r\n`,
  );
  let pending: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      const length = frameLength(pending);
      if (length === null) return;
      const [total, payload] = length;
      if (pending.length < total) return;
      socket.write(echo(payload));
      pending = pending.subarray(total);
    }
  });
}

const echoes = new Map<number, Buffer>();

function echo(size: number): Buffer {
  let frame = echoes.get(size);
  if (frame === undefined) echoes.set(size, (frame = serverFrame(size)));
  return frame;
}

/** Bytes of a masked frame with its header, and of its payload; null if the header is incomplete. */
function frameLength(bytes: Buffer): [total: number, payload: number] | null {
  if (bytes.length < 2) return null;
  const short = (bytes[1] ?? 0) & 127;
  if (short < 126) return [6 + short, short];
  if (bytes.length < (short === 126 ? 4 : 10)) return null;
  const payload = short === 126 ? bytes.readUInt16BE(2) : bytes.readUInt32BE(6);
  return [(short === 126 ? 8 : 14) + payload, payload];
}

const [port, cert, key] = process.argv.slice(2);
const server =
  cert === undefined || key === undefined
    ? createServer({ noDelay: true }, serve)
    : createSecureServer({ cert: readFileSync(cert), key: readFileSync(key), noDelay: true }, serve);
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => {
  process.stdout.write('ready\n');
});
