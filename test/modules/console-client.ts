/** Requests to the console in tests. */
import assert from 'node:assert/strict';
import type { Problem } from '../../src/console/state.js';
import { toBytes, toText } from '../../src/diagnostics/byte-string.js';
import { FeedClient } from '../console/feed-client.js';
import { get } from '../kit/index.js';

export interface ConsoleAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read members of any response
  readonly body: any;
}

/** Sends a request below `/console/`; a body makes it a POST. */
export async function ask(
  port: number,
  path: string,
  body?: unknown,
  fields: readonly string[] = [],
): Promise<ConsoleAnswer> {
  const answer = await get(port, `/console/${path}`, {
    ...(body !== undefined && { method: 'POST', body: toBytes(JSON.stringify(body)) }),
    fields: [...(body === undefined ? [] : ['Content-Type: application/json']), ...fields],
  });
  const isJson = answer.field('content-type') === 'application/json';
  if (isJson) assert.equal(answer.field('cache-control'), 'no-store');
  return { status: answer.status, body: isJson ? JSON.parse(toText(answer.body)) : answer.body };
}

/** The field with the token of the console, as its page has it from the feed. */
export async function tokenField(port: number): Promise<string> {
  const feed = await FeedClient.open(port);
  const { token } = await feed.message('hello');
  await feed.close();
  return `X-Console-Token: ${token}`;
}

/** Problems of an overview, except that a busy machine delays the event loop. */
export function problemsOf(state: { readonly problems: readonly Problem[] } | undefined): readonly Problem[] {
  return (state?.problems ?? []).filter(({ id }) => !id.startsWith('lag of '));
}
