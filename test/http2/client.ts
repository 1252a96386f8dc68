/** An HTTP/2 client for tests, on Node's implementation. */
import http2 from 'node:http2';

export interface Http2Answer {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  readonly body: string;
  readonly trailers: http2.IncomingHttpHeaders;
  /** Interim responses. */
  readonly interim: readonly (http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader)[];
}

/** Fields of a request; `:path` is required. */
export type Fields = http2.OutgoingHttpHeaders & { readonly ':path': string };

/** A connection of a client. */
export class Http2Client {
  readonly session: http2.ClientHttp2Session;
  /** Errors of the session: they end its requests as well. */
  readonly errors: Error[] = [];

  constructor(origin: string, options: http2.SecureClientSessionOptions = {}) {
    this.session = http2.connect(origin, { rejectUnauthorized: false, ...options });
    this.session.on('error', (error) => this.errors.push(error));
  }

  /** Begins a request. */
  open(fields: Fields, options: http2.ClientSessionRequestOptions = {}): http2.ClientHttp2Stream {
    const stream = this.session.request(fields, options);
    stream.on('error', () => {});
    return stream;
  }

  /** Sends a request with its body, and reads the response. Fails if the stream is reset. */
  async request(fields: Fields, body: string | Buffer | null = null): Promise<Http2Answer> {
    const stream = this.open(fields, { endStream: body === null });
    if (body !== null) stream.end(body);
    return await answerOf(stream);
  }

  close(): void {
    this.session.destroy();
  }
}

/** Reads a response. */
export function answerOf(stream: http2.ClientHttp2Stream): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    let headers: Http2Answer['headers'] = {};
    let trailers: http2.IncomingHttpHeaders = {};
    const interim: Http2Answer['headers'][] = [];
    const chunks: Buffer[] = [];
    stream.on('headers', (fields) => interim.push(fields as Http2Answer['headers']));
    stream.on('response', (fields) => (headers = fields));
    stream.on('trailers', (fields) => (trailers = fields));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => {
      const body = Buffer.concat(chunks).toString('latin1');
      const code = stream.rstCode ?? 0;
      if (code !== 0) reject(new Error(`the stream was reset with code ${code}`));
      else resolve({ status: Number(headers[':status']), headers, body, trailers, interim });
    });
  });
}
