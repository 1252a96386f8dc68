/** Scripted server of HTTP/2 for the contract of sessions: nghttp2, as part of Node. */
import http2 from 'node:http2';
import type { Transport } from '../../src/net/transport.js';
import { TransportStream } from '../../src/net/transport-stream.js';
import type { ScriptedServer } from './session-contract.js';

interface Request {
  readonly stream: http2.ServerHttp2Stream;
  readonly head: string;
  body: Buffer;
  ended: boolean;
  /** Bytes of the response left to send; -1: unknown. */
  left: number;
  trailers: Readonly<Record<string, string>>;
}

export class Http2Server implements ScriptedServer {
  readonly requests: Request[] = [];
  private session: http2.ServerHttp2Session | null = null;

  constructor(
    private readonly transport: Transport,
    settings: http2.Settings = {},
  ) {
    const server = http2.createServer({ settings });
    server.on('session', (session) => {
      this.session = session;
      session.on('error', () => {});
    });
    server.on('stream', (stream, headers) => this.accept(stream, headers));
    const duplex = new TransportStream((owner) => {
      transport.owner = owner;
      return transport;
    });
    server.emit('connection', duplex);
  }

  private accept(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\n`);
    const head = `${headers[':method']} ${headers[':path']} HTTP/2\n${fields.join('')}`;
    const request: Request = { stream, head, body: Buffer.alloc(0), ended: false, left: -1, trailers: {} };
    this.requests.push(request);
    stream.on('error', () => {});
    stream.on('data', (bytes: Buffer) => {
      request.body = Buffer.concat([request.body, bytes]);
    });
    stream.on('end', () => {
      request.ended = true;
    });
    stream.on('wantTrailers', () => stream.sendTrailers(request.trailers));
  }

  private request(number: number): Request {
    const request = this.requests[number];
    if (request === undefined) throw new Error(`no request ${number}`);
    return request;
  }

  head(number: number, status: number, fields: Readonly<Record<string, string>>): void {
    const request = this.request(number);
    const { stream } = request;
    const headers = { ':status': status, ...fields };
    if (status < 200) {
      stream.additionalHeaders(headers);
      return;
    }
    const length = fields['Content-Length'];
    request.left = length === undefined ? -1 : Number(length);
    const isEmpty = length === '0' || status === 204 || request.head.startsWith('HEAD');
    stream.respond(headers, { endStream: isEmpty, waitForTrailers: length === undefined && !isEmpty });
  }

  data(number: number, bytes: Buffer): void {
    const request = this.request(number);
    request.left -= bytes.length;
    if (request.left === 0) request.stream.end(bytes);
    else request.stream.write(bytes);
  }

  end(number: number, trailers: Readonly<Record<string, string>> = {}): void {
    const request = this.request(number);
    request.trailers = trailers;
    request.stream.end();
  }

  /** The stream of a request, for frames that the contract does not need. */
  streamOf(number: number): http2.ServerHttp2Stream {
    return this.request(number).stream;
  }

  goaway(code: number, last: number): void {
    this.session?.goaway(code, last);
  }

  close(): void {
    this.transport.destroySoon();
  }
}
