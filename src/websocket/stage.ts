/**
 * A stage of one direction of a tunnel: receives the bytes of the sender and decides which frames continue to the receiver.
 * Its output is a valid sequence of frames, too: no part of a frame is passed on while the frame may still be rejected.
 */
export interface Stage {
  /** Receives bytes `start` to `end` of the sender; borrowed until the call returns. Not called while `busy` and paused. */
  push(bytes: Buffer, start: number, end: number): void;
  /** Called when the receiver accepts bytes again, after `StageHost.pass` returned false. */
  drained(): void;
  /**
   * Called when the receiver has been sent a Close frame of the proxy: of the bytes that follow or are queued, only the sender's
   * Close frame is still needed, and waiting frames are released. May be called during `StageHost.pass`.
   */
  receiverClosed(): void;
  /** Whether the sender must stay paused, because the queue of the stage is full. */
  readonly full: boolean;
  /** Whether received bytes have not been passed on yet: the end of the sender takes effect after `StageHost.idle`. */
  readonly busy: boolean;
  /** Called when the tunnel has ended: releases all resources; nothing is passed on afterwards. */
  dispose(): void;
}

/** The tunnel as seen by one stage. */
export interface StageHost {
  /** Passes on borrowed bytes. Returns false if the receiver is slow: the stage should wait for `drained`. */
  pass(bytes: Buffer, start: number, end: number): boolean;
  pauseSender(): void;
  /** Resumes reading, unless the receiver is slow. */
  resumeSender(): void;
  /** Called by the stage when `busy` has become false. */
  idle(): void;
  /** Ends the WebSocket: both sides receive a Close frame. Nothing may be passed on afterwards. */
  close(code: number, reason: string): void;
}
