/** Requests to the API of a running proxy. */
import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { basicAuthorization, type LocationTarget, locationUrl } from '../location-url.js';

/** ms to wait for a response. */
const TIMEOUT = 30_000;

/** Error: invalid words, a refusal of the API, or a failed connection to it. */
export class CtlError extends Error {}

export class ApiClient {
  private readonly base: URL;

  constructor(private readonly target: LocationTarget) {
    this.base = locationUrl(target);
  }

  /** Sends a request; returns the body, or undefined if there is none. Rejects with CtlError. */
  async send(method: string, path: string, body?: unknown): Promise<unknown> {
    const [status, text] = await this.exchange(method, path, body);
    let content: unknown;
    try {
      content = text === '' ? undefined : JSON.parse(text);
    } catch {
      throw new CtlError(`the response to ${method} ${this.urlOf(path)} is not JSON (status ${status})`);
    }
    if (status < 300) return content;
    const { error } = (content ?? {}) as { readonly error?: { readonly text?: string } };
    throw new CtlError(error?.text ?? `status ${status}`);
  }

  private urlOf(path: string): URL {
    return new URL(`9/${path.replace(/^\//, '')}`, this.base);
  }

  private exchange(method: string, path: string, body: unknown): Promise<readonly [number, string]> {
    const url = this.urlOf(path);
    const { socket } = this.target;
    const authorization = basicAuthorization(url);
    const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        reject(new CtlError(`${socket === null ? url.origin : `unix:${socket}`}: ${error.message}`));
      };
      const request = (url.protocol === 'https:' ? secureRequest : plainRequest)(
        url,
        {
          method,
          timeout: TIMEOUT,
          agent: false,
          ...(socket !== null && { socketPath: socket }),
          headers: {
            Accept: 'application/json',
            ...(bytes !== null && { 'Content-Type': 'application/json', 'Content-Length': bytes.length }),
            ...(authorization !== null && { Authorization: authorization }),
          },
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', fail);
          response.on('end', () => resolve([response.statusCode ?? 0, Buffer.concat(parts).toString('utf8')]));
        },
      );
      request.on('timeout', () => request.destroy(new Error(`no response within ${TIMEOUT / 1000} s`)));
      request.on('error', fail);
      request.end(bytes ?? undefined);
    });
  }
}
