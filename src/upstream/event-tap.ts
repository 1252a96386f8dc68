/** The events of an event stream for the traffic tap. Created only while the tap is active. */
import { callbackTime } from '../http/clock.js';
import { EventReader } from '../http/event-reader.js';
import type { Tap } from '../tap/tap.js';

const LF = 10;
const CR = 13;
/** Byte order mark, which is not part of an event. */
const MARK = 0xef;

export class EventTap {
  private readonly reader = new EventReader();
  private readonly epoch: number;
  /** The beginning of the current event, as far as it is needed, and its length. */
  private parts: Buffer[] = [];
  private kept = 0;
  private length = 0;

  /** `skips`: the stream is in an event, which gets no row. `atStart`: nothing has been sent yet. */
  constructor(
    private readonly tap: Tap,
    readonly id: string,
    private skips: boolean,
    atStart: boolean,
  ) {
    if (!atStart) this.reader.skipBom();
    this.epoch = tap.epoch;
  }

  /** Whether it has followed the stream without interruption. */
  get isCurrent(): boolean {
    return this.epoch === this.tap.epoch;
  }

  push(bytes: Buffer, start: number, end: number): void {
    const { reader } = this;
    for (let at = start; at < end; ) {
      const from = at;
      at = reader.read(bytes, at, end);
      this.keep(bytes, from, at);
      if (reader.between) this.endEvent();
    }
  }

  private keep(bytes: Buffer, start: number, end: number): void {
    this.length += end - start;
    const room = this.tap.payloadSize - this.kept;
    if (room <= 0) return;
    const part = Buffer.from(bytes.subarray(start, Math.min(end, start + room)));
    this.parts.push(part);
    this.kept += part.length;
  }

  private endEvent(): void {
    const { length, skips, tap } = this;
    const payload = Buffer.concat(this.parts);
    this.parts = [];
    this.kept = 0;
    this.length = 0;
    this.skips = false;
    const [first] = payload;
    // Empty lines between events, the LF of a CRLF.
    const isEmpty = length <= 3 && (first === LF || first === CR || first === MARK);
    if (!skips && !isEmpty && length > 0) {
      tap.publish({ type: 'event', id: this.id, time: callbackTime(), length, payload });
    }
  }
}
