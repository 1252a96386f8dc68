/** Rows of the traffic tap about the beginning and the end of a WebSocket. */
import type { HttpExchange } from '../exchange/exchange.js';
import { clientOf, tapId, upstreamOf } from '../exchange/tapped.js';
import { callbackTime } from '../http/clock.js';
import type { CloseRow, OpenRow, SenderCounts } from '../tap/rows.js';
import type { FrameCounts } from '../websocket/frame-counts.js';
import type { WebSocketStats } from './websocket-stats.js';

export function openRow(x: HttpExchange, { openedAt }: WebSocketStats): OpenRow {
  return {
    type: 'open',
    id: tapId(x),
    time: callbackTime(),
    client: clientOf(x),
    secure: x.client.secure,
    host: x.host,
    target: x.target,
    location: x.location.name,
    place: x.location.block?.at ?? null,
    protocol: x.upstreamHeaders?.joined('sec-websocket-protocol') ?? '',
    extensions: x.upstreamHeaders?.joined('sec-websocket-extensions') ?? '',
    upstream: upstreamOf(x),
    generation: x.generation,
    openedAt,
  };
}

function countsOf({ messages, frames, bytes }: FrameCounts): SenderCounts {
  return { messages, frames, bytes };
}

export function closeRow(x: HttpExchange, stats: WebSocketStats): CloseRow {
  const { closedBy, closeCode, closeReason, openedAt, endedAt, fromClient, fromUpstream } = stats;
  return {
    type: 'close',
    id: tapId(x),
    time: callbackTime(),
    by: closedBy ?? 'proxy',
    code: closeCode,
    reason: closeReason,
    duration: Math.max(0, endedAt - openedAt),
    received: countsOf(fromClient),
    sent: countsOf(fromUpstream),
  };
}
