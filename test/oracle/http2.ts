/** The cases of the comparison with nginx over HTTP/2: requests are translated, and responses are shown in the form of HTTP/1. */
import net from 'node:net';
import { FrameReader } from '../../src/http2/frame-reader.js';
import {
  DEFAULT_FRAME_SIZE,
  DEFAULT_WINDOW,
  Flag,
  FrameType,
  MAX_WINDOW,
  PREFACE,
} from '../../src/http2/frame-types.js';
import { HpackDecoder } from '../../src/http2/hpack/decoder.js';
import { HpackEncoder } from '../../src/http2/hpack/encoder.js';
import { EventRecord, frame, settingsFrame, uint32 } from '../http2/frames.js';
import { READ_TIMEOUT } from '../kit/index.js';
import type { OracleGroup } from './oracle.js';

type Fields = readonly (readonly [name: string, value: string])[];

/** A request as it is sent on a stream. */
export interface Http2Request {
  readonly fields: Fields;
  /** Null: END_STREAM is in the HEADERS frame. */
  readonly body: string | null;
}

/** The group with HTTP/2 on its listeners. */
export function overHttp2(group: OracleGroup): OracleGroup {
  return { ...group, config: group.config.replace(/listen [^;]*%%PORT%%[^;]*/g, (listen) => `${listen} http2`) };
}

/** Fields that HTTP/2 does not have, or sends as pseudo-fields. */
const OMITTED = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);
/** Translates the bytes of a request; null if they are not exactly one well-formed request with a body of known length. */
export function translated(bytes: string): Http2Request | null {
  const end = bytes.indexOf('\r\n\r\n');
  const [line = '', ...lines] = bytes.slice(0, end).split('\r\n');
  const [, method, path] = /^([A-Z]+) (\/[!-~]*) HTTP\/1\.1$/.exec(line) ?? [];
  if (end < 0 || method === undefined || path === undefined) return null;
  const all: [string, string][] = [];
  for (const each of lines) {
    const [, name, value] = /^([!#-9;-~]+):[ \t]*([ -~]*?)[ \t]*$/.exec(each) ?? [];
    if (name === undefined || value === undefined) return null;
    all.push([name.toLowerCase(), value]);
  }
  const valuesOf = (name: string) => all.filter(([key]) => key === name).map(([, value]) => value);
  const [host, another] = valuesOf('host');
  const body = bytes.slice(end + 4);
  const lengths = valuesOf('content-length');
  if (host === undefined || another !== undefined || valuesOf('transfer-encoding').length > 0) return null;
  if (lengths.length > 1 || Number(lengths[0] ?? 0) !== body.length || body.length > DEFAULT_WINDOW) return null;
  return {
    fields: [
      [':method', method],
      [':scheme', 'http'],
      [':authority', host],
      [':path', path],
      ...all.filter(([name]) => !OMITTED.has(name)),
    ],
    body: body === '' ? null : body,
  };
}

/** Shows the responses of a connection, one at a time, in the form of HTTP/1. */
class ResponseText extends EventRecord {
  /** Stream of the current response. */
  stream = -1;
  ended = false;
  private head = '';
  private body = '';
  private readonly decoder = new HpackDecoder('upstream');

  override onHeaders(stream: number, block: Buffer, start: number, end: number, ended: boolean): void {
    const fields: string[] = [];
    this.decoder.decode(block, start, end, { field: (name, value) => fields.push(`${shownName(name)}: ${value}`) });
    if (stream !== this.stream) return;
    const status = /^:Status: (\d+)$/.exec(fields[0] ?? '')?.[1];
    const lines = (status === undefined ? fields : fields.slice(1)).map((field) => `${field}\r\n`);
    // Trailers are shown as fields of the head.
    if (status === undefined) this.head += lines.map((line) => `Trailer-${line}`).join('');
    else this.head += `HTTP/2.0 ${status}\r\n${lines.join('')}${status.startsWith('1') ? '\r\n' : ''}`;
    this.ended ||= ended;
  }
  override onData(stream: number, bytes: Buffer, start: number, end: number, counted: number, ended: boolean): void {
    this.counted += counted;
    if (stream !== this.stream) return;
    this.body += bytes.latin1Slice(start, end);
    this.ended ||= ended;
  }
  override onReset(stream: number): void {
    if (stream === this.stream) this.fail('Stream-Reset');
  }
  override onGoaway(_last: number, code: number): void {
    if (code !== 0) this.fail(`Connection-Error-${code}`);
  }

  /** The response will not be complete. */
  fail(how: string): void {
    if (this.ended) return;
    this.ended = true;
    this.head += `${how}: yes\r\n`;
  }

  /** Prepares for the response on a stream. */
  begin(stream: number): void {
    this.stream = stream;
    this.head = '';
    this.body = '';
    this.ended = false;
  }

  get text(): string {
    return `${this.head}\r\n${this.body}`;
  }
}

/** `content-length` as `Content-Length`; names with upper case, which HTTP/2 forbids, are marked. */
function shownName(name: string): string {
  if (/[A-Z]/.test(name)) return `Upper-Case-${name}`;
  return name.replace(/(^|[-:])[a-z]/g, (letters) => letters.toUpperCase());
}

/** A connection that sends requests one after the other. */
export class Http2Asker {
  private readonly encoder = new HpackEncoder();
  private readonly response = new ResponseText();
  private readonly reader = new FrameReader(this.response, { peer: 'upstream', preface: false, maxBlock: 1 << 20 });
  closed = false;
  private next = 1;
  private changed: () => void = () => {};
  private readonly socket: net.Socket;

  constructor(port: number) {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.reader.feed(bytes, 0, bytes.length);
      this.changed();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.response.fail('Connection-Closed');
      this.changed();
    });
    const preface = [Buffer.from(PREFACE, 'latin1'), settingsFrame([[4, MAX_WINDOW]])];
    socket.write(Buffer.concat([...preface, frame(FrameType.WindowUpdate, 0, 0, uint32(MAX_WINDOW - DEFAULT_WINDOW))]));
  }

  /** Sends a request on the next stream; returns its response, or nothing if the connection is closed. */
  async ask({ fields, body }: Http2Request): Promise<string> {
    const { encoder, response, socket } = this;
    const stream = this.next;
    this.next += 2;
    response.begin(stream);
    if (this.closed) return '';
    encoder.begin();
    for (const [name, value] of fields) encoder.field(name, value);
    const block = Buffer.from(encoder.block.subarray(0, encoder.length));
    const frames = headFrames(stream, block, body === null);
    for (let at = 0; body !== null && at <= Math.max(0, body.length - 1); at += DEFAULT_FRAME_SIZE) {
      const last = at + DEFAULT_FRAME_SIZE >= body.length;
      frames.push(frame(FrameType.Data, last ? Flag.EndStream : 0, stream, body.slice(at, at + DEFAULT_FRAME_SIZE)));
    }
    socket.write(Buffer.concat(frames));
    await new Promise<void>((resolve, reject) => {
      const late = () =>
        reject(
          new Error(
            `no end of the response after ${READ_TIMEOUT} ms to ${JSON.stringify(fields)} with body ${body?.length}: ${response.text}`,
          ),
        );
      const timer = setTimeout(late, READ_TIMEOUT);
      this.changed = () => {
        if (!response.ended) return;
        clearTimeout(timer);
        resolve();
      };
      this.changed();
    });
    return response.text;
  }

  close(): void {
    this.socket.destroy();
  }
}

/** The last request on a connection: a response to it shows that the connection is still in order. */
const PROBE: Http2Request = {
  fields: [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'probe'],
    [':path', '/probe'],
  ],
  body: null,
};

/** Sends the translated request and a second one on the same connection. */
export async function reactHttp2(port: number, bytes: string): Promise<string[]> {
  const request = translated(bytes);
  if (request === null) throw new Error(`not translated: ${bytes}`);
  const asker = new Http2Asker(port);
  try {
    return [await asker.ask(request), await asker.ask(PROBE)];
  } finally {
    asker.close();
  }
}

/** A header block in frames of the default size, as clients send it. */
function headFrames(stream: number, block: Buffer, ended: boolean): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.length; at += DEFAULT_FRAME_SIZE) {
    const type = at === 0 ? FrameType.Headers : FrameType.Continuation;
    const last = at + DEFAULT_FRAME_SIZE >= block.length;
    const flags = (last ? Flag.EndHeaders : 0) | (at === 0 && ended ? Flag.EndStream : 0);
    frames.push(frame(type, flags, stream, block.subarray(at, at + DEFAULT_FRAME_SIZE)));
  }
  return frames;
}
