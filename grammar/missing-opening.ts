/**
 * Detection of statements without their `{`, by indentation: the following lines are indented further, up to a `}` at
 * the indentation of the statement itself. Without that `{`, nginx reads the next statement as further arguments, and
 * the content of the block as if it were outside.
 */

/** A statement that may open a block but has not. */
interface Candidate {
  readonly indent: number;
  /** Offset of the token after which the `{` is missing, or of the `;` in its place. */
  at: number;
  /** End of the statement's first line so far. */
  end: number;
  /** Whether a line after it is indented further. */
  deeper: boolean;
  /** Offset of the token at which nginx notices the mistake; -1 until the statement has ended. */
  noticed: number;
}

/** Tracks the statements of a text. Its methods must be called in the order of the text. */
export class MissingOpenings {
  /**
   * Tokens after which a block is treated as opened (or that replace its `{`), with the offset at which nginx notices
   * it.
   */
  readonly found = new Map<number, number>();
  /** Candidates of each open block, the outermost level first; within a level, the least indented first. */
  readonly #levels: Candidate[][] = [[]];
  /** Candidates in the current statement, including the statements it has absorbed. */
  #pending: Candidate[] = [];

  /** @param opensBlock whether the named directive takes a block */
  constructor(
    private readonly text: string,
    private readonly opensBlock: (name: string) => boolean,
  ) {}

  /** Starts a statement, or a word that begins a line. @param indent -1 if it does not begin its line */
  begin(start: number, word: string, indent: number): void {
    const level = this.#level();
    if (indent < 0) return;
    while ((level.at(-1)?.indent ?? -1) >= indent) level.pop();
    const around = level.at(-1);
    if (around !== undefined) around.deeper = true;
    if (!this.opensBlock(word)) return;
    const candidate = { indent, at: start, end: start + word.length, deeper: false, noticed: -1 };
    level.push(candidate);
    this.#pending.push(candidate);
  }

  /** Adds a further word. @param indent of the line that it begins, or -1 */
  word(start: number, word: string, indent: number): void {
    const last = this.#pending.at(-1);
    if (last === undefined) return;
    if (indent >= 0) this.begin(start, word, indent);
    else if (!this.text.slice(last.end, start).includes('\n')) {
      last.at = start;
      last.end = start + word.length;
    }
  }

  semicolon(start: number): void {
    for (const candidate of this.#pending) {
      candidate.noticed = start;
      if (!this.text.slice(candidate.end, start).includes('\n')) candidate.at = start;
    }
    this.#pending = [];
  }

  /** `{` */
  open(start: number): void {
    const level = this.#level();
    const last = this.#pending.at(-1);
    // The brace belongs to the statement on its line.
    if (last !== undefined && last === level.at(-1) && !last.deeper) level.pop();
    for (const candidate of this.#pending) candidate.noticed = start;
    this.#pending = [];
    this.#levels.push([]);
  }

  /** Whether a `}` closes a block whose `{` is missing, within the innermost open block. */
  closes(indent: number): boolean {
    const level = this.#level();
    this.#pending = [];
    if (indent < 0) return false;
    while ((level.at(-1)?.indent ?? -1) > indent) level.pop();
    const candidate = level.at(-1);
    if (candidate === undefined || candidate.indent !== indent || !candidate.deeper || candidate.noticed < 0)
      return false;
    level.pop();
    this.found.set(candidate.at, candidate.noticed);
    return true;
  }

  /** Closes the innermost block. */
  close(): void {
    if (this.#levels.length > 1) this.#levels.pop();
  }

  #level(): Candidate[] {
    // The outermost level always exists.
    return this.#levels.at(-1) ?? [];
  }
}
