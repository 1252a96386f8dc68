/** Responses that can be computed from their keys. */
import { createHash } from 'node:crypto';
import type { EntryHead } from '../../src/cache/entry-head.js';

export function headFor(key: string): EntryHead {
  const times = { validUntil: 0, staleWhileRevalidateUntil: 0, staleIfErrorUntil: 0, date: 0, lastModified: -1 };
  return {
    ...times,
    key,
    etag: '',
    vary: '',
    variant: '',
    status: 200,
    reason: 'OK',
    version: 11,
    fields: '',
    tags: [],
  };
}

/** Up to 300,000 bytes. */
export function bodyFor(key: string): Buffer {
  const digest = createHash('sha256').update(key).digest();
  return Buffer.alloc(digest.readUInt32LE(0) % 300_000, digest);
}
