/** Reads batches of rows. Nothing here needs Node, so that browsers can use it. */
import {
  COMPRESSED,
  type FeedRow,
  FROM_UPSTREAM,
  MASKED,
  ROW_HEAD,
  ROW_TYPES,
  type SenderCounts,
  SIDES,
  type TryRow,
  WITHHELD,
  type Withheld,
} from './feed-format.js';

const text = new TextDecoder();

class RowReader {
  private readonly view: DataView;
  at = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    return this.view.getUint8(this.at++);
  }

  uint16(): number {
    this.at += 2;
    return this.view.getUint16(this.at - 2, true);
  }

  uint32(): number {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }

  number(): number {
    this.at += 8;
    return this.view.getFloat64(this.at - 8, true);
  }

  text(): string {
    const length = this.uint16();
    this.at += length;
    return text.decode(this.bytes.subarray(this.at - length, this.at));
  }

  payload(): { readonly payload: Uint8Array | null; readonly withheld: Withheld | null } {
    const reason = this.byte();
    if (reason > 0) return { payload: null, withheld: WITHHELD[reason - 1] ?? 'not redacted' };
    const length = this.uint32();
    this.at += length;
    return { payload: this.bytes.subarray(this.at - length, this.at), withheld: null };
  }

  counts(): SenderCounts {
    return { messages: this.number(), frames: this.number(), bytes: this.number() };
  }

  tries(): TryRow[] {
    const tries: TryRow[] = [];
    for (let count = this.byte(); count > 0; count--) {
      tries.push({
        address: this.text(),
        status: this.uint16(),
        start: this.number(),
        queue: this.number(),
        connect: this.number(),
        head: this.number(),
        done: this.number(),
        sent: this.number(),
        received: this.number(),
      });
    }
    return tries;
  }

  side(): (typeof SIDES)[number] {
    return SIDES[this.byte()] ?? 'proxy';
  }

  sender(): 'client' | 'upstream' {
    return this.byte() === 1 ? 'upstream' : 'client';
  }

  row(type: FeedRow['type']): FeedRow {
    const time = this.number();
    if (type === 'dropped') return { type, time, count: this.number() };
    const id = this.text();
    switch (type) {
      case 'request': {
        const secure = this.byte() === 1;
        const client = this.text();
        const host = this.text();
        const method = this.text();
        return { type, id, time, secure, client, host, method, target: this.text(), generation: this.number() };
      }
      case 'response': {
        const status = this.uint16();
        const completed = this.byte() === 1;
        const server = this.text();
        const location = this.text();
        const received = this.number();
        const sent = this.number();
        const duration = this.number();
        return { type, id, time, status, completed, server, location, received, sent, duration, tries: this.tries() };
      }
      case 'open': {
        const secure = this.byte() === 1;
        const client = this.text();
        const host = this.text();
        const target = this.text();
        const location = this.text();
        const upstream = this.text();
        const generation = this.number();
        const openedAt = this.number();
        const protocol = this.text();
        const extensions = this.text();
        return {
          ...{ type, id, time, secure, client, host, target, location, upstream },
          ...{ generation, openedAt, protocol, extensions },
        };
      }
      case 'frame': {
        const first = this.byte();
        const flags = this.byte();
        const length = this.number();
        const mask = (flags & MASKED) === 0 ? null : this.uint32();
        return {
          ...{ type, id, time, from: (flags & FROM_UPSTREAM) === 0 ? 'client' : 'upstream' },
          ...{ opcode: first & 0xf, fin: first >= 0x80, rsv: (first >> 4) & 7 },
          ...{ compressed: (flags & COMPRESSED) !== 0, mask, length },
          ...this.payload(),
        };
      }
      case 'message': {
        const from = this.sender();
        const opcode = this.byte();
        return { type, id, time, from, opcode, length: this.number(), ...this.payload() };
      }
      case 'tunnel': {
        const received = this.counts();
        const sent = this.counts();
        const clientRoundTrip = this.number();
        return { type, id, time, received, sent, clientRoundTrip, upstreamRoundTrip: this.number() };
      }
      case 'close': {
        const by = this.side();
        const code = this.uint16();
        const reason = this.text();
        const duration = this.number();
        return { type, id, time, by, code, reason, duration, received: this.counts(), sent: this.counts() };
      }
      case 'stream': {
        const events = this.number();
        const bytes = this.number();
        const reconnects = this.number();
        const replays = this.number();
        const heartbeats = this.number();
        return { type, id, time, events, bytes, reconnects, replays, heartbeats, waiting: this.byte() === 1 };
      }
      case 'event':
        return { type, id, time, length: this.number(), ...this.payload() };
    }
  }
}

/** The rows of a batch; those of types that this version does not know are skipped. Payloads are parts of `batch`. */
export function decodeRows(batch: Uint8Array): FeedRow[] {
  const rows: FeedRow[] = [];
  const reader = new RowReader(batch);
  while (reader.at + ROW_HEAD <= batch.length) {
    const type = ROW_TYPES[reader.byte()];
    const size = reader.uint32();
    const end = reader.at + size;
    if (type !== undefined) rows.push(reader.row(type));
    reader.at = end;
  }
  return rows;
}
