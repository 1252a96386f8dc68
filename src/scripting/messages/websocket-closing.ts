/** The end of a WebSocket, as `js_websocket_close` receives it. */

import type { WebSocketStats } from '../../tunnel/websocket-stats.js';
import type { MessageCounts, WebSocketClosing, WebSocketSession } from '../public-types.js';
import { textOf } from '../text.js';

function countsOf({ messages, frames, bytes }: MessageCounts): MessageCounts {
  return { messages, frames, bytes };
}

export function closingOf(stats: WebSocketStats, socket: WebSocketSession): WebSocketClosing {
  const { closedBy, closeCode, closeReason, openedAt, endedAt, fromClient, fromUpstream } = stats;
  return {
    by: closedBy ?? 'proxy',
    code: closeCode,
    reason: textOf(closeReason),
    duration: Math.max(0, Math.round(endedAt - openedAt)),
    fromClient: countsOf(fromClient),
    fromUpstream: countsOf(fromUpstream),
    socket,
  };
}
