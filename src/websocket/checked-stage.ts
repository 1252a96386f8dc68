/**
 * Stage that runs checks on the frames of one direction, and passes them on unchanged. Headers are read in place: bytes are
 * only copied while a header is incomplete at the end of a read, or a frame has to wait.
 */
import { type CheckHost, type CheckVerdict, CLOSED, type FrameCheck, PASS, WAIT } from './frame-check.js';
import { FrameReader } from './frame-reader.js';
import type { Stage, StageHost } from './stage.js';
import { INVALID_LENGTH } from './violations.js';

const EMPTY = Buffer.alloc(0);
/** Queued bytes above which the sender is paused. One read of a socket may exceed it. */
const MAX_QUEUED = 65536;

export class CheckedStage implements Stage, CheckHost {
  private readonly frames = new FrameReader();
  private readonly checks: readonly FrameCheck[];
  /** Checks that inspect payloads. */
  private readonly payloads: readonly FrameCheck[];
  /** Bytes of a header that began in an earlier read; passed on with the rest of it. */
  private partial: Buffer = EMPTY;
  /** Bytes that wait for a check, from the header of the waiting frame on. */
  private queued: Buffer = EMPTY;
  /** Offset in `queued` of the first unread byte. */
  private queuedFrom = 0;
  /** Index of the check that makes the frame wait; -1: none does. */
  private waitsFor = -1;
  private reading = false;
  /**
   * Whether bytes are no longer checked: the tunnel has ended, or it drops the rest itself, because a Close frame was sent or the
   * stream has become unreadable.
   */
  private over = false;
  private paused = false;
  /** Whether frames pass unchecked, because the receiver accepts no further frames. */
  private released = false;
  /** Close frame to be sent after the frames that have passed. */
  private closing: { readonly code: number; readonly reason: string } | null = null;

  constructor(
    private readonly host: StageHost,
    create: (host: CheckHost) => readonly FrameCheck[],
  ) {
    this.checks = create(this);
    this.payloads = this.checks.filter(({ payload }) => payload !== null);
  }

  get full(): boolean {
    return this.paused;
  }

  get busy(): boolean {
    return this.waitsFor >= 0;
  }

  push(bytes: Buffer, start: number, end: number): void {
    if (this.over) this.host.pass(bytes, start, end);
    else if (this.waitsFor < 0) this.read(bytes, start, start, end);
    else {
      this.queued = Buffer.concat([this.queued, bytes.subarray(start, end)]);
      this.pauseIfFull();
    }
  }

  /** Nothing to do: the tunnel pauses the sender while the receiver is slow, and nothing is queued here for that reason. */
  drained(): void {}

  receiverClosed(): void {
    if (this.over || this.released) return;
    this.released = true;
    if (!this.reading) this.proceed();
  }

  close(code: number, reason: string): void {
    if (this.over || this.closing !== null) return;
    this.closing = { code, reason };
    if (!this.reading) this.finish();
  }

  proceed(): void {
    if (this.over || this.waitsFor < 0) return;
    const { queued, queuedFrom } = this;
    const next = this.waitsFor + 1;
    this.waitsFor = -1;
    this.reading = true;
    const verdict = this.check(next);
    this.reading = false;
    if (verdict === CLOSED) {
      this.finish();
      return;
    }
    if (verdict === PASS) {
      this.queued = EMPTY;
      this.read(queued, 0, queuedFrom, queued.length);
    }
    if (this.over || this.waitsFor >= 0) return;
    if (this.paused) {
      this.paused = false;
      this.host.resumeSender();
    }
    this.host.idle();
  }

  dispose(): void {
    if (this.over) return;
    this.stopChecking();
    this.waitsFor = -1;
    this.queued = EMPTY;
    this.partial = EMPTY;
  }

  /** Stops checking: all bytes that follow are passed on unchanged. */
  private stopChecking(): void {
    this.over = true;
    for (const check of this.checks) check.dispose();
  }

  /** Closes the WebSocket. The rejected bytes are still passed on, so that the tunnel finds the end of their frame. */
  private finish(): void {
    const { closing, host, queued, partial } = this;
    if (closing === null) return;
    const wasBusy = this.busy;
    this.dispose();
    host.close(closing.code, closing.reason);
    if (partial.length > 0) host.pass(partial, 0, partial.length);
    if (queued.length > 0) host.pass(queued, 0, queued.length);
    if (this.paused) {
      this.paused = false;
      host.resumeSender();
    }
    if (wasBusy) host.idle();
  }

  private read(bytes: Buffer, from: number, at: number, end: number): void {
    this.reading = true;
    const passed = this.readFrames(bytes, from, at, end);
    if (passed >= 0) this.pass(bytes, from, passed);
    this.reading = false;
    if (this.closing !== null) {
      this.finish();
      this.host.pass(bytes, Math.max(from, passed), end);
    } else if (this.released) this.proceed();
  }

  /**
   * Reads bytes `at` to `end`, of which those from `from` on have not been passed on. Returns the end of the bytes that
   * may be passed on now; -1 if none may, not even `partial`.
   */
  private readFrames(bytes: Buffer, from: number, at: number, end: number): number {
    const { frames } = this;
    /** Start of the current frame, -1 if it was passed on in part. */
    let start = at > from ? from : -1;
    let position = at;
    while (position < end) {
      if (frames.inPayload) {
        const offset = frames.payloadSeen;
        const next = frames.next(bytes, position, end);
        if (this.payloads.length > 0 && !this.checkPayload(bytes, position, next, offset))
          return this.before(start, from);
        position = next;
        continue;
      }
      if (frames.betweenFrames) start = position;
      // A header began in an earlier read: its first bytes are in `partial`.
      else start = from;
      position = frames.next(bytes, position, end);
      if (!frames.inPayload && !frames.betweenFrames) {
        const began = this.partial.length > 0 && start === from;
        if (!began) this.pass(bytes, from, start);
        const rest = bytes.subarray(start, end);
        this.partial = began ? Buffer.concat([this.partial, rest]) : Buffer.from(rest);
        return -1;
      }
      if ((frames.violation & INVALID_LENGTH) !== 0) {
        this.stopChecking();
        return end;
      }
      const verdict = this.check(0);
      if (verdict === PASS) continue;
      if (verdict === WAIT) {
        const began = this.partial.length > 0 && start === from;
        if (!began) this.pass(bytes, from, start);
        const { partial } = this;
        this.partial = EMPTY;
        this.queued = Buffer.concat([partial, bytes.subarray(start, end)]);
        this.queuedFrom = partial.length + position - start;
        this.pauseIfFull();
        return -1;
      }
      return this.before(start, from);
    }
    return position;
  }

  /** End of the bytes that precede a rejected frame, in the notation of `readFrames`. */
  private before(start: number, from: number): number {
    return start > from ? start : -1;
  }

  /** Passes on bytes, and the header that precedes them. */
  private pass(bytes: Buffer, from: number, to: number): void {
    const { partial } = this;
    if (partial.length > 0) {
      this.partial = EMPTY;
      this.host.pass(partial, 0, partial.length);
    }
    if (to > from) this.host.pass(bytes, from, to);
  }

  private check(from: number): CheckVerdict {
    const { checks, frames } = this;
    if (this.released) return PASS;
    for (let i = from; i < checks.length; i++) {
      const verdict = (checks[i] as FrameCheck).frame(frames);
      if (verdict === PASS) continue;
      if (verdict === WAIT) this.waitsFor = i;
      return verdict;
    }
    return PASS;
  }

  private checkPayload(bytes: Buffer, start: number, end: number, offset: number): boolean {
    const { payloads, frames } = this;
    if (this.released) return true;
    for (let i = 0; i < payloads.length; i++) {
      if (payloads[i]?.payload?.(bytes, start, end, frames, offset) === false) return false;
    }
    return true;
  }

  private pauseIfFull(): void {
    if (this.paused || this.queued.length < MAX_QUEUED) return;
    this.paused = true;
    this.host.pauseSender();
  }
}
