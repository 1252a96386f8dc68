/** Splits bytes into lines of text. Of a line that is too long only the beginning is kept. */

/** Longest line, bytes: above the longest head that the proxy accepts by default. */
const MAX_LINE = 65_536;

const LINE_FEED = 0x0a;

export class LineSplitter {
  /** Beginning of a line whose end has not arrived. */
  private pending = Buffer.alloc(0);

  /** The bytes are borrowed. */
  add(bytes: Buffer, line: (text: string) => void): void {
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      this.append(bytes, start, end);
      this.end(line, true);
      start = end + 1;
    }
    this.append(bytes, start, bytes.length);
  }

  private append(bytes: Buffer, start: number, end: number): void {
    const { pending } = this;
    const size = Math.min(end - start, MAX_LINE - pending.length);
    if (size > 0) this.pending = Buffer.concat([pending, bytes.subarray(start, start + size)]);
  }

  /** Ends the line in progress. `empty`: also if it has no bytes. */
  end(line: (text: string) => void, empty = false): void {
    const { pending } = this;
    if (pending.length === 0 && !empty) return;
    this.pending = Buffer.alloc(0);
    line(pending.toString('utf8').replace(/\r$/, ''));
  }
}
