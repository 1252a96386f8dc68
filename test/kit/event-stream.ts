/** Event streams for tests: a parser of whole streams, a client, and a server with ids that can be restarted. */
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from './proxy.js';

export interface ParsedEvent {
  readonly type: string;
  readonly data: string;
  readonly id: string;
}

export interface ParsedStream {
  readonly events: readonly ParsedEvent[];
  readonly comments: readonly string[];
  /** Reconnection times, ms. */
  readonly retries: readonly number[];
}

/** Parses a whole stream as the HTML standard describes it; `text` is a byte string. */
export function parseEvents(text: string): ParsedStream {
  const events: ParsedEvent[] = [];
  const comments: string[] = [];
  const retries: number[] = [];
  let data: string[] = [];
  let type = '';
  let id = '';
  const lines = text.replace(/^\xef\xbb\xbf/, '').split(/\r\n|\r|\n/);
  // Without a line end, the last one is incomplete.
  for (const line of lines.slice(0, -1)) {
    if (line === '') {
      if (data.length > 0) events.push({ type: type === '' ? 'message' : type, data: data.join('\n'), id });
      data = [];
      type = '';
      continue;
    }
    const colon = line.indexOf(':');
    if (colon === 0) {
      comments.push(line.slice(1));
      continue;
    }
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') data.push(value);
    else if (name === 'event') type = value;
    else if (name === 'id' && !value.includes('\0')) id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) retries.push(Number(value));
  }
  return { events, comments, retries };
}

/** A client of an event stream that keeps everything it receives. */
export class EventClient {
  /** The body so far; a byte string. */
  text = '';
  status = 0;
  fields: IncomingMessage['headers'] = {};
  /** `open`, then `complete` or `cut`. */
  state: 'waiting' | 'open' | 'complete' | 'cut' = 'waiting';
  private readonly request: ClientRequest;

  constructor(
    port: number,
    path: string,
    options: { method?: string; body?: string; headers?: Record<string, string> } = {},
  ) {
    const { method = 'GET', body, headers = {} } = options;
    const target = { host: '127.0.0.1', port, path, method, headers: { accept: 'text/event-stream', ...headers } };
    this.request = request({ ...target, agent: false }, (response) => {
      this.state = 'open';
      this.status = response.statusCode ?? 0;
      this.fields = response.headers;
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        this.text += chunk;
      });
      response.on('close', () => {
        this.state = response.complete ? 'complete' : 'cut';
      });
      // Reported by the state.
      response.on('error', () => {});
    });
    this.request.on('error', () => {
      if (this.state === 'waiting') this.state = 'cut';
    });
    this.request.end(body);
  }

  get events(): readonly ParsedEvent[] {
    return parseEvents(this.text).events;
  }
  get data(): string[] {
    return this.events.map(({ data }) => data);
  }

  /** Waits until that many events have arrived. */
  async received(count: number): Promise<void> {
    await until(`${count} events have arrived`, () => this.events.length >= count || this.ended);
    if (this.events.length < count) throw new Error(`the stream ended after ${this.events.length} events`);
  }
  get ended(): boolean {
    return this.state === 'complete' || this.state === 'cut';
  }
  async end(): Promise<void> {
    await until('the stream has ended', () => this.ended);
  }
  close(): void {
    this.request.destroy();
  }
}

/** A server of one event stream, whose events have ids, and that sends a client those it has missed. */
export class EventServer {
  port = 0;
  /** `Last-Event-ID` of each request, in order; undefined without one. */
  readonly lastIds: (string | undefined)[] = [];
  /** Paths of the requests. */
  readonly paths: (string | undefined)[] = [];
  readonly open = new Set<ServerResponse>();
  private readonly history: string[] = [];
  private server: Server | null = null;

  /** `lines`: lines of each event after its id. `overlap`: number of events that are repeated to a client that continues. */
  constructor(private readonly overlap = 0) {}

  async start(): Promise<void> {
    const server = createServer((request, response) => this.respond(request, response));
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port; // it listens
  }

  private respond(request: IncomingMessage, response: ServerResponse): void {
    const last = request.headers['last-event-id'];
    this.lastIds.push(typeof last === 'string' ? last : undefined);
    this.paths.push(request.url);
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.flushHeaders();
    const from = typeof last === 'string' ? Math.max(0, Number(last) - this.overlap) : this.history.length;
    for (const event of this.history.slice(from)) response.write(event);
    this.open.add(response);
    response.on('close', () => this.open.delete(response));
  }

  /** Sends an event; its id is the number of events so far. */
  send(data: string): void {
    const event = `id: ${this.history.length + 1}\ndata: ${data}\n\n`;
    this.history.push(event);
    for (const response of this.open) response.write(event);
  }

  /** Stops: `complete` ends the responses, otherwise their connections are cut. Events sent meanwhile are kept. */
  async stop(complete = false): Promise<void> {
    const { server } = this;
    if (server === null) return;
    this.server = null;
    for (const response of this.open) {
      if (complete) response.end();
      else response.destroy();
    }
    const closed = new Promise((resolve) => server.close(resolve));
    if (complete) server.closeIdleConnections();
    else server.closeAllConnections();
    await closed;
    this.open.clear();
  }
}
