/** Requests that tests construct, without a proxy. */
import { isRedirect } from '../../exchange/redirect.js';
import { textOf as textOfValue } from '../../scripting/njs/bytes.js';
import type { Content, Form, Request, SubrequestSettings } from '../../scripting/request.js';

export interface TestRequestOptions {
  /** Default: GET. */
  readonly method?: string;
  /** Path with an optional query, or the whole URL; its host is the field `Host`. Default: `/`. */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly variables?: Readonly<Record<string, string>>;
  /** Default: `127.0.0.1`. */
  readonly remoteAddress?: string;
  /** Responds to subrequests; default: 404 without a body. */
  readonly subrequest?: (uri: string, options: SubrequestSettings) => TestReply | Promise<TestReply>;
}

/** Response to a subrequest. */
export interface TestReply {
  readonly status: number;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A line that a function has logged. */
export interface TestLogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
}

/** Effects of a function on a request. */
export interface TestResponse {
  /** Status of the response; 0: there is none. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
  /** Target of `internalRedirect`; null: there was none. */
  readonly redirect: string | null;
  readonly declined: boolean;
  /** Value of `setReturnValue`. */
  readonly returned: Content;
  readonly log: readonly TestLogLine[];
}

/** A request for a function, and what the function has done with it. */
export interface TestRequest extends Request {
  readonly response: TestResponse;
}

/** An object whose properties are fields, by case-insensitive names. */
function fieldsObject<T>(fields: Map<string, readonly [name: string, value: T]>): Record<string, T | undefined> {
  return new Proxy({} as Record<string, T | undefined>, {
    get: (_, name) => fields.get(String(name).toLowerCase())?.[1],
    has: (_, name) => fields.has(String(name).toLowerCase()),
    ownKeys: () => [...fields.values()].map(([name]) => name),
    getOwnPropertyDescriptor: (_, name) => {
      const found = fields.get(String(name).toLowerCase());
      return found === undefined
        ? undefined
        : { value: found[1], enumerable: true, configurable: true, writable: true };
    },
    set: (_, name, value: T) => {
      if (value === undefined || value === null) fields.delete(String(name).toLowerCase());
      else fields.set(String(name).toLowerCase(), [String(name), value]);
      return true;
    },
    deleteProperty: (_, name) => {
      fields.delete(String(name).toLowerCase());
      return true;
    },
  });
}

function textOf(content: Content): string {
  return content === null || content === undefined ? '' : textOfValue(content);
}

class ConstructedRequest implements TestRequest {
  readonly args: Record<string, string | string[]> = {};
  readonly headersIn: Record<string, string | undefined>;
  readonly rawHeadersIn: readonly (readonly [string, string])[];
  readonly httpVersion = '1.1';
  readonly internal = false;
  readonly method: string;
  readonly remoteAddress: string;
  readonly uri: string;
  readonly variables: Record<string, string | undefined>;
  readonly requestBuffer: Buffer | undefined;
  readonly responseBuffer: Buffer | undefined = undefined;
  status = 200;
  headersOut: Record<string, unknown>;
  private readonly out = new Map<string, readonly [string, unknown]>();
  private readonly lines: TestLogLine[] = [];
  private body = '';
  private sent = false;
  private ended = false;
  private redirect: string | null = null;
  private declined = false;
  private returned: Content = undefined;

  constructor(private readonly options: TestRequestOptions) {
    const { method = 'GET', url = '/', headers = {}, body, variables = {}, remoteAddress = '127.0.0.1' } = options;
    const parsed = new URL(url, 'http://localhost');
    const fields = new Map<string, readonly [string, string]>();
    for (const [name, value] of [['Host', parsed.host] as const, ...Object.entries(headers)]) {
      fields.set(name.toLowerCase(), [name, value]);
    }
    for (const [name, value] of parsed.searchParams) {
      const before = this.args[name];
      this.args[name] = before === undefined ? value : [before, value].flat();
    }
    this.method = method;
    this.uri = decodeURIComponent(parsed.pathname);
    this.headersIn = fieldsObject(fields);
    this.rawHeadersIn = [...fields.values()];
    this.remoteAddress = remoteAddress;
    this.requestBuffer = body === undefined ? undefined : Buffer.from(body as string); // both are accepted
    this.headersOut = fieldsObject(this.out);
    this.variables = {
      args: parsed.search.slice(1),
      host: parsed.hostname,
      remote_addr: remoteAddress,
      request_method: method,
      request_uri: parsed.pathname + parsed.search,
      scheme: 'http',
      uri: this.uri,
      ...variables,
    };
  }

  get rawVariables(): Readonly<Record<string, Buffer | undefined>> {
    const entries = Object.entries(this.variables);
    return Object.fromEntries(entries.map(([name, value]) => [name, value === undefined ? value : Buffer.from(value)]));
  }
  get requestText(): string | undefined {
    return this.requestBuffer?.toString();
  }
  get responseText(): string | undefined {
    return this.responseBuffer?.toString();
  }
  get rawHeadersOut(): readonly (readonly [string, string])[] {
    return [...this.out.values()].flatMap(([name, value]) =>
      [value].flat().map((each) => [name, String(each)] as const),
    );
  }

  get response(): TestResponse {
    const { out, body, redirect, declined, returned, lines } = this;
    return {
      status: this.sent ? this.status : 0,
      headers: Object.fromEntries([...out.values()]) as TestResponse['headers'],
      body,
      redirect,
      declined,
      returned,
      log: lines,
    };
  }

  readRequestText(): Promise<string> {
    return Promise.resolve(this.requestText ?? '');
  }
  readRequestArrayBuffer(): Promise<ArrayBuffer> {
    return Promise.resolve(new Uint8Array(this.requestBuffer ?? []).buffer);
  }
  async readRequestJSON(): Promise<unknown> {
    return JSON.parse(await this.readRequestText()) as unknown;
  }
  async readRequestForm(): Promise<Form> {
    const type = this.headersIn['Content-Type'] ?? '';
    const headers = { 'content-type': type };
    const data = await new Response(await this.readRequestText(), { headers }).formData();
    const partOf = (value: unknown): string | { readonly name: string } =>
      typeof value === 'string' ? value : (value as { readonly name: string });
    const form: Form = {
      get: (name) => (data.has(name) ? partOf(data.get(name)) : null),
      getAll: (name) => data.getAll(name).map(partOf),
      has: (name) => data.has(name),
      forEach: (callback, thisArgument) => {
        for (const [key, value] of data.entries()) callback.call(thisArgument, partOf(value), key, form);
      },
      hasFiles: () => [...data.values()].some((value) => typeof value !== 'string'),
    };
    return form;
  }

  return(status: number, body?: Content): void {
    if (this.ended || this.sent) throw new Error('the response was sent before');
    if (!Number.isInteger(status) || status < 0 || status > 999) throw new RangeError('code is out of range');
    this.status = status;
    this.sent = true;
    this.ended = true;
    if (isRedirect(status) && body !== undefined) this.headersOut.Location = textOf(body);
    else this.body = textOf(body);
  }
  sendHeader(): void {
    this.sent = true;
  }
  send(...parts: readonly Content[]): void {
    if (this.ended) throw new Error('the response was sent before');
    this.body += parts.map(textOf).join('');
  }
  finish(): void {
    this.ended = true;
  }
  internalRedirect(uri: string): void {
    this.redirect = uri;
  }
  decline(): void {
    this.declined = true;
  }
  setReturnValue(value: Content): void {
    this.returned = value;
  }
  sendBuffer(data: string | Uint8Array): void {
    this.body += textOf(data);
  }
  done(): void {}

  subrequest(uri: string, second?: unknown, third?: unknown): never {
    const callback = typeof second === 'function' ? second : third;
    const options = (typeof second === 'string' ? { args: second } : typeof second === 'object' ? second : {}) ?? {};
    const reply = new Promise<TestReply>((resolve) =>
      resolve(this.options.subrequest?.(uri, options) ?? { status: 404 }),
    ).then((response) => replyOf(uri, response));
    if (typeof callback !== 'function') return reply as never; // the overloads of `Request`
    reply
      .then((response) => callback(response) as unknown)
      .catch((error: unknown) => {
        // As in the proxy, an exception of the callback is logged, and nothing waits for it.
        this.write('error', [`js exception: ${String(error)}`]);
        if (!this.sent) this.return(500);
      });
    return undefined as never; // as above
  }

  log(...messages: readonly Content[]): void {
    this.write('info', messages);
  }
  warn(...messages: readonly Content[]): void {
    this.write('warn', messages);
  }
  error(...messages: readonly Content[]): void {
    this.write('error', messages);
  }
  private write(level: TestLogLine['level'], messages: readonly Content[]): void {
    this.lines.push({ level, message: messages.map(textOf).join(' ') });
  }
}

function replyOf(uri: string, { status, body, headers = {} }: TestReply): Request {
  const reply = new ConstructedRequest({ url: uri });
  reply.status = status;
  const responseBuffer = Buffer.from((body ?? '') as string); // both are accepted
  for (const [name, value] of Object.entries(headers)) reply.headersOut[name] = value;
  return Object.assign(reply, { responseBuffer });
}

/** Constructs a request. `request.response` is what functions have done with it. */
export function testRequest(options: TestRequestOptions = {}): TestRequest {
  return new ConstructedRequest(options);
}
