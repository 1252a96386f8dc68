/** Changes of the running proxy that the console makes (`console control=on`). */
import { timingSafeEqual } from 'node:crypto';
import { refusalOfFormType } from '../../exchange/cross-site.js';
import { now } from '../../net/deadlines.js';
import type { Exchange } from '../../program/exchange.js';
import { GOING_AWAY, maySend } from '../../websocket/close-codes.js';
import type { ConsoleQuestion, ConsoleSettings, ConsoleTable } from './context.js';
import { ConsoleError } from './json-response.js';

/** Longest reason of a Close frame, bytes (RFC 6455, 5.5). */
const MAX_REASON = 123;

interface ClosingQuestion extends ConsoleQuestion {
  readonly about: 'closing';
  readonly id: string;
  readonly code: number;
  readonly reason: string;
}

/**
 * Refuses a request that must not change the proxy: a page of another site can neither read the token nor send this type.
 * Throws ConsoleError.
 */
export function checkControl(x: Exchange, { control }: ConsoleSettings, { token }: ConsoleTable): void {
  if (!control) throw new ConsoleError(403, 'ControlOff', 'this location has no "console control=on"');
  const refusal = refusalOfFormType(x);
  if (refusal !== null) throw new ConsoleError(refusal.status, refusal.code, refusal.message);
  const given = Buffer.from(x.headers.get('x-console-token') ?? '', 'latin1');
  const expected = Buffer.from(token, 'latin1');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new ConsoleError(403, 'TokenRequired', 'the request needs the token of the feed in "X-Console-Token"');
  }
}

/** Answers questions of all workers that close tunnels of this one. */
export function answerClosing(table: ConsoleTable): void {
  table.answer('closing', (question) => {
    const { id, code, reason } = question as ClosingQuestion; // of a worker with the same code
    const found = [...table.tunnels].filter((tunnel) => tunnel.tapId === id);
    for (const tunnel of found) tunnel.close(code, reason, now());
    return found.length;
  });
}

/** Closes a tunnel: a WebSocket with a Close frame. `id`: that of its rows. Rejects with ConsoleError. */
export async function closeTunnel(
  table: ConsoleTable,
  id: string,
  { code = GOING_AWAY, reason = '' }: Readonly<Record<string, unknown>>,
): Promise<{ readonly closed: number }> {
  if (typeof code !== 'number' || !maySend(code)) {
    throw new ConsoleError(400, 'BadCloseCode', `a Close frame may not have the code ${JSON.stringify(code)}`);
  }
  if (typeof reason !== 'string' || Buffer.byteLength(reason) > MAX_REASON) {
    throw new ConsoleError(400, 'BadCloseReason', `the reason is a text of at most ${MAX_REASON} bytes`);
  }
  const question: ClosingQuestion = { about: 'closing', id, code, reason };
  const answers = await table.ask(question);
  const closed = answers.reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0);
  if (closed === 0) throw new ConsoleError(404, 'TunnelNotFound', `no open tunnel "${id}"`);
  return { closed };
}
