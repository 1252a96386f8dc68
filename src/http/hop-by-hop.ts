/**
 * Fields that are about one connection and are not passed on (RFC 9110 7.6.1), in one table, and what the Connection
 * field of a message says.
 */
import { Field } from './field-names.js';
import type { FieldTest, HeaderBlock } from './header-block.js';

/** Never passed on, in either direction: about the connection, or about a framing that is made anew. */
const HOP_BY_HOP: readonly number[] = [
  Field.Connection,
  Field.KeepAlive,
  Field.ProxyConnection,
  Field.TE,
  Field.Trailer,
  Field.TransferEncoding,
  Field.Upgrade,
  Field.Http2Settings,
];

const table: boolean[] = new Array<boolean>(64).fill(false);
for (const id of HOP_BY_HOP) table[id] = true;

/** True for a field number that is hop-by-hop. */
export function isHopByHop(id: number): boolean {
  return table[id] === true;
}

/** Nothing is skipped but what was removed from the block. */
export const passedOnly: FieldTest | null = null;

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
    const value = headers.value(i).toLowerCase();
    if (value.includes('close')) return CLOSE;
    if (value.includes('keep-alive')) keep = true;
  }
  return version >= 11 || keep ? KEEP : KEEP_NOT;
}
