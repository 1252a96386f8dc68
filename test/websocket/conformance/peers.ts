/** The two ends of a case: the sender, which writes its bytes, and the implementation under test, which is `ws`. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { acceptOf } from '../../../src/websocket/handshake.js';
import { decode, type TestFrame } from '../stage-harness.js';
import type { Case } from './cases.js';
import { close, encodeFrame } from './frames.js';

/** Time for a case; one that takes longer has hung. */
const TIMEOUT = 60_000;
const MAX_PAYLOAD = 32 << 20;

/** Short text for a payload. */
function digest(payload: Buffer): string {
  if (payload.length <= 40) return payload.toString('latin1');
  return `${payload.length} bytes ${createHash('md5').update(payload).digest('hex')}`;
}

/** Whether a frame is a ping of the proxy: cases have none with 8 bytes. */
function isOwnPing({ opcode, payload }: Required<TestFrame>): boolean {
  return opcode === 9 && payload.length === 8;
}

function describeFrame({ opcode, fin, rsv, payload }: Required<TestFrame>): string {
  const bytes = payload as Buffer;
  const name = `${fin ? '' : 'part of '}${opcode}${rsv === 0 ? '' : ` rsv ${rsv}`}`;
  if (opcode !== 8 || bytes.length < 2) return `${name}: ${digest(bytes)}`;
  return `Close ${bytes.readUInt16BE()}: ${bytes.toString('latin1', 2)}`;
}

/** Writes the bytes of a case, then reads frames until the other end has closed; answers pings of the proxy and Close frames. */
class Sender {
  private received = Buffer.alloc(0);
  readonly events: string[] = [];
  private closeSent = false;
  /** The bytes of the case are written, and end with a frame. */
  private idle = false;
  private readonly unanswered: Buffer[] = [];

  constructor(
    private readonly socket: Socket,
    private readonly test: Case,
    private readonly fromClient: boolean,
  ) {}

  /** `early`: bytes that arrived with the head. Resolves when the connection has ended. */
  async run(early: Buffer): Promise<readonly string[]> {
    const { socket } = this;
    const ended = new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.events.push('hangs');
        socket.destroy();
      }, TIMEOUT);
      // A reset after a Close frame is as good as an end: it is no part of the protocol.
      socket.on('error', () => {});
      socket.on('end', () => socket.end());
      socket.on('close', () => {
        clearTimeout(timer);
        resolve();
      });
    });
    socket.on('data', (chunk) => this.read(chunk));
    this.read(early);
    await this.write();
    await ended;
    return [...this.events, 'end'];
  }

  private async write(): Promise<void> {
    const { socket, test, fromClient } = this;
    const frames = test.end === 'close' ? [...test.frames, close(1000)] : test.frames;
    const all = Buffer.concat(frames.map((frame) => encodeFrame(frame, fromClient)));
    const bytes = all.subarray(0, all.length - (test.cut ?? 0));
    this.closeSent = frames.some(({ opcode }) => opcode === 8);
    const piece = test.piece ?? bytes.length;
    for (let at = 0; at < bytes.length && socket.writable; at += piece) {
      const rest = bytes.subarray(at, at + piece);
      if (!socket.write(rest)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
      else if (piece < bytes.length) await new Promise((resolve) => setImmediate(resolve));
    }
    if (test.end === 'fin') socket.end();
    this.idle = test.end !== 'fin' && test.cut === undefined;
    for (const answer of this.unanswered) if (this.idle && socket.writable) socket.write(answer);
  }

  private read(chunk: Buffer): void {
    const { frames, rest } = decode(this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]));
    this.received = Buffer.from(rest);
    for (const frame of frames) this.onFrame(frame);
  }

  private onFrame(frame: Required<TestFrame>): void {
    const { socket, fromClient } = this;
    if (isOwnPing(frame)) this.answer(encodeFrame({ opcode: 10, payload: frame.payload }, fromClient));
    else this.events.push(describeFrame(frame));
    if (frame.opcode !== 8) return;
    if (!this.closeSent) this.answer(encodeFrame({ opcode: 8, payload: frame.payload }, fromClient));
    this.closeSent = true;
    // A server closes the connection first (RFC 6455, 7.1.1).
    if (!fromClient) socket.end();
  }

  private answer(frame: Buffer): void {
    if (!this.idle) this.unanswered.push(frame);
    else if (this.socket.writable) this.socket.write(frame);
  }
}

const FIELDS =
  'Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** Reads a head; resolves with it and with the bytes after it. */
async function readHead(socket: Socket): Promise<{ head: string; rest: Buffer }> {
  let bytes = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', onData);
      resolve({ head: bytes.latin1Slice(0, end + 4), rest: bytes.subarray(end + 4) });
    };
    socket.on('data', onData);
    socket.once('error', reject);
  });
}

/** Runs a case as a client; returns the frames that the server sent, one line each. */
export async function runAsClient(port: number, path: string, test: Case): Promise<readonly string[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const extensions =
    test.deflate === undefined
      ? ''
      : `Sec-WebSocket-Extensions: permessage-deflate${test.deflate === '' ? '' : `; ${test.deflate}`}\r\n`;
  socket.write(`GET ${path} HTTP/1.1\r\n${FIELDS}${extensions}\r\n`);
  const { head, rest } = await readHead(socket);
  if (!head.startsWith('HTTP/1.1 101')) throw new Error(head);
  return await new Sender(socket, test, true).run(rest);
}

/** A server under test: an echo with `ws`. */
export class EchoUnderTest {
  private constructor(
    private readonly server: WebSocketServer,
    readonly port: number,
  ) {}

  static async start(): Promise<EchoUnderTest> {
    const perMessageDeflate = { threshold: 0 };
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate, maxPayload: MAX_PAYLOAD });
    await once(server, 'listening');
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      socket.on('message', (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
    });
    return new EchoUnderTest(server, (server.address() as AddressInfo).port);
  }

  async stop(): Promise<void> {
    for (const client of this.server.clients) client.terminate();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** A server that sends the bytes of cases to clients under test: the case is the last part of the path. */
export class CaseServer {
  private readonly outcomes = new Map<string, Promise<readonly string[]>>();
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
    private readonly cases: readonly Case[],
  ) {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
      void this.serve(socket);
    });
  }

  static async start(cases: readonly Case[]): Promise<CaseServer> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CaseServer(server, (server.address() as AddressInfo).port, cases);
  }

  private async serve(socket: Socket): Promise<void> {
    const { head, rest } = await readHead(socket);
    const path = head.split(' ')[1] ?? '';
    const test = this.cases[Number(/\d+$/.exec(path)?.[0])];
    if (test === undefined) throw new Error(head);
    const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1] ?? '';
    const extensions = test.deflate === undefined ? '' : `Sec-WebSocket-Extensions: permessage-deflate\r\n`;
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n${extensions}\r\n`,
    );
    this.outcomes.set(path, new Sender(socket, test, false).run(rest));
  }

  /** Frames that the client of this path sent. */
  async outcome(path: string): Promise<readonly string[]> {
    return (await this.outcomes.get(path)) ?? ['never connected'];
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Runs a case against a client under test, which is `ws`; returns its events, one line each. */
export async function runAsServer(port: number, path: string, test: Case): Promise<readonly string[]> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, {
    perMessageDeflate: test.deflate !== undefined,
    maxPayload: MAX_PAYLOAD,
  });
  const events: string[] = [];
  socket.on('message', (data: RawData, isBinary) => {
    events.push(`${isBinary ? 'binary' : 'text'}: ${digest(data as Buffer)}`);
  });
  socket.on('ping', (payload) => {
    if (payload.length !== 8) events.push(`ping: ${digest(payload)}`);
  });
  socket.on('pong', (payload) => events.push(`pong: ${digest(payload)}`));
  socket.on('error', (error: NodeJS.ErrnoException) => events.push(`error: ${error.code ?? error.message}`));
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      events.push('hangs');
      socket.terminate();
    }, TIMEOUT);
    socket.on('close', (code, reason) => {
      clearTimeout(timer);
      resolve([...events, `closed with ${code}: ${reason.toString('latin1')}`]);
    });
  });
}
