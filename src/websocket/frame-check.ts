/** Checks of frames while they pass through a tunnel, without storing their payloads. */
import type { FrameReader } from './frame-reader.js';

/** The frame continues to the receiver. */
export const PASS = 0;
/** The check has called `CheckHost.close`: neither the frame nor anything after it continues. */
export const CLOSED = 1;
/** The frame, and thereby the sender, waits until the check calls `CheckHost.proceed`. */
export const WAIT = 2;

/** Result of a check. */
export type CheckVerdict = typeof PASS | typeof CLOSED | typeof WAIT;

/** Checks the frames of one direction, in order. */
export interface FrameCheck {
  /** Called when a header is complete, before any part of the frame is passed on. */
  frame(header: FrameReader): CheckVerdict;
  /**
   * Receives payload bytes `start` to `end` as on the wire (masked if `header.masked`), of which `offset` bytes came before;
   * false if it has closed the WebSocket. Null: the check does not inspect payloads.
   */
  readonly payload:
    | ((bytes: Buffer, start: number, end: number, header: FrameReader, offset: number) => boolean)
    | null;
  /** Called when the tunnel has ended. */
  dispose(): void;
}

/** Services for a check. */
export interface CheckHost {
  /** Ends the WebSocket; both sides receive a Close frame, after the frames that have passed. */
  close(code: number, reason: string): void;
  /** Continues after WAIT: the frame passes this check. Not called before `frame` has returned. */
  proceed(): void;
}
