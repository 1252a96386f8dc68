/** Back ends for tests: raw TCP servers that follow a script, so that they can also misbehave in defined ways. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ByteReader } from './connection.js';

/** A request as a back end received it. All strings are bytes. */
export interface ReceivedRequest {
  /** The head as received, up to and including the empty line. */
  readonly head: string;
  readonly line: string;
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [string, string])[];
  /** The body without its framing. */
  readonly body: string;
  /** The body as received, with chunk sizes. */
  readonly rawBody: string;
  field(name: string): string | undefined;
}

/** One connection that a back end accepted. */
export class BackendConnection {
  readonly reader: ByteReader;
  constructor(
    readonly socket: Socket,
    /** Counts from 1. */
    readonly number: number,
  ) {
    this.reader = new ByteReader(socket);
  }

  send(bytes: string | Buffer): this {
    if (!this.socket.destroyed) this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  /** Reads the head of a request, but not its body. Null if the connection ends before a request starts. */
  async head(): Promise<ReceivedRequest | null> {
    const head = await this.reader.take(
      'a request head',
      (pending) => {
        const at = pending.indexOf('\r\n\r\n');
        return at < 0 ? undefined : at + 4;
      },
      this.reader.pending === '' ? 'take' : 'fail',
    );
    return head.endsWith('\r\n\r\n') ? received(head, '', '') : null;
  }

  /** Reads one whole request; null if the connection ends before one starts. */
  async request(): Promise<ReceivedRequest | null> {
    const request = await this.head();
    if (request === null) return null;
    if (/chunked/i.test(request.field('transfer-encoding') ?? '')) {
      const [rawBody, body] = await this.chunks();
      return received(request.head, body, rawBody);
    }
    const length = Number(request.field('content-length') ?? 0);
    if (length === 0) return request;
    const body = await this.reader.bytes(length);
    return received(request.head, body, body);
  }

  private async chunks(): Promise<[raw: string, body: string]> {
    let raw = '';
    let body = '';
    for (;;) {
      const line = await this.reader.until('\r\n');
      raw += line;
      const size = Number.parseInt(line, 16);
      if (size === 0) break;
      const chunk = await this.reader.bytes(size + 2);
      raw += chunk;
      body += chunk.slice(0, -2);
    }
    for (;;) {
      const line = await this.reader.until('\r\n');
      raw += line;
      if (line === '\r\n') return [raw, body];
    }
  }

  /** Sends FIN. */
  end(): void {
    this.socket.end();
  }

  /** Closes with RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

function received(head: string, body: string, rawBody: string): ReceivedRequest {
  const lines = head.slice(0, -4).split('\r\n');
  const line = lines[0] ?? '';
  const fields = lines.slice(1).map((text) => {
    const colon = text.indexOf(':');
    return [text.slice(0, colon), text.slice(colon + 1).trim()] as const;
  });
  const [method = '', target = ''] = line.split(' ');
  const field = (name: string): string | undefined => {
    const values = fields.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
    return values.length === 0 ? undefined : values.join(', ');
  };
  return { head, line, method, target, fields, body, rawBody, field };
}

/** A running back end. */
export class Backend {
  /** Connections accepted so far, in order. */
  readonly connections: BackendConnection[] = [];
  /** Requests that `answeringBackend` read so far, in order. */
  readonly requests: ReceivedRequest[] = [];
  /** Errors thrown by scripts; a test that expects none checks that it is empty. */
  readonly failures: unknown[] = [];

  constructor(
    private readonly server: Server,
    /** The port on 127.0.0.1; 0 on a unix socket. */
    readonly port: number,
    /** The path of the unix socket; empty on TCP. */
    readonly path: string,
    private readonly directory: string | null,
  ) {}

  /** Number of open connections. */
  get open(): number {
    return this.connections.filter((connection) => !connection.socket.destroyed).length;
  }

  close(): Promise<void> {
    for (const connection of this.connections) connection.socket.destroy();
    return new Promise((resolve) => {
      this.server.close(() => {
        if (this.directory !== null) rmSync(this.directory, { recursive: true, force: true });
        resolve();
      });
    });
  }
}

/** Options of a back end. */
export interface BackendOptions {
  /** Listen on a unix socket in a directory of its own. */
  readonly unix?: boolean;
  /** The port to take; 0 (the default) for any. */
  readonly port?: number;
}

/** Starts a back end that runs `script` for each connection; the connection stays open when it returns. */
export async function scriptedBackend(
  script: (connection: BackendConnection) => void | Promise<void>,
  options: BackendOptions = {},
): Promise<Backend> {
  const directory = options.unix ? mkdtempSync(join(tmpdir(), 'tsproxy-backend-')) : null;
  const path = directory === null ? '' : join(directory, 'backend.sock');
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (directory === null) server.listen(options.port ?? 0, '127.0.0.1', resolve);
    else server.listen(path, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const backend = new Backend(server, port, path, directory);
  server.on('connection', (socket) => {
    const connection = new BackendConnection(socket, backend.connections.length + 1);
    backend.connections.push(connection);
    // A script that still waits for bytes at the end of the test fails because its connection is closed: no error.
    Promise.resolve(script(connection)).catch((error: unknown) => {
      if (!connection.reader.ended) backend.failures.push(error);
    });
  });
  return backend;
}

/**
 * Starts a back end that responds to every request with the given bytes, or with the result of `answer`. A response with
 * `Connection: close`, or without a length, closes the connection.
 */
export async function answeringBackend(
  answer: string | ((request: ReceivedRequest, connection: BackendConnection) => string | Promise<string>),
  options: BackendOptions = {},
): Promise<Backend> {
  const backend: Backend = await scriptedBackend(async (connection) => {
    for (;;) {
      const request = await connection.request();
      if (request === null) return connection.end();
      backend.requests.push(request);
      const bytes = typeof answer === 'string' ? answer : await answer(request, connection);
      connection.send(bytes);
      const head = bytes.slice(0, bytes.indexOf('\r\n\r\n') + 2);
      const framed = /\r\n(content-length|transfer-encoding):/i.test(head) || /^HTTP\/1\.1 (204|304)/.test(head);
      if (!framed || /\r\nconnection: *close/i.test(head)) return connection.end();
    }
  }, options);
  return backend;
}

/** Bytes of a well-formed response with a length. */
export function reply(body: string, options: { status?: string; fields?: readonly string[] } = {}): string {
  const fields = [`Content-Length: ${body.length}`, ...(options.fields ?? [])];
  return `HTTP/1.1 ${options.status ?? '200 OK'}\r\n${fields.join('\r\n')}\r\n\r\n${body}`;
}
