/** Results of requests to the API. */
import type { Exchange } from '../../program/exchange.js';

/** Result of a request; `body` undefined: none. Strings in it are text. */
export interface ApiResult {
  readonly status: number;
  readonly body?: unknown;
}

/** Error response: the request has changed nothing, unless its text says otherwise. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    /** Code of the error, as nginx Plus names it where it has the same. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Error of an operation to which the master process did not respond. It may have been sent, and is then executed later. */
export function masterUnavailable(): ApiError {
  return new ApiError(
    503,
    'MasterUnavailable',
    'the master process does not respond; a change may still be made when it responds again',
  );
}

/** Sends a result. */
export function sendResult(x: Exchange, { status, body }: ApiResult): void {
  x.response.set('Cache-Control', 'no-store');
  x.response.set('X-Content-Type-Options', 'nosniff');
  if (body === undefined) x.respond(status, '');
  else x.respond(status, Buffer.from(`${JSON.stringify(body)}\n`), 'application/json');
}

/** Sends an error in the form of the nginx Plus API. */
export function sendError(x: Exchange, { status, code, message }: ApiError): void {
  sendResult(x, { status, body: { error: { status, text: message, code } } });
}
