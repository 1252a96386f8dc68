/** njs's `Request`. */
import { type Address, parseAddress } from '../../config/address.js';
import { bytesOf, textOf } from './bytes.js';
import { Headers, headersOf } from './headers.js';
import { MessageBody, refuseAssignments } from './message-body.js';

export interface RequestOptions {
  readonly body?: unknown;
  readonly cache?: unknown;
  readonly credentials?: unknown;
  readonly headers?: unknown;
  readonly method?: unknown;
  readonly mode?: unknown;
}

/** Target of a request. */
export interface Target {
  readonly secure: boolean;
  /** As in the URL; literal IPv6 addresses have their brackets. */
  readonly host: string;
  readonly port: number;
  /** Whether the port is the scheme's default. */
  readonly isDefaultPort: boolean;
  /** Path and query, beginning with a slash. */
  readonly path: string;
}

const FORBIDDEN_METHODS = ['CONNECT', 'TRACE', 'TRACK'];
/** Methods that are converted to upper case. */
const NORMALIZED_METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];
const UNSAFE = /[\0-\x20\x7f]/;
const AROUND_URL = /^[\0-\x20]+|[\0-\x20]+$/g;

const CACHE = ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'];
const CREDENTIALS = ['same-origin', 'omit', 'include'];
const MODES = ['no-cors', 'same-origin', 'cors', 'navigate', 'websocket'];

function methodOf(value: unknown): string {
  const method = textOf(value);
  if (method === '' || UNSAFE.test(method)) throw new TypeError('invalid Request method');
  const upper = method.toUpperCase();
  if (FORBIDDEN_METHODS.includes(upper)) throw new TypeError(`forbidden method: ${upper}`);
  return NORMALIZED_METHODS.includes(upper) ? upper : method;
}

/** One of some words; the first is the default. */
function choiceOf(value: unknown, name: string, choices: readonly string[]): string {
  if (value === undefined) return choices[0] ?? '';
  const text = textOf(value);
  if (!choices.includes(text)) throw new TypeError(`unknown ${name} type: ${text}`);
  return text;
}

/** Parses a URL; throws TypeError. */
export function targetOf(url: string): Target {
  const scheme = /^https?:\/\//i.exec(url)?.[0];
  if (scheme === undefined) throw new TypeError('unsupported URL schema (only http or https are supported)');
  const secure = scheme.length === 'https://'.length;
  const defaultPort = secure ? 443 : 80;
  const rest = url.slice(scheme.length);
  if (UNSAFE.test(rest)) throw new TypeError('invalid url');
  const parsed: Address | { readonly mistake: string } = parseAddress(rest.replace(/#.*$/s, ''), {
    defaultPort,
    uri: true,
  });
  if ('mistake' in parsed || parsed.family === 'unix') throw new TypeError('invalid url');
  const { port, uri } = parsed;
  const host = /^(?:\[[^\]]*\]|[^/?#:]*)/.exec(rest)?.[0] ?? parsed.host;
  const path = uri.startsWith('/') ? uri : `/${uri}`;
  return { secure, host, port, isDefaultPort: port === defaultPort, path };
}

/** Result of `copied`: the properties of a new request. */
interface Properties {
  url: string;
  method: string;
  cache: string;
  credentials: string;
  mode: string;
  headers: Headers;
  body: Buffer;
}

function propertiesOf(input: unknown, options: RequestOptions | undefined): Properties {
  if (input === undefined) throw new TypeError('1st argument is required');
  let properties: Properties;
  if (input instanceof Request) {
    properties = {
      url: input.url,
      method: input.method,
      cache: input.cache,
      credentials: input.credentials,
      mode: input.mode,
      headers: new Headers(input.headers),
      body: MessageBody.bytesOf(input),
    };
  } else {
    if (typeof input === 'symbol') throw new TypeError('input is not string or a Request object');
    properties = {
      url: textOf(input).replace(AROUND_URL, ''),
      method: 'GET',
      cache: 'default',
      credentials: 'same-origin',
      mode: 'no-cors',
      headers: new Headers(),
      body: Buffer.alloc(0),
    };
  }
  targetOf(properties.url);
  if (typeof options !== 'object' || options === null) return properties;
  const { method, cache, credentials, mode, headers, body } = options;
  if (method !== undefined) properties.method = methodOf(method);
  properties.cache = choiceOf(cache, 'cache', CACHE);
  properties.credentials = choiceOf(credentials, 'credentials', CREDENTIALS);
  properties.mode = choiceOf(mode, 'mode', MODES);
  if (headers !== undefined) properties.headers = headersOf(headers);
  if (body !== undefined) {
    properties.body = bytesOf(body);
    if (typeof body === 'string' && !properties.headers.has('Content-Type')) {
      properties.headers.append('Content-Type', 'text/plain;charset=UTF-8');
    }
  }
  return properties;
}

export class Request extends MessageBody {
  readonly #properties: Properties;

  constructor(input?: unknown, options?: RequestOptions) {
    const properties = propertiesOf(input, options);
    super(properties.body);
    this.#properties = properties;
  }

  get url(): string {
    return this.#properties.url;
  }
  get method(): string {
    return this.#properties.method;
  }
  get cache(): string {
    return this.#properties.cache;
  }
  get credentials(): string {
    return this.#properties.credentials;
  }
  get mode(): string {
    return this.#properties.mode;
  }
  get headers(): Headers {
    return this.#properties.headers;
  }
  get [Symbol.toStringTag](): string {
    return 'Request';
  }

  static {
    refuseAssignments(Request.prototype);
  }
}
