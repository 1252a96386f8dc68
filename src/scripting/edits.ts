/** Edits of a text, and the original positions of the edited one. */

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A part of the edited text that is a part of the original one. */
interface Run {
  /** Offset in the edited text. */
  readonly at: number;
  /** Offset in the original text. */
  readonly from: number;
}

/** Replaces ranges of a text that do not overlap. */
export class Edits {
  private readonly edits: Edit[] = [];

  constructor(private readonly text: string) {}

  replace(start: number, end: number, text: string): void {
    this.edits.push({ start, end, text });
  }

  /** Inserts a text at the beginning, before all other edits there. */
  insertFirst(text: string): void {
    this.edits.unshift({ start: 0, end: 0, text });
  }

  /** Inserts a text; several insertions at one place are in the order of the calls. */
  insert(at: number, text: string): void {
    this.replace(at, at, text);
  }

  /** Replaces a range by blanks, so that lines and columns of the rest remain. */
  blank(start: number, end: number): void {
    this.replace(start, end, this.text.slice(start, end).replace(/[^\r\n\u2028\u2029]/g, ' '));
  }

  result(): EditedText {
    const { text } = this;
    const edits = [...this.edits].sort((a, b) => a.start - b.start);
    const runs: Run[] = [];
    let out = '';
    let position = 0;
    for (const edit of edits) {
      runs.push({ at: out.length, from: position });
      out += text.slice(position, edit.start);
      runs.push({ at: out.length, from: edit.start });
      out += edit.text;
      position = edit.end;
    }
    runs.push({ at: out.length, from: position });
    return new EditedText(out + text.slice(position), text, runs);
  }
}

/** A text with its edits applied. */
export class EditedText {
  constructor(
    readonly text: string,
    private readonly original: string,
    private readonly runs: readonly Run[],
  ) {}

  /** Original position of a position of this text; both count from 1. */
  originalPosition(line: number, column: number): { readonly line: number; readonly column: number } {
    const offset = offsetOf(this.text, line, column);
    let run: Run = { at: 0, from: 0 };
    for (const each of this.runs) {
      if (each.at > offset) break;
      run = each;
    }
    return positionOf(this.original, run.from + offset - run.at);
  }
}

function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let i = 1; i < line; i++) {
    const next = text.indexOf('\n', start);
    if (next < 0) break;
    start = next + 1;
  }
  return Math.min(start + column - 1, text.length);
}

/** Line and column of an offset, from 1. */
export function positionOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return { line, column: offset - before.lastIndexOf('\n') };
}
