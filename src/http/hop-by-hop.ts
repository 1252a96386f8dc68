/**
 * Fields that are about one connection and are not passed on (RFC 9110 7.6.1), in one table, and what the Connection
 * field of a message says.
 */
import { Field } from './field-names.js';
import type { HeaderBlock } from './header-block.js';

/**
 * What is not passed on by itself. A request's `Upgrade` and `Connection` go on where the configuration sets them, and
 * the framing is made anew for each connection. An answer's `Upgrade` is passed: 101 and 426 mean it for the client.
 */
export const REQUEST_HOP_BY_HOP: readonly string[] = [
  'Connection',
  'Proxy-Connection',
  'Keep-Alive',
  'TE',
  'Transfer-Encoding',
  'Content-Length',
  'Upgrade',
  'Expect',
];
export const RESPONSE_HOP_BY_HOP: readonly string[] = [
  'Connection',
  'Proxy-Connection',
  'Keep-Alive',
  'TE',
  'Transfer-Encoding',
];

export interface ConnectionOptions {
  /** The connection may serve another request after this one. */
  readonly keepAlive: boolean;
  /** `close` was said. */
  readonly close: boolean;
}

const KEEP: ConnectionOptions = { keepAlive: true, close: false };
const KEEP_NOT: ConnectionOptions = { keepAlive: false, close: false };
const CLOSE: ConnectionOptions = { keepAlive: false, close: true };

/** What the Connection fields of a message say about persistence (RFC 9112 9.3); `version` is 9, 10 or 11. */
export function connectionOptions(headers: HeaderBlock, version: number): ConnectionOptions {
  let keep = false;
  for (let i = headers.indexOf(Field.Connection); i >= 0; i = headers.indexOf(Field.Connection, i + 1)) {
    if (headers.valueIs(i, 'close')) return CLOSE;
    if (headers.valueIs(i, 'keep-alive')) {
      keep = true;
      continue;
    }
    const value = headers.value(i).toLowerCase();
    if (value.includes('close')) return CLOSE;
    if (value.includes('keep-alive')) keep = true;
  }
  return version >= 11 || keep ? KEEP : KEEP_NOT;
}
