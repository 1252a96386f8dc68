/** Activity of an upstream request in log lines about the client. */
import type { UpstreamStream } from '../http/upstream-session.js';
import { awaitedActivity, CONNECTING, OVER, PREPARING, READING_BODY, READING_HEAD, WAITING } from './request-state.js';

/** Empty if nothing is in progress. `sent`: the whole request was sent. */
export function activityOf(state: number, stream: UpstreamStream | null, sent: boolean, buffered: boolean): string {
  if (stream === null || state === PREPARING || state === WAITING || state === OVER) return '';
  if (state !== READING_BODY && (state === CONNECTING || stream.headBegun)) return awaitedActivity(state, stream);
  if (state === READING_HEAD || !sent) return 'sending request to upstream';
  return buffered ? 'reading upstream' : 'sending to client';
}
