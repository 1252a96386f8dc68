/** Frame types and flags (RFC 9113 6), and the sizes of frames. */

export const FrameType = {
  Data: 0,
  Headers: 1,
  Priority: 2,
  RstStream: 3,
  Settings: 4,
  PushPromise: 5,
  Ping: 6,
  Goaway: 7,
  WindowUpdate: 8,
  Continuation: 9,
} as const;

export const Flag = {
  /** Of DATA and HEADERS. */
  EndStream: 0x1,
  /** Of SETTINGS and PING. */
  Ack: 0x1,
  EndHeaders: 0x4,
  Padded: 0x8,
  Priority: 0x20,
} as const;

/** Bytes of a frame's header. */
export const FRAME_HEADER = 9;
/** Maximum payload until the peer announces another SETTINGS_MAX_FRAME_SIZE, bytes. */
export const DEFAULT_FRAME_SIZE = 16384;
/** Maximum of SETTINGS_MAX_FRAME_SIZE. */
export const MAX_FRAME_SIZE = 16_777_215;
/** Flow-control window of each stream and of the connection until changed, bytes. */
export const DEFAULT_WINDOW = 65535;
/** Maximum of a flow-control window. */
export const MAX_WINDOW = 0x7fffffff;
/** First bytes of a client's connection (RFC 9113 3.4). */
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
