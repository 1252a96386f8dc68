/** Payloads of rows, as far as subscribers may see them. */

import type { PublishedEvent, PublishedFrame, PublishedMessage } from './published-rows.js';
import type { Redaction } from './redaction.js';
import type { Withheld } from './rows.js';

/** Opcodes of RFC 6455: the lowest one of control frames is that of a Close frame. */
const CONTROL = 8;
const CLOSE = 8;
/** Maximum length of a payload that can be redacted, bytes. */
const MAX_REDACTED = 65_536;

/** Bytes of a payload that are needed for a row with `limit` bytes of it. */
export function neededSize(redaction: Redaction, limit: number): number {
  return limit > 0 && redaction.ofPayloads ? Math.max(MAX_REDACTED, limit) : limit;
}

/** The redacted payload of a row, which may be longer than needed, or the reason why it is withheld. */
export function visiblePayload(redaction: Redaction, row: PublishedFrame | PublishedEvent): Buffer | Withheld {
  if (!redaction.ofPayloads) return givenPayload(row);
  if (row.type === 'frame') {
    if (row.compressed) return 'compressed';
    if (!row.fin || row.opcode === 0) return 'fragment';
  }
  const payload = givenPayload(row);
  if (payload.length < row.length) return 'too long';
  return redacted(redaction, row, payload);
}

/** The published part of a payload. */
function givenPayload(row: PublishedFrame | PublishedEvent): Buffer {
  return row.type === 'event' || row.payload.length === row.size ? row.payload : row.payload.subarray(0, row.size);
}

/** The redacted payload of a decompressed message, or the reason why it is withheld. */
export function visibleMessage(
  redaction: Redaction,
  { payload }: PublishedMessage,
): Buffer | Withheld | 'not decompressed' {
  if (typeof payload === 'string' || !redaction.ofPayloads) return payload;
  return payload.length > MAX_REDACTED ? 'too long' : redaction.message(payload);
}

function redacted(redaction: Redaction, row: PublishedFrame | PublishedEvent, payload: Buffer): Buffer | Withheld {
  if (row.type === 'event') return redaction.event(payload);
  if (row.opcode < CONTROL) return redaction.message(payload);
  if (row.opcode !== CLOSE) return redaction.control(payload);
  // The two bytes of the status code are not text.
  const reason = redaction.control(payload.subarray(2));
  return typeof reason === 'string' ? reason : Buffer.concat([payload.subarray(0, 2), reason]);
}
