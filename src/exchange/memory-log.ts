/** `error_log memory:size`: the last lines, kept in memory and written nowhere. */

const open = new Set<MemoryLog>();

/** The lines that all logs in memory keep at the moment, each with its line break, the oldest first. Bytes (latin1). */
export function memoryLogs(): string[] {
  return [...open].map((log) => log.text());
}

/** A ring of bytes: new lines take the place of the oldest. */
export class MemoryLog {
  private readonly ring: Buffer;
  private written = 0;

  /** `size` in bytes. */
  constructor(size: number) {
    this.ring = Buffer.alloc(size);
    open.add(this);
  }

  /** Keeps a line, which ends with its line break. */
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

  /** What is kept, from the first line of which nothing was overwritten. */
  text(): string {
    const { length } = this.ring;
    if (this.written <= length) return this.ring.toString('latin1', 0, this.written);
    const at = this.written % length;
    const text = this.ring.toString('latin1', at) + this.ring.toString('latin1', 0, at);
    return text.slice(text.indexOf('\n') + 1);
  }

  /** It is kept no longer. */
  close(): void {
    open.delete(this);
  }
}
