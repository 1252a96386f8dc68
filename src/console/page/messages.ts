/** Messages of the WebSockets that are watched, in the order in which they were completed. */
import type { DroppedRow, FrameRow, MessageRow } from '../feed-format.js';
import { MessageAssembler, type WebSocketMessage } from '../messages.js';
import { type Numbered, RowLog } from './row-log.js';

const MAX_MESSAGES = 100_000;
const MAX_BYTES = 128 << 20;

export interface MessageEntry extends Numbered {
  readonly kind: 'message';
  /** Id of the tunnel. */
  readonly id: string;
  readonly message: WebSocketMessage;
  /** The row with the decompressed message, and the number of the frame before which it arrived. */
  readonly row: MessageRow | null;
  readonly before: number;
  /** ms since the previous message of the tunnel; -1: it is the first one that was seen. */
  readonly gap: number;
}

export interface MessageGap extends Numbered {
  readonly kind: 'gap';
  readonly row: DroppedRow;
}

interface Tunnel {
  assembler: MessageAssembler;
  last: number;
}

export class Messages {
  readonly log = new RowLog<MessageEntry | MessageGap>({
    rows: MAX_MESSAGES,
    bytes: MAX_BYTES,
    sizeOf: (entry) => (entry.kind === 'gap' ? 100 : 300 + (entry.message.payload?.length ?? 0)),
  });
  private readonly tunnels = new Map<string, Tunnel>();

  clear(): void {
    this.log.clear();
    this.tunnels.clear();
  }

  /** Rows are missing from here on: messages that have begun cannot be completed. */
  addGap(row: DroppedRow): void {
    for (const tunnel of this.tunnels.values()) tunnel.assembler = new MessageAssembler();
    this.log.push({ kind: 'gap', seq: 0, row });
  }

  /** `before`: number that the next frame will have. */
  add(row: FrameRow | MessageRow, before: number): void {
    const { id } = row;
    let tunnel = this.tunnels.get(id);
    if (tunnel === undefined) {
      tunnel = { assembler: new MessageAssembler(), last: -1 };
      this.tunnels.set(id, tunnel);
    }
    const message = tunnel.assembler.add(row);
    if (message === null) return;
    const gap = tunnel.last < 0 ? -1 : message.started - tunnel.last;
    tunnel.last = message.started;
    this.log.push({ kind: 'message', seq: 0, id, message, row: row.type === 'message' ? row : null, before, gap });
  }

  /** The tunnel has ended. */
  forget(id: string): void {
    this.tunnels.delete(id);
  }
}
