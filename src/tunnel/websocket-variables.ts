/** `$websocket_*`: the figures of an exchange's WebSocket, in logs and conditions. */
import { toUtf8 } from '../diagnostics/byte-string.js';
import { callbackTime } from '../http/clock.js';
import type { VariableSpec } from '../program/variable-spec.js';
import { WEBSOCKET_STATS, type WebSocketStats } from './websocket-stats.js';

/** Formats ms as seconds. */
function seconds(ms: number, decimals: number): string {
  return (Math.max(0, ms) / 1000).toFixed(decimals);
}

/** A figure; not found for requests that have opened no WebSocket. */
function figure(value: (stats: WebSocketStats) => string | number | undefined, doc: string): VariableSpec {
  return {
    get: (x) => {
      const stats = x.state(WEBSOCKET_STATS);
      const found = stats === undefined ? undefined : value(stats);
      return found === undefined ? undefined : String(found);
    },
    doc,
  };
}

/** Text of a Close frame; a client can send any bytes, and a log in JSON must be valid. */
function reasonOf({ closedBy, closeReason }: WebSocketStats): string | undefined {
  return closedBy === null ? undefined : toUtf8(closeReason);
}

/** Values while a WebSocket is open are those of that moment. */
export const websocketVariables: Readonly<Record<string, VariableSpec>> = {
  websocket_event: figure(
    ({ endedAt }) => (endedAt === 0 ? 'open' : 'close'),
    'Event that `websocket_log` logs: `open` or `close`; in an access log always `close`. Empty, like all of these variables, for requests that have not opened a WebSocket.',
  ),
  websocket_duration: figure(
    ({ openedAt, endedAt }) => seconds((endedAt === 0 ? callbackTime() : endedAt) - openedAt, 3),
    'Seconds since the WebSocket was opened, with milliseconds; at the end, until it was closed.',
  ),
  websocket_closed_by: figure(
    ({ closedBy }) => closedBy ?? undefined,
    'Side that has closed the WebSocket, with a Close frame or by losing its connection: `client`, `upstream`, or `proxy` (a limit, a timeout, a shutdown). Empty while it is open.',
  ),
  websocket_close_code: figure(
    ({ closedBy, closeCode }) => (closedBy === null ? undefined : closeCode),
    'Status code in the Close frame of the side that has closed the WebSocket: 1005 if the frame has no code, 1006 if there was no frame.',
  ),
  websocket_close_reason: figure(
    reasonOf,
    'Reason in the Close frame of the side that has closed the WebSocket. It is text of the client or the upstream server; bytes that are not UTF-8 are replaced by U+FFFD, and logs escape control characters.',
  ),
  websocket_messages_received: figure(
    ({ fromClient }) => fromClient.messages,
    'Number of complete messages that the client has sent.',
  ),
  websocket_messages_sent: figure(
    ({ fromUpstream }) => fromUpstream.messages,
    'Number of complete messages that the upstream server has sent to the client.',
  ),
  websocket_frames_received: figure(
    ({ fromClient }) => fromClient.frames,
    'Number of frames that the client has sent, including control frames.',
  ),
  websocket_frames_sent: figure(
    ({ fromUpstream }) => fromUpstream.frames,
    'Number of frames that the upstream server has sent, including control frames; frames of the proxy do not count.',
  ),
  websocket_bytes_received: figure(
    ({ fromClient }) => fromClient.bytes,
    'Bytes of payload in the frames that the client has sent.',
  ),
  websocket_bytes_sent: figure(
    ({ fromUpstream }) => fromUpstream.bytes,
    'Bytes of payload in the frames that the upstream server has sent.',
  ),
  websocket_invalid_frames_received: figure(
    ({ invalidFromClient }) => invalidFromClient,
    'Number of frames of the client that violate RFC 6455.',
  ),
  websocket_invalid_frames_sent: figure(
    ({ invalidFromUpstream }) => invalidFromUpstream,
    'Number of frames of the upstream server that violate RFC 6455.',
  ),
  websocket_client_rtt: figure(
    ({ clientRoundTrip }) => (clientRoundTrip < 0 ? undefined : seconds(clientRoundTrip, 6)),
    'Round trip of the latest ping of `websocket_ping_interval` that the client has answered, in seconds with microseconds. Empty if there was none.',
  ),
  websocket_upstream_rtt: figure(
    ({ upstreamRoundTrip }) => (upstreamRoundTrip < 0 ? undefined : seconds(upstreamRoundTrip, 6)),
    'Round trip of the latest ping of `websocket_ping_interval` that the upstream server has answered, in seconds with microseconds. Empty if there was none.',
  ),
};
