/** An HTTP/2 client that sends whatever bytes a test gives it, and records what it receives as lines. */
import net from 'node:net';
import { FrameReader } from '../../src/http2/frame-reader.js';
import { Flag, FrameType, PREFACE } from '../../src/http2/frame-types.js';
import { HpackDecoder } from '../../src/http2/hpack/decoder.js';
import { until } from '../kit/index.js';
import { EventRecord, frame, settingsFrame } from './frames.js';

export type RawFields = readonly (readonly [name: string, value: string])[];

/** A header block of literals without indexing and without the Huffman code: any bytes. */
export function literalBlock(fields: RawFields): Buffer {
  return Buffer.concat(fields.map(([name, value]) => Buffer.concat([Buffer.of(0), literal(name), literal(value)])));
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  let rest = bytes.length - 127;
  if (rest < 0) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  for (; rest >= 128; rest >>= 7) length.push(128 | (rest & 127));
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

/** HEADERS with a complete block. */
export function headersFrame(stream: number, fields: RawFields, ended = true): Buffer {
  const flags = Flag.EndHeaders | (ended ? Flag.EndStream : 0);
  return frame(FrameType.Headers, flags, stream, literalBlock(fields));
}

export function dataFrame(stream: number, text: string | Buffer, ended = false): Buffer {
  return frame(FrameType.Data, ended ? Flag.EndStream : 0, stream, text);
}

/** The pseudo-fields of a GET. */
export const GET: RawFields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'localhost'],
  [':path', '/'],
];
export const POST: RawFields = [[':method', 'POST'], ...GET.slice(1)];

/** Responses as lines `headers STREAM name=value …`, other frames as in `EventRecord`. */
class Responses extends EventRecord {
  private readonly decoder = new HpackDecoder('upstream');

  override onHeaders(stream: number, block: Buffer, start: number, end: number, ended: boolean): void {
    const fields: string[] = [];
    this.decoder.decode(block, start, end, { field: (name, value) => fields.push(`${name}=${value}`) });
    this.flush();
    this.lines.push(`headers ${stream} ${fields.join(' ')}${ended ? ' ended' : ''}`);
  }
}

export class RawHttp2Client {
  readonly record = new Responses();
  /** Whether the proxy has closed the connection. */
  closed = false;
  /** Bytes received. */
  received = 0;
  private readonly reader = new FrameReader(this.record, { peer: 'upstream', preface: false, maxBlock: 1 << 20 });

  private constructor(readonly socket: net.Socket) {
    socket.on('data', (bytes) => {
      this.received += bytes.length;
      this.reader.feed(bytes, 0, bytes.length);
      this.record.flush();
    });
    socket.on('error', () => {});
    socket.on('close', () => (this.closed = true));
  }

  /** Connects, and sends the preface with SETTINGS. */
  static async connect(
    port: number,
    settings: readonly (readonly [id: number, value: number])[] = [],
  ): Promise<RawHttp2Client> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    const client = new RawHttp2Client(socket);
    client.send(Buffer.from(PREFACE, 'latin1'), settingsFrame(settings), frame(FrameType.Settings, Flag.Ack, 0));
    return client;
  }

  get lines(): readonly string[] {
    return this.record.lines;
  }

  send(...frames: readonly Buffer[]): boolean {
    return this.socket.write(Buffer.concat(frames));
  }

  /** Waits for a line; returns it. */
  async until(pattern: RegExp): Promise<string> {
    let found: string | undefined;
    await until(`${pattern} in ${this.lines.slice(-10).join('\n')}`, () => {
      found = this.lines.find((line) => pattern.test(line));
      return found !== undefined || this.closed;
    });
    if (found === undefined) throw new Error(`closed without ${pattern}: ${this.lines.join('\n')}`);
    return found;
  }

  /** Status of the response of a stream; or the code with which the stream was reset or the connection ended, as text. */
  async outcome(stream: number): Promise<string> {
    const line = await this.until(
      new RegExp(`^(?:headers ${stream} :status=(?!1)|reset ${stream} |goaway \\d+ [1-9])`),
    );
    const [kind = '', , second = ''] = line.split(' ');
    if (kind === 'headers') return second.slice(8, 11);
    return `${kind} ${second}`;
  }

  destroy(): void {
    this.socket.destroy();
  }
}
