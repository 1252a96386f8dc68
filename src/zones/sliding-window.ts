/** Two counts over a sliding period: events, and those of them that are of one kind (failures, retries). */

/** Parts of a period; events leave it part by part. */
const PARTS = 10;

export class SlidingWindow {
  private readonly events = new Uint32Array(PARTS);
  private readonly marked = new Uint32Array(PARTS);
  /** Number of the newest part since the clock's zero. */
  private newest = 0;

  /** `length` in ms. */
  constructor(readonly length: number) {}

  /** Adds events; `now` in ms on a monotonic clock. A marked event may have been counted as an event before. */
  add(events: number, marked: number, now: number): void {
    this.advance(now);
    const part = this.newest % PARTS;
    this.events[part] = (this.events[part] ?? 0) + events;
    this.marked[part] = (this.marked[part] ?? 0) + marked;
  }

  /** Number of events in the period that ends `now`. */
  total(now: number): number {
    this.advance(now);
    return sum(this.events);
  }

  /** Number of marked events in it. */
  markedTotal(now: number): number {
    this.advance(now);
    return sum(this.marked);
  }

  clear(): void {
    this.events.fill(0);
    this.marked.fill(0);
  }

  private advance(now: number): void {
    const part = Math.floor((now * PARTS) / this.length);
    if (part <= this.newest) return;
    if (part - this.newest >= PARTS) this.clear();
    else {
      for (let i = this.newest + 1; i <= part; i++) {
        this.events[i % PARTS] = 0;
        this.marked[i % PARTS] = 0;
      }
    }
    this.newest = part;
  }
}

function sum(counts: Uint32Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
