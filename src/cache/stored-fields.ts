/** The head of an entry as a response. */
import type { UpstreamHead } from '../http/upstream-session.js';
import { blockOf } from './entry-fields.js';
import type { EntryHead } from './entry-head.js';

/** The response as it was stored. */
export function storedResponse({ status, reason, version, fields }: EntryHead): UpstreamHead {
  return { status, reason, version, headers: blockOf(fields) };
}
