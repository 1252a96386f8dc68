/** njs's `Response`. */
import { bytesOf, textOf } from './bytes.js';
import { type Headers, headersOf } from './headers.js';
import { MessageBody, refuseAssignments } from './message-body.js';

export interface ResponseOptions {
  readonly headers?: unknown;
  readonly status?: unknown;
  readonly statusText?: unknown;
}

/** Properties of a received response. */
export interface ReceivedResponse {
  readonly url: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly body: Buffer;
}

const INVALID_STATUS_TEXT = /[\0-\x08\n-\x1f]/;

function statusOf(value: unknown): number {
  if (value === undefined) return 200;
  const status = Math.trunc(Number(value)) || 0;
  if (status < 200 || status > 599) {
    throw new RangeError(`status provided (${status}) is outside of [200, 599] range`);
  }
  return status;
}

function statusTextOf(value: unknown): string {
  if (value === undefined) return '';
  const text = textOf(value);
  if (INVALID_STATUS_TEXT.test(text)) throw new TypeError('invalid Response statusText');
  return text;
}

export class Response extends MessageBody {
  #headers: Headers;
  #status: number;
  #statusText: string;
  #url = '';

  constructor(body?: unknown, options?: ResponseOptions) {
    super(body === undefined || body === null ? Buffer.alloc(0) : bytesOf(body));
    const { status, statusText, headers } = typeof options === 'object' && options !== null ? options : {};
    this.#status = statusOf(status);
    this.#statusText = statusTextOf(statusText);
    this.#headers = headersOf(headers);
    if (typeof body === 'string' && !this.#headers.has('Content-Type')) {
      this.#headers.append('Content-Type', 'text/plain;charset=UTF-8');
    }
  }

  /** A received response: its status and headers are not checked. */
  static received({ url, status, statusText, headers, body }: ReceivedResponse): Response {
    const response = new Response(body);
    response.#url = url;
    response.#status = status;
    response.#statusText = statusText;
    response.#headers = headers;
    return response;
  }

  get headers(): Headers {
    return this.#headers;
  }
  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }
  /** Redirects are not followed. */
  get redirected(): boolean {
    return false;
  }
  get status(): number {
    return this.#status;
  }
  get statusText(): string {
    return this.#statusText;
  }
  get type(): string {
    return 'basic';
  }
  get url(): string {
    return this.#url;
  }
  get [Symbol.toStringTag](): string {
    return 'Response';
  }

  static {
    refuseAssignments(Response.prototype);
  }
}
