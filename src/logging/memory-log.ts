/** `error_log memory:size`: a ring of the last lines in memory, not written anywhere. */

const openLogs = new Set<MemoryLog>();

/** Lines of all memory logs, each with its line break, oldest first. Byte strings (latin1). */
export function memoryLogs(): string[] {
  return [...openLogs].map((log) => log.text());
}

/** A ring buffer: new lines overwrite the oldest. */
export class MemoryLog {
  private readonly ring: Buffer;
  private written = 0;

  /** `size` in bytes. */
  constructor(size: number) {
    this.ring = Buffer.alloc(size);
    openLogs.add(this);
  }

  /** Adds a line, which ends with its line break. */
  write(line: string): void {
    const { length } = this.ring;
    for (let rest = line; rest !== ''; ) {
      const at = this.written % length;
      const piece = rest.slice(0, length - at);
      this.ring.write(piece, at, 'latin1');
      this.written += piece.length;
      rest = rest.slice(piece.length);
    }
  }

  /** Returns the content, from the first line that is not partly overwritten. */
  text(): string {
    const { length } = this.ring;
    if (this.written <= length) return this.ring.toString('latin1', 0, this.written);
    const at = this.written % length;
    const text = this.ring.toString('latin1', at) + this.ring.toString('latin1', 0, at);
    return text.slice(text.indexOf('\n') + 1);
  }

  /** Removes the log. */
  close(): void {
    openLogs.delete(this);
  }
}
