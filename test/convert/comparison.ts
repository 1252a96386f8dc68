/** Comparison of a source program with tsproxy and the converted file: the same requests through both. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { convertText, type ForeignFormat } from '../../src/convert/convert.js';
import { toBytes } from '../../src/diagnostics/byte-string.js';
import { checkConfig } from '../../src/index.js';
import { createProxy, type ReverseProxy } from '../../src/library/proxy.js';
import { closedPort } from '../kit/index.js';

export interface ComparedRequest {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Fields of the response that are not compared, for a reason beside it. */
  readonly except?: readonly string[];
  /** The same for fields of the request as the back end gets it. */
  readonly exceptReceived?: readonly string[];
}

/** A source with requests. `%A%`, `%B%`, `%C%` are ports of back ends, `%PORT%` that of the proxy, `%DIR%` a directory. */
export interface ConversionCase {
  readonly name: string;
  readonly source: string;
  /** Name of the file; the default is that of the suite. */
  readonly file?: string;
  readonly requests: readonly ComparedRequest[];
  /** Files below `%DIR%`. */
  readonly files?: Readonly<Record<string, string>>;
  /** What is not converted. */
  readonly missing?: readonly RegExp[];
}

export interface Differences {
  /** Fields that a program adds to requests or responses by itself, in lower case, with the reason. */
  readonly request: Readonly<Record<string, string>>;
  readonly response: Readonly<Record<string, string>>;
  /** Status codes of tsproxy for one of the source. */
  readonly status?: Readonly<Record<number, number>>;
}

/** A running source program. */
export interface SourceProgram {
  /** Puts a case in force; returns the port. */
  load(source: string, port: number, directory: string, name: string): Promise<number>;
  close(): Promise<void>;
}

/** A response, with the request as a back end received it, in a form that can be compared. */
interface Exchange {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Fields about the connection, which each hop has its own of. */
const CONNECTION = /^(?:connection|keep-alive|transfer-encoding|content-length|date|te|proxy-connection)$/;

export class Comparison {
  private constructor(
    readonly format: ForeignFormat,
    private readonly differences: Differences,
    private readonly backends: readonly { readonly name: string; readonly server: Server; readonly port: number }[],
    private readonly directory: string,
  ) {}

  static async start(format: ForeignFormat, differences: Differences): Promise<Comparison> {
    const backends = [];
    for (const name of ['A', 'B', 'C']) {
      const server = createServer((request, response) => void answer(name, request, response));
      server.on('upgrade', (request, socket: Socket) => {
        const key =
          request.headers['sec-websocket-key'] === 'dGhlIHNhbXBsZSBub25jZQ==' ? 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' : 'x';
        const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\nX-Backend: ${name} ${request.url}\r\n\r\n`;
        socket.on('error', () => socket.destroy());
        // Upgraded connections are none of the server any more.
        socket.end(head, () => socket.destroySoon());
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      backends.push({ name, server, port: (server.address() as AddressInfo).port });
    }
    return new Comparison(format, differences, backends, mkdtempSync(join(tmpdir(), 'tsproxy-convert-')));
  }

  async close(): Promise<void> {
    for (const { server } of this.backends) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Runs one case. */
  async compare(one: ConversionCase, program: SourceProgram, file: string): Promise<void> {
    for (const [path, content] of Object.entries(one.files ?? {})) {
      const full = join(this.directory, path);
      mkdirSync(dirname(full), { recursive: true });
      if (!existsSync(full)) writeFileSync(full, content);
    }
    const port = await closedPort();
    const source = this.filled(one.source, port);
    const served = await program.load(source, port, this.directory, one.name);
    const expected = await this.exchanges(one.requests, served, { [served]: 'PORT' });

    const own = await closedPort();
    const { text, missing, files } = convertText(this.format, one.file ?? file, toBytes(this.filled(one.source, own)), {
      listen: `127.0.0.1:${own}`,
      isListed: false,
      read: () => [],
    });
    for (const auxiliary of files) writeFileSync(join(this.directory, auxiliary.name), auxiliary.text);
    const notes = missing.map(({ line, message }) => `${line}: ${message}`);
    const wanted = one.missing ?? [];
    assert.ok(
      notes.length === wanted.length && wanted.every((pattern) => notes.some((note) => pattern.test(note))),
      `not converted:\n${notes.join('\n')}`,
    );
    const checked = checkConfig({ config: text }, { prefix: this.directory });
    assert.ok(checked.ok, `${checked.rendered}\n${text}`);
    const proxy: ReverseProxy = createProxy({ config: text, prefix: this.directory, errorLog: () => {} });
    try {
      await proxy.start();
      const actual = await this.exchanges(one.requests, own, { [own]: 'PORT' });
      one.requests.forEach((request, index) => {
        const label = `${request.method ?? 'GET'} ${request.path} ${JSON.stringify(request.headers ?? {})}\n${text}`;
        assert.deepEqual(
          this.comparable(actual[index], request, 'converted'),
          this.comparable(expected[index], request, 'source'),
          label,
        );
      });
    } finally {
      await proxy.close();
    }
  }

  /** A source with the ports of the back ends and of the proxy. */
  filled(text: string, port: number): string {
    let filled = text.replaceAll('%PORT%', String(port)).replaceAll('%DIR%', this.directory);
    for (const { name, port: own } of this.backends) filled = filled.replaceAll(`%${name}%`, String(own));
    return filled;
  }

  private async exchanges(
    requests: readonly ComparedRequest[],
    port: number,
    ports: Readonly<Record<string, string>>,
  ): Promise<Exchange[]> {
    const known = { ...ports, ...Object.fromEntries(this.backends.map(({ name, port: own }) => [own, name])) };
    const list: Exchange[] = [];
    for (const request of requests) list.push(await exchange(request, port, known));
    return list;
  }

  private comparable(
    one: Exchange | undefined,
    { except = [], exceptReceived = [] }: ComparedRequest,
    side: 'source' | 'converted',
  ): unknown {
    if (one === undefined) return undefined;
    const { request, response, status = {} } = this.differences;
    const without = (fields: Readonly<Record<string, string>>, omitted: Readonly<Record<string, string>>) =>
      Object.fromEntries(
        Object.entries(fields)
          .filter(([name]) => !(name in omitted) && !CONNECTION.test(name))
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      );
    const fields = without(one.fields, { ...response, ...named(except) });
    // The type of an empty text has no meaning.
    if (one.body === '') delete fields['content-type'];
    const own = side === 'source' ? (status[one.status] ?? one.status) : one.status;
    if (isReceived(one.body)) {
      return {
        status: own,
        fields,
        received: { ...one.body, fields: without(one.body.fields, { ...request, ...named(exceptReceived) }) },
      };
    }
    // Pages of errors are each program's own.
    return {
      status: own,
      fields: one.status >= 300 ? { location: fields.location } : fields,
      body: one.status >= 300 ? '' : one.body,
    };
  }
}

function named(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, '']));
}

interface Received {
  readonly backend: string;
  readonly fields: Readonly<Record<string, string>>;
}

function isReceived(body: unknown): body is Received {
  return typeof body === 'object' && body !== null && 'backend' in body;
}

/** Answers with the request as it was received. */
async function answer(
  name: string,
  request: IncomingMessage,
  response: import('node:http').ServerResponse,
): Promise<void> {
  let body = '';
  request.setEncoding('latin1');
  for await (const part of request) body += String(part);
  const fields: Record<string, string> = {};
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const key = (request.rawHeaders[at] ?? '').toLowerCase();
    const value = request.rawHeaders[at + 1] ?? '';
    fields[key] = key in fields ? `${fields[key]}, ${value}` : value;
  }
  const target = request.url ?? '';
  const status = Number(/[?&]status=(\d+)/.exec(target)?.[1] ?? 200);
  response.setHeader('X-Backend', name);
  response.setHeader('X-Internal', 'secret');
  response.setHeader('Content-Type', 'application/json');
  if (target.includes('cookie'))
    response.setHeader('Set-Cookie', 'sid=1; Domain=internal.example; Path=/app; HttpOnly');
  if (target.includes('moved')) {
    response.setHeader('Location', `http://${fields.host}/next`);
  }
  response.statusCode = status;
  response.end(JSON.stringify({ backend: name, method: request.method, target, fields, body }));
}

function exchange(sent: ComparedRequest, port: number, ports: Readonly<Record<string, string>>): Promise<Exchange> {
  const { path, method = 'GET', headers = {}, body } = sent;
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      path,
      method,
      headers: { Host: `localhost:${port}`, ...headers, ...(body !== undefined && { 'Content-Length': body.length }) },
      agent: false,
      timeout: 60_000,
    });
    request.on('timeout', () => request.destroy(new Error(`no response to ${path}`)));
    request.on('error', reject);
    const finish = (response: IncomingMessage, text: string): void => {
      const fields: Record<string, string> = {};
      for (const [name, value] of Object.entries(response.headers)) {
        fields[name] = namedPorts(Array.isArray(value) ? value.join(', ') : String(value), ports);
      }
      resolve({ status: response.statusCode ?? 0, fields, body: bodyOf(text, ports) });
    };
    request.on('upgrade', (response, socket) => {
      socket.destroy();
      finish(response, '');
    });
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('end', () => finish(response, text));
      response.on('error', reject);
    });
    request.end(body);
  });
}

/** Ports differ between the two programs. */
function namedPorts(text: string, ports: Readonly<Record<string, string>>): string {
  return text.replace(/\b\d{4,5}\b/g, (port) => ports[port] ?? port);
}

function bodyOf(text: string, ports: Readonly<Record<string, string>>): unknown {
  if (!text.startsWith('{"backend"')) return namedPorts(text, ports);
  return JSON.parse(text, (key, value: unknown) => {
    if (typeof value !== 'string') return value;
    // Lists are written with and without blanks.
    const list = /^(?:x-forwarded-|via)/.test(key) ? value.replace(/,\s*/g, ', ') : value;
    return namedPorts(list, ports);
  });
}
