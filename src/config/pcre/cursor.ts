/** Reads a text from left to right. */
export class Cursor {
  at = 0;

  constructor(readonly text: string) {}

  get done(): boolean {
    return this.at >= this.text.length;
  }

  /** The next character; empty at the end. */
  peek(ahead = 0): string {
    return this.text.charAt(this.at + ahead);
  }

  next(): string {
    return this.text.charAt(this.at++);
  }

  /** Consumes a text if it comes next. */
  take(text: string): boolean {
    const found = this.text.startsWith(text, this.at);
    if (found) {
      this.at += text.length;
    }
    return found;
  }

  /** Matches a sticky expression at the current position and consumes the match. */
  match(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.at;
    const match = sticky.exec(this.text);
    if (match !== null) {
      this.at += match[0].length;
    }
    return match;
  }
}
