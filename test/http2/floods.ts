/** Floods of frames that cost their sender next to nothing, for tests and benchmarks. */
import { Flag, FrameType } from '../../src/http2/frame-types.js';
import { frame, settingsFrame, uint32 } from './frames.js';
import { headersFrame, POST } from './raw-client.js';

export interface FrameFlood {
  readonly name: string;
  /** Sent once, before the flood. */
  readonly first: Buffer;
  /** One frame of the flood, or a few that are repeated together. */
  readonly frames: Buffer;
  /** Number of frames in `frames`. */
  readonly count: number;
}

const NONE = Buffer.alloc(0);

/** The first stream stays open: its request has a body that does not end. */
const OPEN_STREAM = headersFrame(1, POST, false);

export const FLOODS: readonly FrameFlood[] = [
  { name: 'PING', first: NONE, frames: frame(FrameType.Ping, 0, 0, uint32(1, 2)), count: 1 },
  { name: 'PING with ACK', first: NONE, frames: frame(FrameType.Ping, Flag.Ack, 0, uint32(1, 2)), count: 1 },
  { name: 'empty SETTINGS', first: NONE, frames: settingsFrame([]), count: 1 },
  {
    name: 'SETTINGS that change all windows',
    first: OPEN_STREAM,
    frames: Buffer.concat([
      settingsFrame([
        [4, 1],
        [1, 0],
      ]),
      settingsFrame([
        [4, 65535],
        [1, 4096],
      ]),
    ]),
    count: 2,
  },
  {
    name: 'PRIORITY',
    first: NONE,
    frames: frame(FrameType.Priority, 0, 1, Buffer.concat([uint32(3), Buffer.of(1)])),
    count: 1,
  },
  {
    name: 'RST_STREAM',
    first: Buffer.concat([OPEN_STREAM, frame(FrameType.RstStream, 0, 1, uint32(8))]),
    frames: frame(FrameType.RstStream, 0, 1, uint32(8)),
    count: 1,
  },
  {
    name: 'WINDOW_UPDATE of the connection',
    first: NONE,
    frames: frame(FrameType.WindowUpdate, 0, 0, uint32(1)),
    count: 1,
  },
  {
    name: 'WINDOW_UPDATE of a stream',
    first: OPEN_STREAM,
    frames: frame(FrameType.WindowUpdate, 0, 1, uint32(1)),
    count: 1,
  },
  { name: 'empty DATA', first: OPEN_STREAM, frames: frame(FrameType.Data, 0, 1), count: 1 },
  { name: 'unknown frames', first: NONE, frames: frame(200, 0, 0), count: 1 },
];

/** About 64 KiB of a flood. */
export function chunkOf({ frames, count }: FrameFlood): { readonly bytes: Buffer; readonly count: number } {
  const repeats = Math.ceil(65536 / frames.length);
  return { bytes: Buffer.concat(Array.from({ length: repeats }, () => frames)), count: count * repeats };
}

/** Requests that are reset at once, from stream `first` on. */
export function resets(first: number, count: number, fields = POST): Buffer {
  const pairs: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const stream = first + i * 2;
    pairs.push(headersFrame(stream, fields), frame(FrameType.RstStream, 0, stream, uint32(8)));
  }
  return Buffer.concat(pairs);
}
