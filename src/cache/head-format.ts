/**
 * Head of a cached file: everything known about a stored response except its body, in a fixed part and texts of variable
 * length, with a checksum.
 *
 * | Offset | Content |
 * | --- | --- |
 * | 0 | magic `TSPC`, version (2 bytes), flags (2 bytes) |
 * | 8 | end of the texts, start of the body (4 bytes each) |
 * | 16 | length of the body (double); -1 while it is written |
 * | 24 | validity, stale-while-revalidate, stale-if-error, date, last modification (doubles) |
 * | 64 | checksum of the body, status, HTTP version (4, 2, 2 bytes) |
 * | 72 | lengths of the key, fields, tags, reason phrase (4 bytes each), entity tag, `Vary` (2 bytes each) |
 * | 92 | variant (16 bytes) |
 * | 108 | checksum of the rest of the head |
 * | 112 | texts in the order of their lengths |
 *
 * Numbers are little-endian. Between the texts and the body is room for longer texts after a revalidation.
 */
import { checksumOf } from './entry-checksum.js';
import type { EntryHead } from './entry-head.js';

const MAGIC = 0x43505354;
const VERSION = 1;
/** Length of the fixed part: no file is shorter. */
export const MIN_LENGTH = 112;
const CHECKSUM_AT = 108;
/** The body begins at a multiple of this. */
const ALIGNMENT = 64;
/** Bytes by which the texts can grow in place. */
const ROOM = 64;
/** Largest head. */
const MAX_HEAD = 16 << 20;
const HAS_BODY_CHECKSUM = 1;

/** A head as it is in a file. */
export interface StoredHead {
  readonly head: EntryHead;
  readonly bodyStart: number;
  /** -1: the body is not complete. */
  readonly bodyLength: number;
  /** Checksum of the body; null: it has none. */
  readonly bodyChecksum: number | null;
  /** Identifies the head. */
  readonly checksum: number;
}

/** A file that cannot be used. The message follows `cache file "…"` in the log. */
export class BadEntry extends Error {}

/** The bytes of a head; they end at the start of the body. `bodyStart`: where that has to be, if there already is one. */
export function encodeHead(
  head: EntryHead,
  bodyLength: number,
  bodyChecksum: number | null,
  bodyStart?: number,
): Buffer | null {
  const { key, fields, reason, etag, vary } = head;
  const tags = head.tags.join('\n');
  const end = MIN_LENGTH + key.length + fields.length + tags.length + reason.length + etag.length + vary.length;
  const start = bodyStart ?? Math.ceil((end + ROOM) / ALIGNMENT) * ALIGNMENT;
  if (end > start || start > MAX_HEAD || etag.length > 0xffff || vary.length > 0xffff) return null;
  const bytes = Buffer.alloc(start);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt16LE(VERSION, 4);
  bytes.writeUInt16LE(bodyChecksum === null ? 0 : HAS_BODY_CHECKSUM, 6);
  bytes.writeUInt32LE(end, 8);
  bytes.writeUInt32LE(start, 12);
  bytes.writeDoubleLE(bodyLength, 16);
  bytes.writeDoubleLE(head.validUntil, 24);
  bytes.writeDoubleLE(head.staleWhileRevalidateUntil, 32);
  bytes.writeDoubleLE(head.staleIfErrorUntil, 40);
  bytes.writeDoubleLE(head.date, 48);
  bytes.writeDoubleLE(head.lastModified, 56);
  bytes.writeUInt32LE(bodyChecksum ?? 0, 64);
  bytes.writeUInt16LE(head.status, 68);
  bytes.writeUInt32LE(key.length, 72);
  bytes.writeUInt16LE(head.version, 70);
  bytes.writeUInt32LE(fields.length, 76);
  bytes.writeUInt32LE(tags.length, 80);
  bytes.writeUInt32LE(reason.length, 84);
  bytes.writeUInt16LE(etag.length, 88);
  bytes.writeUInt16LE(vary.length, 90);
  bytes.write(head.variant, 92, 16, 'hex');
  let at = MIN_LENGTH;
  for (const text of [key, fields, tags, reason, etag, vary]) at += bytes.latin1Write(text, at);
  bytes.writeUInt32LE(headChecksum(bytes, end), CHECKSUM_AT);
  return bytes;
}

/** Checksum of a head of which the checksum's own field is zero. */
function headChecksum(bytes: Buffer, end: number): number {
  return checksumOf(bytes, 0, end);
}

/**
 * Length of the head to which these first bytes of a file belong, `null` if there are too few of them. Throws BadEntry.
 */
export function headLength(bytes: Buffer, length: number): number | null {
  if (length < MIN_LENGTH) return null;
  if (bytes.readUInt32LE(0) !== MAGIC) throw new BadEntry('is not a file of this cache');
  if (bytes.readUInt16LE(4) !== VERSION) throw new BadEntry('version mismatch');
  const [end, start] = [bytes.readUInt32LE(8), bytes.readUInt32LE(12)];
  if (end < MIN_LENGTH || start < end || start > MAX_HEAD || start % ALIGNMENT !== 0)
    throw new BadEntry('contains invalid header');
  return start;
}

/** Reads the head at the beginning of a buffer of `headLength` bytes or more, whose memory is aligned. Throws BadEntry. */
export function decodeHead(bytes: Buffer): StoredHead {
  const end = bytes.readUInt32LE(8);
  const checksum = bytes.readUInt32LE(CHECKSUM_AT);
  bytes.writeUInt32LE(0, CHECKSUM_AT);
  if (headChecksum(bytes, end) !== checksum) throw new BadEntry('contains invalid header');
  let at = MIN_LENGTH;
  const text = (length: number): string => (length === 0 ? '' : bytes.latin1Slice(at, (at += length)));
  const key = text(bytes.readUInt32LE(72));
  const fields = text(bytes.readUInt32LE(76));
  const tags = text(bytes.readUInt32LE(80));
  const reason = text(bytes.readUInt32LE(84));
  const etag = text(bytes.readUInt16LE(88));
  const vary = text(bytes.readUInt16LE(90));
  if (at !== end) throw new BadEntry('contains invalid header');
  return {
    head: {
      key,
      status: bytes.readUInt16LE(68),
      reason,
      version: bytes.readUInt16LE(70),
      fields,
      validUntil: bytes.readDoubleLE(24),
      staleWhileRevalidateUntil: bytes.readDoubleLE(32),
      staleIfErrorUntil: bytes.readDoubleLE(40),
      date: bytes.readDoubleLE(48),
      lastModified: bytes.readDoubleLE(56),
      etag,
      vary,
      variant: vary === '' ? '' : bytes.toString('hex', 92, 108),
      tags: tags === '' ? [] : tags.split('\n'),
    },
    bodyStart: bytes.readUInt32LE(12),
    bodyLength: bytes.readDoubleLE(16),
    bodyChecksum: (bytes.readUInt16LE(6) & HAS_BODY_CHECKSUM) === 0 ? null : bytes.readUInt32LE(64),
    checksum,
  };
}
