/** Notes collected during a conversion. */
import type { Note } from './model.js';

/** Maximum number of notes: a file with more is in another format, or not written by people. */
const MAX_NOTES = 10_000;

export class NoteList {
  private readonly notes = new Map<string, Note>();

  /** In the order of the source. */
  get all(): readonly Note[] {
    return [...this.notes.values()].sort((one, other) => one.line - other.line);
  }

  /** Something that is not converted. */
  missing(line: number, message: string): void {
    if (this.notes.size < MAX_NOTES) this.notes.set(`${line} ${message}`, { line, message });
  }
}
