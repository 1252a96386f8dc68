/** The state of an upstream request. */
import type { UpstreamStream } from '../http/upstream-session.js';
import type { Activity } from './failure.js';

// States of an upstream request; see docs/states.md.
export const PREPARING = 0;
export const CONNECTING = 1;
export const READING_HEAD = 2;
export const READING_BODY = 3;
/** Between two attempts (`retry_backoff`), or two requests for an event stream. */
export const WAITING = 4;
export const OVER = 5;

/** Activity whose event is awaited. */
export function awaitedActivity(state: number, stream: UpstreamStream | null): Activity {
  if (stream === null || state === PREPARING || state === WAITING) return 'connecting to upstream';
  if (state === CONNECTING) return stream.handshaking ? 'SSL handshaking to upstream' : 'connecting to upstream';
  if (state === READING_BODY) return 'reading upstream';
  return stream.pending > 0 ? 'sending request to upstream' : 'reading response header from upstream';
}
