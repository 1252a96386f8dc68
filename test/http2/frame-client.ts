/** A client that sends frames as given, and records those that it receives as lines. */
import net from 'node:net';
import type { TestContext } from 'node:test';
import tls from 'node:tls';
import { FrameReader } from '../../src/http2/frame-reader.js';
import { Flag, FrameType, PREFACE } from '../../src/http2/frame-types.js';
import { HpackDecoder } from '../../src/http2/hpack/decoder.js';
import { HpackEncoder } from '../../src/http2/hpack/encoder.js';
import { READ_TIMEOUT } from '../kit/index.js';
import { EventRecord, frame, settingsFrame, uint32 } from './frames.js';

export type Pairs = readonly (readonly [name: string, value: string])[];

/** Records header blocks by their fields. */
class DecodedRecord extends EventRecord {
  private readonly decoder = new HpackDecoder('upstream');

  override onHeaders(stream: number, block: Buffer, start: number, end: number, ended: boolean): void {
    const fields: string[] = [];
    this.decoder.decode(block, start, end, { field: (name, value) => fields.push(`${name}: ${value}`) });
    this.flush();
    this.lines.push(`headers ${stream}${ended ? ' ended' : ''} ${fields.join(', ')}`);
  }
}

/** Pseudo-fields of a request. */
export function request(path: string, method = 'GET', authority = 'localhost'): Pairs {
  return [
    [':method', method],
    [':scheme', 'http'],
    [':path', path],
    [':authority', authority],
  ];
}

export class FrameClient {
  readonly record = new DecodedRecord();
  closed = false;
  /** Last numbers of the frames of DATA: lengths. */
  private readonly encoder = new HpackEncoder();
  private readonly reader = new FrameReader(this.record, { peer: 'upstream', preface: false, maxBlock: 65536 });
  private changed: () => void = () => {};

  constructor(readonly socket: net.Socket) {
    socket.on('data', (bytes: Buffer) => {
      this.reader.feed(bytes, 0, bytes.length);
      this.record.flush();
      this.changed();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.changed();
    });
  }

  /** Connects on clear text and begins HTTP/2; `settings` are those of the client. */
  static connect(t: TestContext, port: number, settings: readonly (readonly [number, number])[] = []): FrameClient {
    return FrameClient.begin(t, net.connect(port, '127.0.0.1'), settings);
  }

  static connectTls(t: TestContext, port: number, options: tls.ConnectionOptions = {}): FrameClient {
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
      ...options,
    });
    return FrameClient.begin(t, socket, []);
  }

  private static begin(
    t: TestContext,
    socket: net.Socket,
    settings: readonly (readonly [number, number])[],
  ): FrameClient {
    t.after(() => socket.destroy());
    const client = new FrameClient(socket);
    client.send(Buffer.from(PREFACE, 'latin1'), settingsFrame(settings));
    return client;
  }

  send(...bytes: readonly Buffer[]): this {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(bytes));
    return this;
  }

  /** HEADERS with these fields. */
  block(fields: Pairs): Buffer {
    this.encoder.begin();
    for (const [name, value] of fields) this.encoder.field(name, value);
    return Buffer.from(this.encoder.block.subarray(0, this.encoder.length));
  }

  headers(stream: number, fields: Pairs, ended = true): this {
    const flags = Flag.EndHeaders | (ended ? Flag.EndStream : 0);
    return this.send(frame(FrameType.Headers, flags, stream, this.block(fields)));
  }

  data(stream: number, bytes: string | Buffer, ended = false): this {
    return this.send(frame(FrameType.Data, ended ? Flag.EndStream : 0, stream, bytes));
  }

  reset(stream: number, code: number): this {
    return this.send(frame(FrameType.RstStream, 0, stream, uint32(code)));
  }

  window(stream: number, increment: number): this {
    return this.send(frame(FrameType.WindowUpdate, 0, stream, uint32(increment)));
  }

  ping(number: number, ack = false): this {
    return this.send(frame(FrameType.Ping, ack ? Flag.Ack : 0, 0, uint32(0, number)));
  }

  get lines(): readonly string[] {
    return this.record.lines;
  }

  /** Waits for a line that matches; fails if the connection closes before. */
  async line(pattern: RegExp): Promise<string> {
    await this.wait(String(pattern), () => this.find(pattern) !== undefined || this.closed);
    const found = this.find(pattern);
    if (found === undefined) throw new Error(`closed without ${pattern}: ${this.lines.join('\n')}`);
    return found;
  }

  find(pattern: RegExp): string | undefined {
    return this.lines.find((line) => pattern.test(line));
  }

  /** Sends a PING and waits for its answer: everything that the proxy sent before has arrived. */
  async settled(number: number): Promise<void> {
    this.ping(number);
    await this.line(new RegExp(`^ping ack 0 ${number}$`));
  }

  async end(): Promise<void> {
    await this.wait('the end of the connection', () => this.closed);
  }

  /** Bytes of DATA received on a stream. */
  received(stream: number): number {
    return this.lines
      .filter((line) => line.startsWith(`data ${stream} `))
      .reduce((sum, line) => sum + line.slice(`data ${stream} `.length).replace(/ ended$/, '').length, 0);
  }

  private async wait(what: string, condition: () => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no ${what} after ${READ_TIMEOUT} ms: ${this.lines.join('\n').slice(-2000)}`)),
        READ_TIMEOUT,
      );
      this.changed = () => {
        if (!condition()) return;
        clearTimeout(timer);
        this.changed = () => {};
        resolve();
      };
      this.changed();
    });
  }
}
