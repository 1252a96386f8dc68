/** The head of an entry as a response. */
import { Field } from '../http/field-names.js';
import { parseHttpDate } from '../http/http-date.js';
import type { UpstreamHead } from '../http/upstream-session.js';
import type { Validity } from './cache-policy.js';
import { blockOf } from './entry-fields.js';
import type { EntryHead } from './entry-head.js';

/** The response as it was stored. */
export function storedResponse({ status, reason, version, fields }: EntryHead): UpstreamHead {
  return { status, reason, version, headers: blockOf(fields) };
}

/** The validators of a response with content. */
export function validatorsOf({ status, headers }: UpstreamHead): Pick<EntryHead, 'lastModified' | 'etag'> {
  if (status !== 200 && status !== 206) return { lastModified: -1, etag: '' };
  return {
    lastModified: parseHttpDate(headers.valueOf(Field.LastModified) ?? ''),
    etag: headers.valueOf(Field.ETag) ?? '',
  };
}

/** Times until which an entry is fresh, or may be served stale. */
export function validityUntil(
  validUntil: number,
  { staleWhileRevalidate, staleIfError }: Validity,
): Pick<EntryHead, 'validUntil' | 'staleWhileRevalidateUntil' | 'staleIfErrorUntil'> {
  return {
    validUntil,
    staleWhileRevalidateUntil: validUntil + staleWhileRevalidate,
    staleIfErrorUntil: validUntil + staleIfError,
  };
}
