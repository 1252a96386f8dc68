/** Progress of a file that another request, perhaps of another process, is writing. */
import type { FillEnd } from '../zones/cache-locks.js';

export class FillProgress {
  /** How the writing ended; null: it has not. */
  ended: FillEnd | null = null;
  /** Number of requests that read the file. */
  readers = 0;
  private readonly listeners = new Set<() => void>();

  constructor(
    readonly path: string,
    /** Bytes of the body in the file. */
    public length: number,
    /** Called when there are no more readers. */
    private readonly onUnused: () => void,
  ) {}

  /** `listener` is called after each change; returns a function that ends this. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  grow(length: number, ended: FillEnd | null = null): void {
    if (this.ended !== null) return;
    this.length = Math.max(this.length, length);
    this.ended = ended;
    for (const listener of [...this.listeners]) listener();
  }

  /** A reader has finished or left. */
  leave(): void {
    if (--this.readers === 0) this.onUnused();
  }
}
