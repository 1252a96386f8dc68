/**
 * A stage of one direction of a tunnel: receives the bytes of the sender and decides which frames continue to the receiver.
 * What it passes on is a valid sequence of frames again, and never begins a frame that it may still reject.
 */
export interface Stage {
  /** Receives bytes `start` to `end` of the sender; borrowed until the call returns. Not called while `busy` and paused. */
  push(bytes: Buffer, start: number, end: number): void;
  /** The receiver accepts bytes again, after `StageHost.pass` returned false. */
  drained(): void;
  /**
   * The receiver has been sent a Close frame of the proxy: of all that follows, and of what is queued here, only the sender's Close
   * frame matters. Nothing waits any longer. May be called during `StageHost.pass`.
   */
  receiverClosed(): void;
  /** The sender must stay paused, because enough of its bytes are queued here. */
  readonly full: boolean;
  /** Received bytes have not been passed on yet: the end of the sender takes effect after `StageHost.idle`. */
  readonly busy: boolean;
  /** The tunnel is over: releases everything, and passes on nothing more. */
  dispose(): void;
}

/** The tunnel as seen by one stage. */
export interface StageHost {
  /** Passes borrowed bytes on. False: the receiver is slow; the stage should wait for `drained`. */
  pass(bytes: Buffer, start: number, end: number): boolean;
  pauseSender(): void;
  /** Resumes reading, unless the receiver is slow. */
  resumeSender(): void;
  /** Called when `busy` has become false. */
  idle(): void;
  /** Ends the WebSocket: both sides receive a Close frame. Nothing may be passed on afterwards. */
  close(code: number, reason: string): void;
}
