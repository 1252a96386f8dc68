/** Numbers as random as a test needs them, the same for the same seed. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    // mulberry32
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * limit);
  }

  /** One of them. */
  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** That many bytes. */
  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let i = 0;
    for (; i + 4 <= length; i += 4) bytes.writeUInt32LE(this.below(4294967296), i);
    for (; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }
}
