/** A raw TCP client that sends exactly the given bytes and returns exactly the received ones. Strings are bytes (latin1). */
import { connect as connectSocket, type Socket } from 'node:net';
import { type Answer, answerLength, parseAnswer } from './answer.js';

/** ms that a test waits for bytes before it fails; long, because machines may be busy. */
export const READ_TIMEOUT = 30_000;

/** Address to connect to: a port of 127.0.0.1, a host and port, or the path of a unix socket. */
export type Target = number | { readonly host: string; readonly port: number } | { readonly path: string };

/** Received bytes of a socket, and the reads waiting for them. Shared by the client and the back end. */
export class ByteReader {
  /** Bytes received but not yet read. */
  pending = '';
  /** The other side sent FIN, or the connection is gone. */
  ended = false;
  /** The connection was reset, or failed otherwise. */
  error: NodeJS.ErrnoException | null = null;
  private wake: (() => void) | null = null;

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.pending += chunk.toString('latin1');
      this.wake?.();
    });
    socket.on('end', () => this.finish());
    socket.on('close', () => this.finish());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error;
      this.finish();
    });
  }

  private finish(): void {
    this.ended = true;
    this.wake?.();
  }

  /**
   * Reads bytes as soon as `measure` returns their number (undefined: wait for more). At the end of the connection the
   * remaining bytes are returned, if `atEnd` allows it.
   */
  async take(what: string, measure: (pending: string) => number | undefined, atEnd: 'take' | 'fail'): Promise<string> {
    for (;;) {
      const length = measure(this.pending) ?? (this.ended && atEnd === 'take' ? this.pending.length : undefined);
      if (length !== undefined) {
        const taken = this.pending.slice(0, length);
        this.pending = this.pending.slice(length);
        return taken;
      }
      if (this.ended) {
        throw new Error(
          `the connection ended before ${what}${this.error ? ` (${this.error.code})` : ''}; got ${show(this.pending)}`,
        );
      }
      await this.more(what);
    }
  }

  private more(what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.wake = null;
        reject(new Error(`waited ${READ_TIMEOUT} ms for ${what}; got ${show(this.pending)}`));
      }, READ_TIMEOUT);
      this.wake = () => {
        this.wake = null;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Reads up to and including `mark`. */
  until(mark: string): Promise<string> {
    return this.take(JSON.stringify(mark), (pending) => after(pending, mark), 'fail');
  }

  /** Reads that many bytes. */
  bytes(count: number): Promise<string> {
    return this.take(`${count} bytes`, (pending) => (pending.length >= count ? count : undefined), 'fail');
  }

  /** Reads all available bytes, waiting for at least one; empty at the end of the connection. */
  some(): Promise<string> {
    return this.take('a byte', (pending) => (pending.length > 0 ? pending.length : undefined), 'take');
  }

  /** Reads up to the end of the connection. */
  all(): Promise<string> {
    return this.take('the end of the connection', () => undefined, 'take');
  }
}

function after(pending: string, mark: string): number | undefined {
  const at = pending.indexOf(mark);
  return at < 0 ? undefined : at + mark.length;
}

function show(bytes: string): string {
  return JSON.stringify(bytes.length > 400 ? `${bytes.slice(0, 400)}…` : bytes);
}

/** A client connection. */
export class Connection {
  readonly reader: ByteReader;

  constructor(readonly socket: Socket) {
    this.reader = new ByteReader(socket);
  }

  /** Local port. */
  get localPort(): number {
    return this.socket.localPort ?? 0;
  }

  send(bytes: string | Buffer): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  /**
   * Reads one whole response (earlier interim responses are in `answer.interim`). `method`: the request's, because responses
   * to HEAD have no body.
   */
  async answer(method = 'GET'): Promise<Answer> {
    const raw = await this.reader.take(
      'an answer',
      (pending) => answerLength(pending, method, this.reader.ended),
      'fail',
    );
    return parseAnswer(raw, method);
  }

  until(mark: string): Promise<string> {
    return this.reader.until(mark);
  }

  bytes(count: number): Promise<string> {
    return this.reader.bytes(count);
  }

  some(): Promise<string> {
    return this.reader.some();
  }

  /** Reads up to the end of the connection. */
  all(): Promise<string> {
    return this.reader.all();
  }

  /** Sends FIN and continues reading. */
  end(): this {
    this.socket.end();
    return this;
  }

  /** Closes with RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Connects; the socket neither half-closes automatically nor delays small writes. */
export function connect(target: Target): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const where = typeof target === 'number' ? { host: '127.0.0.1', port: target } : target;
    const socket = connectSocket({ ...where, allowHalfOpen: true, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(new Connection(socket));
    });
  });
}

/** Sends the bytes and returns everything received until the other side closed. */
export async function exchange(target: Target, bytes: string | Buffer): Promise<string> {
  const connection = await connect(target);
  try {
    return await connection.send(bytes).all();
  } finally {
    connection.close();
  }
}

/** Options of a simple request. */
export interface RequestOptions {
  readonly method?: string;
  /** Further field lines, without CRLF: `Cookie: a=b`. `Host` and `Connection` are added unless given here. */
  readonly fields?: readonly string[];
  readonly body?: string;
}

/** The bytes of a well-formed HTTP/1.1 request. `Connection: close` is sent unless a Connection field is given. */
export function request(path: string, options: RequestOptions = {}): string {
  const fields = [...(options.fields ?? [])];
  const has = (name: string) => fields.some((field) => field.toLowerCase().startsWith(`${name}:`));
  if (!has('host')) fields.unshift('Host: localhost');
  if (!has('connection')) fields.push('Connection: close');
  if (options.body !== undefined && !has('content-length') && !has('transfer-encoding')) {
    fields.push(`Content-Length: ${options.body.length}`);
  }
  return `${options.method ?? 'GET'} ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${options.body ?? ''}`;
}

/** Sends one request on a new connection; returns the response. */
export async function get(target: Target, path = '/', options: RequestOptions = {}): Promise<Answer> {
  const connection = await connect(target);
  try {
    return await connection.send(request(path, options)).answer(options.method ?? 'GET');
  } finally {
    connection.close();
  }
}
