/** Settings of a tunnel, the interface of its owner, and its result. */
import type { Transport } from '../net/transport.js';
import type { Tap } from '../tap/tap.js';
import type { FrameReader } from '../websocket/frame-reader.js';
import type { Lifetimes } from './lifecycle.js';
import type { Direction, StageChain, StagedTunnel } from './stages.js';
import type { WebSocketSettings } from './websocket-settings.js';

/** Result of a tunnel. */
export interface TunnelEnd {
  /**
   * `upstream timeout`: no byte within the read timeout, or the upstream stopped reading; `client timeout`: the client
   * stopped reading; `client`/`upstream`: that side ended the connection; `drain`: the closing handshake completed; `cut`:
   * the deadline of the drain or shutdown passed; `proxy`: a rule of the configuration ended it.
   */
  readonly by: 'client' | 'upstream' | 'client timeout' | 'upstream timeout' | 'drain' | 'cut' | 'proxy';
  readonly error: NodeJS.ErrnoException | null;
}

/** Result of a tunnel with the bytes that it received from the upstream and sent to it. */
export interface TunnelResult extends TunnelEnd {
  readonly received: number;
  readonly sent: number;
}

/** The owner of a tunnel: an existing object, because a closure for each tunnel would take more memory. */
export interface TunnelOwner {
  /** Called once, possibly before the function returns that opens the tunnel. */
  ended(result: TunnelResult): void;
}

export const NO_OWNER: TunnelOwner = { ended() {} };

/** A tunnel whose bytes are WebSocket frames. */
export interface WebSocketTunnel {
  /** Settings of the location; replaced when the tunnel moves to another configuration. */
  settings: WebSocketSettings;
  /** Reserved bits that the negotiated extensions define, as in `FrameReader.rsv`. */
  readonly reserved: number;
  /** Creates the stages of one direction; null: it has none. */
  openStages(tunnel: StagedTunnel, from: Transport, to: Transport, direction: Direction): StageChain | null;
  /** The traffic tap; while frames are needed, `tapFrames` is called with the bytes that `frames` is about to read. */
  readonly tap: Tap;
  tapFrames(from: 'client' | 'upstream', frames: FrameReader, bytes: Buffer, start: number, end: number): void;
  /** Logs an event that `side` has caused. */
  log(side: 'client' | 'upstream', message: string): void;
}

/** Times of a tunnel, which usually are those of its location. */
export interface TunnelTimes {
  /** ms without a byte in either direction after which the tunnel ends (`proxy_read_timeout`). */
  readonly readTimeout: number;
  /** ms for which the upstream may accept no bytes (`proxy_send_timeout`). */
  readonly sendTimeout: number;
  /** ms for which the client may accept no bytes (`send_timeout`). */
  readonly clientSendTimeout: number;
  /** ms for which a client's data is still read after the upstream has ended (`lingering_timeout`); 0: not at all. */
  readonly lingering: number;
}

export interface TunnelSettings extends TunnelTimes {
  /** Null: frames are not parsed. */
  readonly websocket: WebSocketTunnel | null;
  readonly lifetimes: Lifetimes;
}

/** Times of the latest tunnel, reused for the next one if they are equal, which is usual. */
let latest: TunnelTimes = { readTimeout: 0, sendTimeout: 0, clientSendTimeout: 0, lingering: 0 };

export function sharedTimes({ readTimeout, sendTimeout, clientSendTimeout, lingering }: TunnelTimes): TunnelTimes {
  if (
    latest.readTimeout !== readTimeout ||
    latest.sendTimeout !== sendTimeout ||
    latest.clientSendTimeout !== clientSendTimeout ||
    latest.lingering !== lingering
  ) {
    latest = { readTimeout, sendTimeout, clientSendTimeout, lingering };
  }
  return latest;
}
