/**
 * Receives the frames of a connection. Buffers are borrowed until the call returns. Stream identifiers are only checked
 * for 0; the listener knows which streams exist.
 *
 * A listener that fails calls `FrameReader.stop`, after which no further frame is reported, not even of the current
 * chunk. `onConnectionError` is the last event: the reader has stopped.
 */
export interface FrameListener {
  /**
   * A complete header block: HEADERS with its CONTINUATION frames, without padding and priority. It must be decoded,
   * even if the stream is refused, because the decoder's dynamic table depends on it. `ended`: END_STREAM.
   * `dependency`: the stream on which it depends, or -1.
   */
  onHeaders(stream: number, block: Buffer, start: number, end: number, ended: boolean, dependency: number): void;
  /**
   * A piece of a DATA frame: bytes `start` to `end`, possibly none. `counted`: bytes that it takes from the
   * flow-control windows, which include padding. `ended`: it is the last piece of a frame with END_STREAM.
   */
  onData(stream: number, bytes: Buffer, start: number, end: number, counted: number, ended: boolean): void;
  /** RST_STREAM. */
  onReset(stream: number, code: number): void;
  /** One parameter of a SETTINGS frame. */
  onSetting(id: number, value: number): void;
  /** The end of a SETTINGS frame, which is to be acknowledged. */
  onSettings(): void;
  onSettingsAck(): void;
  /** PING with its 8 bytes as two numbers of 32 bits; to be answered with `FrameWriter.pingAck`. */
  onPing(high: number, low: number): void;
  onPingAck(high: number, low: number): void;
  /** GOAWAY; `last` is the last stream that the peer has processed or may process. */
  onGoaway(last: number, code: number, debug: string): void;
  /** WINDOW_UPDATE of a stream, or of the connection (0); `increment` is at least 1. */
  onWindowUpdate(stream: number, increment: number): void;
  /** A stream is to be reset with this code; its remaining frames are reported nevertheless. */
  onStreamError(stream: number, code: number, reason: string): void;
  /** The connection is to be ended with a GOAWAY of this code; `reason` is text for the log. */
  onConnectionError(code: number, reason: string): void;
}
