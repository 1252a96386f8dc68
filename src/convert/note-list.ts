/** NoteList collected during a conversion. */
import type { Note } from './model.js';

export class NoteList {
  private readonly list: Note[] = [];

  /** In the order of the source. */
  get all(): readonly Note[] {
    return [...this.list].sort((one, other) => one.line - other.line);
  }

  /** Something that is not converted. */
  missing(line: number, message: string): void {
    if (this.list.some((note) => note.line === line && note.message === message)) return;
    this.list.push({ kind: 'missing', line, message });
  }
}
