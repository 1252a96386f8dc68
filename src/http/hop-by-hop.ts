/** Fields of a single connection, which are not forwarded (RFC 9110 7.6.1), and evaluation of the Connection field. */
import { Field } from './field-names.js';
import type { HeaderBlock } from './header-block.js';

/**
 * Fields not forwarded by default. A request's `Upgrade` and `Connection` are forwarded if configured, and framing is
 * generated for each connection. A response's `Upgrade` is forwarded: in 101 and 426 responses it is addressed to the
 * client.
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
  /** Whether the connection may be used for another request. */
  readonly keepAlive: boolean;
  /** Whether the `close` option is present. */
  readonly close: boolean;
}

const PERSISTENT: ConnectionOptions = { keepAlive: true, close: false };
const NOT_PERSISTENT: ConnectionOptions = { keepAlive: false, close: false };
const CLOSE: ConnectionOptions = { keepAlive: false, close: true };

/** Evaluates the Connection fields of a message (RFC 9112 9.3); `version` is 9, 10 or 11. */
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
  return version >= 11 || keep ? PERSISTENT : NOT_PERSISTENT;
}
