/** A raw TCP client that sends exactly the bytes it is told to and hands back exactly what came. Strings are bytes (latin1). */
import { connect as connectSocket, type Socket } from 'node:net';
import { type Answer, answerLength, parseAnswer } from './answer.js';

/** How long a test waits for bytes before it fails, in ms: long, because machines are busy. */
export const PATIENCE = 30_000;

/** Where to connect: a port of 127.0.0.1, a host and port, or the path of a unix socket. */
export type Target = number | { readonly host: string; readonly port: number } | { readonly path: string };

/** Bytes that arrive on a socket, and whoever waits for some of them. Shared by the client and the back end. */
export class ByteReader {
  /** What came and was not taken yet. */
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
   * Takes bytes as soon as `measure` says how many (undefined: wait for more). At the end of the connection what is there is
   * taken, as far as `atEnd` allows.
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
        reject(new Error(`waited ${PATIENCE} ms for ${what}; got ${show(this.pending)}`));
      }, PATIENCE);
      this.wake = () => {
        this.wake = null;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Takes everything up to and including `mark`. */
  until(mark: string): Promise<string> {
    return this.take(JSON.stringify(mark), (pending) => after(pending, mark), 'fail');
  }

  /** Takes that many bytes. */
  bytes(count: number): Promise<string> {
    return this.take(`${count} bytes`, (pending) => (pending.length >= count ? count : undefined), 'fail');
  }

  /** Takes whatever is there, waiting for at least one byte; empty at the end of the connection. */
  some(): Promise<string> {
    return this.take('a byte', (pending) => (pending.length > 0 ? pending.length : undefined), 'take');
  }

  /** Takes everything up to the end of the connection. */
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

/** One client connection. */
export class Connection {
  readonly reader: ByteReader;

  constructor(readonly socket: Socket) {
    this.reader = new ByteReader(socket);
  }

  /** The port that this side has. */
  get localPort(): number {
    return this.socket.localPort ?? 0;
  }

  send(bytes: string | Buffer): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  /** Reads one whole answer (interim answers before it are kept in `answer.interim`). `method`: the request's, because HEAD has no body. */
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

  /** Everything up to the end of the connection. */
  all(): Promise<string> {
    return this.reader.all();
  }

  /** Sends FIN and goes on reading. */
  end(): this {
    this.socket.end();
    return this;
  }

  /** Ends with RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Connects; the connection neither ends its own half by itself nor delays small writes. */
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

/** Sends the bytes and returns all that came until the other side closed. */
export async function exchange(target: Target, bytes: string | Buffer): Promise<string> {
  const connection = await connect(target);
  try {
    return await connection.send(bytes).all();
  } finally {
    connection.close();
  }
}

/** What a plain request may be given. */
export interface RequestOptions {
  readonly method?: string;
  /** Further field lines, without CRLF: `Cookie: a=b`. `Host` and `Connection` are there unless given here. */
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

/** One request on a connection of its own; returns the answer. */
export async function get(target: Target, path = '/', options: RequestOptions = {}): Promise<Answer> {
  const connection = await connect(target);
  try {
    return await connection.send(request(path, options)).answer(options.method ?? 'GET');
  } finally {
    connection.close();
  }
}
