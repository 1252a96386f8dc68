/**
 * Statements whose `{` is missing, judged by indentation: what follows stands further in, up to a `}` that stands as far out
 * as the statement itself. Without that `{` the next statement is read as further words, and all that should be inside
 * as if it stood outside.
 */

/** A statement that may open a block and has not. */
interface Candidate {
  readonly indent: number;
  /** Offset of the token behind which the `{` is missing, or of the `;` that stands in its place. */
  at: number;
  /** Where the statement's first line ends so far. */
  end: number;
  /** Whether something stands further in behind it. */
  deeper: boolean;
  /** Offset of the token at which nginx notices it; -1 as long as the statement is under way. */
  noticed: number;
}

/** Follows the statements of a text. All that it is told comes in the order of the text. */
export class MissingOpenings {
  /** Tokens behind which a block is to be taken as opened (or which stand in the place of its `{`), with the place where nginx notices it. */
  readonly found = new Map<number, number>();
  /** The candidates of each open block, the outermost level first; within one, those further out first. */
  readonly #levels: Candidate[][] = [[]];
  /** Those of the statement under way, with what it has swallowed. */
  #underWay: Candidate[] = [];

  /** @param opensBlock whether a directive of that name takes a block */
  constructor(
    private readonly text: string,
    private readonly opensBlock: (name: string) => boolean,
  ) {}

  /** The first word of a statement, or a word that begins a line: -1 for `indent` where it does not. */
  begin(start: number, word: string, indent: number): void {
    const level = this.#level();
    if (indent < 0) return;
    while ((level.at(-1)?.indent ?? -1) >= indent) level.pop();
    const around = level.at(-1);
    if (around !== undefined) around.deeper = true;
    if (!this.opensBlock(word)) return;
    const candidate = { indent, at: start, end: start + word.length, deeper: false, noticed: -1 };
    level.push(candidate);
    this.#underWay.push(candidate);
  }

  /** A further word. @param indent of the line that it begins, or -1 */
  word(start: number, word: string, indent: number): void {
    const last = this.#underWay.at(-1);
    if (last === undefined) return;
    if (indent >= 0) this.begin(start, word, indent);
    else if (!this.text.slice(last.end, start).includes('\n')) {
      last.at = start;
      last.end = start + word.length;
    }
  }

  semicolon(start: number): void {
    for (const candidate of this.#underWay) {
      candidate.noticed = start;
      if (!this.text.slice(candidate.end, start).includes('\n')) candidate.at = start;
    }
    this.#underWay = [];
  }

  /** `{` */
  open(start: number): void {
    const level = this.#level();
    const last = this.#underWay.at(-1);
    // The brace is that of the statement on its line.
    if (last !== undefined && last === level.at(-1) && !last.deeper) level.pop();
    for (const candidate of this.#underWay) candidate.noticed = start;
    this.#underWay = [];
    this.#levels.push([]);
  }

  /** Whether a `}` closes a block whose `{` is missing, in the innermost one that is open. */
  closes(indent: number): boolean {
    const level = this.#level();
    this.#underWay = [];
    if (indent < 0) return false;
    while ((level.at(-1)?.indent ?? -1) > indent) level.pop();
    const candidate = level.at(-1);
    if (candidate === undefined || candidate.indent !== indent || !candidate.deeper || candidate.noticed < 0)
      return false;
    level.pop();
    this.found.set(candidate.at, candidate.noticed);
    return true;
  }

  /** The innermost block has ended. */
  close(): void {
    if (this.#levels.length > 1) this.#levels.pop();
  }

  #level(): Candidate[] {
    // There is always the outermost one.
    return this.#levels.at(-1) ?? [];
  }
}
