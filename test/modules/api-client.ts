/** Requests to the API in tests. */
import assert from 'node:assert/strict';
import { toBytes, toText } from '../../src/diagnostics/byte-string.js';
import { get, READ_TIMEOUT, type Target } from '../kit/index.js';

export const JSON_TYPE = 'Content-Type: application/json';

export interface ApiAnswer {
  readonly status: number;
  /** The body as JSON; undefined if it is empty. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read members of any response
  readonly body: any;
}

/** Sends a request below `/api/9`, and expects a response that is JSON or empty. */
export async function api(
  target: Target,
  method: string,
  path: string,
  body?: unknown,
  fields: readonly string[] = [],
): Promise<ApiAnswer> {
  const answer = await get(target, `/api/9${path}`, {
    method,
    fields: [...(body === undefined ? [] : [JSON_TYPE]), ...fields],
    ...(body !== undefined && { body: typeof body === 'string' ? body : toBytes(JSON.stringify(body)) }),
  });
  if (answer.body !== '') assert.equal(answer.field('content-type'), 'application/json', `${method} ${path}`);
  return { status: answer.status, body: answer.body === '' ? undefined : JSON.parse(toText(answer.body)) };
}

/** Asks until the answer is as expected. */
export async function eventually(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + READ_TIMEOUT;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${READ_TIMEOUT} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
