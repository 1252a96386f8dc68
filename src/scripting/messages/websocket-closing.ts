/** The end of a WebSocket, as `js_websocket_close` receives it. */

import type { WebSocketStats } from '../../tunnel/websocket-stats.js';
import { textOf } from '../text.js';
import type { WebSocketSession } from './websocket-session.js';

/** Messages, frames and payload bytes of one sender. */
export interface MessageCounts {
  readonly messages: number;
  readonly frames: number;
  readonly bytes: number;
}

/** A WebSocket that has ended. */
export interface WebSocketClosing {
  /** The side that has closed it, or whose connection was lost. */
  readonly by: 'client' | 'upstream' | 'proxy';
  /** Code of the first Close frame: 1005 if it has none, 1006 if the connection ended without one. */
  readonly code: number;
  readonly reason: string;
  /** ms for which it was open. */
  readonly duration: number;
  readonly fromClient: MessageCounts;
  readonly fromUpstream: MessageCounts;
  readonly socket: WebSocketSession;
}

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
