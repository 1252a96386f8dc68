/** Responses of the console in JSON. */
import type { Exchange } from '../../program/exchange.js';

/** Error response. */
export class ConsoleError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    /** Text. */
    message: string,
  ) {
    super(message);
  }
}

/** Sends data; strings in it are text. */
export function sendJson(x: Exchange, status: number, data: unknown): void {
  x.response.set('Cache-Control', 'no-store');
  x.response.set('X-Content-Type-Options', 'nosniff');
  x.respond(status, Buffer.from(`${JSON.stringify(data)}\n`), 'application/json');
}

export function sendError(x: Exchange, { status, code, message }: ConsoleError): void {
  sendJson(x, status, { error: { status, code, text: message } });
}
