/** A back end that records what reaches it, and answers each request or follows a script. */
import { createServer, type Server, type Socket } from 'node:net';
import { READ_TIMEOUT } from '../../kit/index.js';
import { type Message, readMessage } from './message.js';

/** Handles a request in the place of the usual answer. */
export type Script = (send: (bytes: string) => void, end: () => void) => Promise<void> | void;

/** One message that was recorded. */
export interface Recorded {
  readonly message: Message;
  /** Number of the connection on which it came, from 1. */
  readonly connection: number;
  /** The bytes, for other readers. */
  readonly raw: string;
}

/** One connection of a proxy. */
class Line {
  bytes = '';
  /** Offset behind the last message that was recorded. */
  used = 0;
  ended = false;
  /** An answer is under way. */
  busy = false;
  /** The connection was upgraded: what comes is no HTTP. */
  tunnel = false;

  constructor(
    readonly socket: Socket,
    readonly number: number,
  ) {}

  /** Nothing of a message came that was not recorded, and nothing is being answered. */
  get settled(): boolean {
    return this.ended || (!this.busy && !this.tunnel && this.used === this.bytes.length);
  }
}

/** The answer to a request: its target, in letters that cannot be taken for HTTP. */
function usualAnswer({ start, fields }: Message): string {
  const [method = '', target = ''] = start.split(' ');
  if (target.startsWith('/switch') && fields.some((line) => line.startsWith('upgrade: '))) {
    return 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n';
  }
  const body = `answer-${encodeURIComponent(Buffer.from(target, 'latin1').toString('base64url')).slice(0, 60)};`;
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${method === 'HEAD' ? '' : body}`;
}

export class Recorder {
  /** Followed for each request whose target this names: a proxy may try again. */
  script: { readonly target: string; readonly run: Script } | null = null;
  private readonly lines: Line[] = [];
  private records: Recorded[] = [];
  private wake: (() => void)[] = [];
  private count = 0;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {
    server.on('connection', (socket) => this.accept(socket));
  }

  static async start(): Promise<Recorder> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return new Recorder(server, typeof address === 'object' && address !== null ? address.port : 0);
  }

  private accept(socket: Socket): void {
    const line = new Line(socket, ++this.count);
    this.lines.push(line);
    socket.on('data', (chunk: Buffer) => {
      line.bytes += chunk.toString('latin1');
      this.read(line);
    });
    const over = (): void => {
      if (line.ended) return;
      line.ended = true;
      this.read(line);
      this.recordRest(line);
      this.lines.splice(this.lines.indexOf(line), 1);
      socket.destroy();
    };
    socket.on('end', over);
    socket.on('close', over);
    socket.on('error', over);
  }

  /** Records the messages that are complete, one answer at a time. */
  private read(line: Line): void {
    while (!line.busy && !line.tunnel) {
      const read = readMessage(line.bytes, line.used, { method: null, ended: line.ended });
      if (read === undefined || (!read.message.complete && read.message.fault === '')) break;
      this.records.push({
        message: read.message,
        connection: line.number,
        raw: line.bytes.slice(line.used, read.end),
      });
      line.used = read.end;
      if (read.message.fault !== '') line.socket.destroy();
      else void this.answer(line, read.message);
    }
    this.woken();
  }

  /** Records a message that was cut off, or what came through a tunnel. */
  private recordRest(line: Line): void {
    const raw = line.bytes.slice(line.used);
    if (raw === '') return;
    const cut = readMessage(line.bytes, line.used, { method: null, ended: true })?.message;
    const message: Message | undefined = line.tunnel
      ? { start: 'TUNNEL', fields: [], body: raw, trailers: [], complete: true, fault: '' }
      : cut;
    if (message !== undefined) this.records.push({ message, connection: line.number, raw });
    line.used = line.bytes.length;
    this.woken();
  }

  private async answer(line: Line, message: Message): Promise<void> {
    const { script } = this;
    if (script !== null && message.start.split(' ')[1] === script.target) {
      line.busy = true;
      await script.run(
        (bytes) => {
          if (!line.socket.destroyed) line.socket.write(Buffer.from(bytes, 'latin1'));
        },
        () => line.socket.end(),
      );
      line.busy = false;
      this.read(line);
      return;
    }
    const bytes = usualAnswer(message);
    line.socket.write(Buffer.from(bytes, 'latin1'));
    line.tunnel = bytes.startsWith('HTTP/1.1 101');
  }

  private woken(): void {
    for (const wake of this.wake.splice(0)) wake();
  }

  /** Resolves with what was recorded since the last call, once nothing is under way on any connection. */
  async take(): Promise<Recorded[]> {
    const deadline = setTimeout(() => {
      for (const line of [...this.lines]) if (!line.settled) line.socket.destroy();
    }, READ_TIMEOUT / 3);
    while (!this.lines.every((line) => line.settled)) {
      await new Promise<void>((resolve) => this.wake.push(resolve));
    }
    clearTimeout(deadline);
    return this.records.splice(0);
  }

  async close(): Promise<void> {
    for (const line of [...this.lines]) line.socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
