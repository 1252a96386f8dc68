/** Requests to the console's server, with the token that authorizes changes. */
import type { HelloMessage } from '../feed-format.js';
import { urlOf } from './url.js';

export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

export class Control {
  private hello: HelloMessage | null = null;
  /** Names of the upstreams. */
  upstreams: readonly string[] = [];

  update(hello: HelloMessage): void {
    this.hello = hello;
  }

  /** Whether the proxy can be controlled from here. */
  get allowed(): boolean {
    return this.hello?.control === true && this.hello.token !== null;
  }

  /** Whether requests can be repeated. */
  get replays(): boolean {
    return this.allowed && this.hello?.replay === true;
  }

  /** Whether rows include payloads; true until the server's first message. */
  get payloads(): boolean {
    return this.hello?.payload ?? true;
  }

  get(path: string): Promise<Reply> {
    return request(path, { headers: { Accept: 'application/json' } });
  }

  post(path: string, body: unknown): Promise<Reply> {
    const headers: Record<string, string> = { 'Content-Type': 'application/json' };
    if (this.hello?.token != null) headers['X-Console-Token'] = this.hello.token;
    return request(path, { method: 'POST', headers, body: JSON.stringify(body) });
  }
}

/** Status 0: the server cannot be reached. */
async function request(path: string, init: RequestInit): Promise<Reply> {
  try {
    const response = await fetch(urlOf(path), { ...init, cache: 'no-store' });
    const text = await response.text();
    return { status: response.status, body: parsed(text) };
  } catch {
    return { status: 0, body: null };
  }
}

function parsed(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return text;
  }
}

/** The reason of a failed request in words. */
export function failureText({ status, body }: Reply): string {
  if (status === 0) return 'The proxy cannot be reached.';
  if (typeof body === 'object' && body !== null && 'error' in body) {
    const { error } = body;
    if (typeof error === 'string') return error;
    if (typeof error === 'object' && error !== null && 'text' in error) return String(error.text);
  }
  return `The proxy responded with status ${status}.`;
}
