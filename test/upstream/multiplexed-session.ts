/**
 * A session with several concurrent streams, as HTTP/2 has them, over a simple protocol: frames of a line
 * `stream type length` and `length` bytes. It stands for later protocols in tests.
 */
import type net from 'node:net';
import { HeaderBlock } from '../../src/http/header-block.js';
import type {
  OpenSession,
  SessionHost,
  StreamFailures,
  StreamUser,
  UpstreamHead,
  UpstreamSession,
  UpstreamStream,
} from '../../src/http/upstream-session.js';
import type { Connect, Transport, TransportOwner } from '../../src/net/transport.js';
import type { ScriptedServer } from './session-contract.js';

/** HEAD has a head as text, DATA a piece of a body, END the trailers, RESET nothing. */
type FrameType = 'HEAD' | 'DATA' | 'END' | 'RESET';

function sendFrame(transport: Transport, stream: number, type: FrameType, payload: Buffer | string): boolean {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  return transport.writeFramed(`${stream} ${type} ${bytes.length}\n`, bytes, 0, bytes.length, '');
}

/** Splits received bytes into frames. */
class FrameReader {
  private rest = Buffer.alloc(0);

  push(bytes: Buffer, onFrame: (stream: number, type: FrameType, payload: Buffer) => void): void {
    this.rest = Buffer.concat([this.rest, bytes]);
    for (;;) {
      const eol = this.rest.indexOf(10);
      if (eol < 0) return;
      const [stream, type, length] = this.rest.latin1Slice(0, eol).split(' ');
      const end = eol + 1 + Number(length);
      if (this.rest.length < end) return;
      const payload = this.rest.subarray(eol + 1, end);
      this.rest = this.rest.subarray(end);
      onFrame(Number(stream), type as FrameType, payload); // written by sendFrame
    }
  }
}

function parseFields(lines: string): HeaderBlock {
  const pairs = lines
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const);
  return HeaderBlock.from(pairs);
}

class MultiplexedStream implements UpstreamStream {
  open = true;
  head: UpstreamHead = { status: 0, reason: '', version: 20, headers: HeaderBlock.from([]) };
  headBegun = false;
  bytesSent = 0;
  bodyLength = 0;
  trailers = '';
  private bodiless = false;
  private unsentHead: string | null = null;
  private ended = false;
  private paused = false;
  /** Frames that arrived while the stream was paused. */
  private readonly queue: (readonly [FrameType, Buffer])[] = [];

  constructor(
    private readonly session: MultiplexedSession,
    private readonly id: number,
    readonly user: StreamUser,
  ) {}

  get ready(): boolean {
    return this.session.connected;
  }

  get handshaking(): boolean {
    return this.session.transport.handshaking;
  }

  begin(head: string, _bodyLength: number, bodiless: boolean): void {
    this.unsentHead = head;
    this.bodiless = bodiless;
  }
  private frame(type: FrameType, payload: Buffer | string): boolean {
    if (!this.open) return true;
    this.bytesSent += payload.length;
    return sendFrame(this.session.transport, this.id, type, payload);
  }
  flush(): void {
    const head = this.unsentHead;
    this.unsentHead = null;
    if (head !== null) this.frame('HEAD', head);
  }
  sendText(text: string, last: boolean): boolean {
    return this.send(Buffer.from(text, 'latin1'), last);
  }
  send(bytes: Buffer, last: boolean): boolean {
    this.flush();
    const more = this.frame('DATA', bytes);
    if (last) this.end();
    return more;
  }
  sendBorrowed(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    return this.send(bytes.subarray(start, end), last);
  }
  end(): void {
    this.flush();
    if (!this.ended) this.frame('END', '');
    this.ended = true;
  }
  get pending(): number {
    return this.session.transport.pending;
  }
  get writable(): boolean {
    return this.open && this.session.transport.writable;
  }
  madeProgress(): boolean {
    return this.session.transport.madeProgress();
  }
  whenFlushed(then: () => void): void {
    this.session.transport.whenFlushed(then);
  }

  get declaredLength(): number {
    const length = this.head.headers.joined('content-length');
    return length === undefined ? -1 : Number(length);
  }
  readonly mayHaveTrailers = true;

  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
    while (!this.paused && this.open) {
      const frame = this.queue.shift();
      if (frame === undefined) return;
      this.handle(frame[0], frame[1]);
    }
  }

  received(type: FrameType, payload: Buffer): void {
    if (this.paused) this.queue.push([type, payload]);
    else this.handle(type, payload);
  }

  private handle(type: FrameType, payload: Buffer): void {
    const { user } = this;
    if (type === 'RESET') {
      this.fail('closed', null);
      return;
    }
    user.onRead(payload.length + 1);
    if (type === 'HEAD') this.receiveHead(payload.latin1Slice());
    else if (type === 'DATA') {
      this.bodyLength += payload.length;
      if (payload.length > 0) user.onData(payload, 0, payload.length);
    } else {
      this.trailers = payload.latin1Slice();
      this.complete();
    }
    user.onReadEnd();
  }

  private receiveHead(text: string): void {
    const { user } = this;
    const eol = text.indexOf('\r\n');
    const [status, ...reason] = text.slice(0, eol).split(' ');
    this.headBegun = true;
    this.head = {
      status: Number(status),
      reason: reason.join(' '),
      version: 20,
      headers: parseFields(text.slice(eol + 2)),
    };
    user.onFields(this.head);
    if (this.head.status < 200) user.onInterim(this.head);
    else {
      user.onHead();
      if (this.open && (this.bodiless || this.head.status === 204 || this.head.status === 304)) this.complete();
    }
  }

  private complete(): void {
    if (!this.open) return;
    this.leave();
    this.user.onEnd(null);
  }
  fail<K extends keyof StreamFailures>(kind: K, cause: StreamFailures[K]): void {
    if (!this.open) return;
    this.leave();
    this.user.onFailure(kind, cause);
  }
  cancel(): void {
    if (!this.open) return;
    this.frame('RESET', '');
    this.leave();
  }
  private leave(): void {
    this.open = false;
    this.session.streamOver(this.id);
  }
  detach(): Transport {
    throw new Error('no upgrades');
  }
  release(): void {
    this.cancel();
  }
}

export class MultiplexedSession implements UpstreamSession, TransportOwner {
  readonly transport: Transport;
  connected = false;
  private readonly reader = new FrameReader();
  private readonly streams = new Map<number, MultiplexedStream>();
  private lastId = 0;
  private keeps = true;

  static readonly openSession: OpenSession = (host, user, target, connect) => {
    const session = new MultiplexedSession(host, target, connect);
    return { session, stream: session.open(user) };
  };

  constructor(
    private readonly host: SessionHost,
    target: net.NetConnectOpts,
    connect: Connect,
  ) {
    this.transport = connect(target, this);
  }

  get available(): boolean {
    return this.connected && this.keeps && !this.transport.closing;
  }
  get idle(): boolean {
    return this.streams.size === 0;
  }
  readonly waiting = -1;
  peerLeft(): boolean {
    return this.transport.peerLeft();
  }
  open(user: StreamUser): MultiplexedStream {
    const stream = new MultiplexedStream(this, ++this.lastId, user);
    this.streams.set(this.lastId, stream);
    return stream;
  }
  destroy(): void {
    this.streams.clear();
    this.host.onClosed(this);
    this.transport.destroy();
  }

  streamOver(id: number): void {
    this.streams.delete(id);
    if (!this.idle || this.transport.closing) return;
    this.keeps = this.host.onAvailable(this);
    if (!this.keeps) this.destroy();
  }

  onConnected(): void {
    this.connected = true;
    const refusal = this.host.refusal(this.transport);
    for (const stream of [...this.streams.values()]) {
      if (refusal === null) stream.user.onReady();
      else stream.fail('refused', refusal);
    }
    if (refusal !== null) this.destroy();
    else this.keeps = this.host.onAvailable(this);
  }
  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.reader.push(bytes.subarray(0, length), (id, type, payload) => this.streams.get(id)?.received(type, payload));
  }
  onEnd(): void {
    this.fail('closed', null);
  }
  onDrain(): void {
    for (const { user } of [...this.streams.values()]) user.onDrain();
  }
  onClosed(_transport: Transport, error: NodeJS.ErrnoException | null): void {
    if (!this.connected) this.fail('connect', error);
    else if (error === null) this.fail('closed', null);
    else this.fail('receive', error);
  }
  private fail<K extends keyof StreamFailures>(kind: K, cause: StreamFailures[K]): void {
    const streams = [...this.streams.values()];
    // Before the streams are notified: a request that is repeated must not use this session.
    this.destroy();
    for (const stream of streams) stream.fail(kind, cause);
  }
}

/** The server's side. */
export class MultiplexedServer implements ScriptedServer, TransportOwner {
  readonly requests: { id: number; head: string; body: Buffer; ended: boolean }[] = [];
  private readonly reader = new FrameReader();

  constructor(private readonly transport: Transport) {
    transport.owner = this;
  }

  head(request: number, status: number, fields: Readonly<Record<string, string>>): void {
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    this.send(request, 'HEAD', `${status} \r\n${lines.join('')}`);
    const length = fields['Content-Length'];
    this.left.set(request, length === undefined ? -1 : Number(length));
    if (length === '0') this.send(request, 'END', '');
  }
  /** Bytes of bodies left to send. */
  private readonly left = new Map<number, number>();

  data(request: number, bytes: Buffer): void {
    this.send(request, 'DATA', bytes);
    const left = (this.left.get(request) ?? 0) - bytes.length;
    this.left.set(request, left);
    if (left === 0) this.send(request, 'END', '');
  }
  end(request: number, trailers: Readonly<Record<string, string>> = {}): void {
    this.send(
      request,
      'END',
      Object.entries(trailers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join(''),
    );
  }
  private send(request: number, type: FrameType, payload: Buffer | string): void {
    const id = this.requests[request]?.id;
    if (id === undefined) throw new Error(`no request ${request}`);
    sendFrame(this.transport, id, type, payload);
  }
  close(): void {
    this.transport.destroySoon();
  }

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.reader.push(bytes.subarray(0, length), (id, type, payload) => {
      const request = this.requests.find((each) => each.id === id);
      if (type === 'HEAD') {
        this.requests.push({ id, head: payload.latin1Slice(), body: Buffer.alloc(0), ended: false });
      } else if (request !== undefined) {
        if (type === 'DATA') request.body = Buffer.concat([request.body, payload]);
        else request.ended = true;
      }
    });
  }
  onEnd(): void {
    this.transport.destroy();
  }
  onDrain(): void {}
  onClosed(): void {}
  onConnected(): void {}
}
