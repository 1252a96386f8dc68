/** How llhttp, by way of Node's own server, reads the bytes of a client. */
import { createServer } from 'node:http';
import { Duplex } from 'node:stream';

/** A request as `node:http` hands it over. Strings are bytes. */
export interface LlhttpRequest {
  readonly method: string;
  readonly target: string;
  /** Name and value in turn, as they came. */
  readonly fields: readonly string[];
  readonly body: string;
  /** Its end was found. */
  readonly complete: boolean;
}

export interface LlhttpReading {
  readonly requests: readonly LlhttpRequest[];
  /** The code of the error that ended the reading, or empty. */
  readonly error: string;
}

/** A connection in memory: gives the bytes and the end, and drops what is written. */
class Bytes extends Duplex {
  constructor(private bytes: Buffer | null) {
    super();
  }
  override _read(): void {
    const { bytes } = this;
    this.bytes = null;
    if (bytes !== null && bytes.length > 0) this.push(bytes);
    else this.push(null);
  }
  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done();
  }
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
}

/** Reads the bytes of one connection with Node's default strictness. */
export function readWithLlhttp(bytes: string): Promise<LlhttpReading> {
  const requests: { request: LlhttpRequest; body: Buffer[]; done: boolean }[] = [];
  let error = '';
  const server = createServer({ insecureHTTPParser: false, requireHostHeader: false, keepAliveTimeout: 0 });
  const take = (incoming: import('node:http').IncomingMessage, more?: () => void): void => {
    const { method = '', url = '', rawHeaders } = incoming;
    const entry = {
      request: { method, target: url, fields: rawHeaders, body: '', complete: false },
      body: [] as Buffer[],
      done: false,
    };
    requests.push(entry);
    incoming.on('data', (chunk: Buffer) => entry.body.push(chunk));
    incoming.on('end', () => {
      entry.done = true;
    });
    incoming.on('error', () => {});
    more?.();
  };
  server.on('request', (incoming, outgoing) => take(incoming, () => incoming.on('end', () => outgoing.end())));
  server.on('checkContinue', (incoming, outgoing) => take(incoming, () => incoming.on('end', () => outgoing.end())));
  server.on('checkExpectation', (incoming, outgoing) => take(incoming, () => incoming.on('end', () => outgoing.end())));
  server.on('upgrade', (incoming, socket) => {
    take(incoming);
    socket.destroy();
  });
  server.on('connect', (incoming, socket) => {
    take(incoming);
    socket.destroy();
  });
  server.on('clientError', (failure: NodeJS.ErrnoException, socket) => {
    error = failure.code ?? failure.message;
    socket.destroy();
  });
  return new Promise((resolve) => {
    const socket = new Bytes(Buffer.from(bytes, 'latin1'));
    socket.on('error', () => {});
    socket.on('close', () => {
      resolve({
        requests: requests.map(({ request, body, done }) => ({
          ...request,
          body: Buffer.concat(body).toString('latin1'),
          complete: done,
        })),
        error,
      });
    });
    server.emit('connection', socket);
  });
}
