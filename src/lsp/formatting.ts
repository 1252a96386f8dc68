/** Formatting as by `tsproxy fmt`. Only changed lines are replaced, so that the cursor keeps its place. */
import { diffArrays } from 'diff';
import type { Range, TextEdit } from 'vscode-languageserver/node';
import { toText } from '../diagnostics/byte-string.js';
import { format } from '../format/format.js';
import type { OpenDocument } from './open-documents.js';
import { positionsOf } from './positions.js';

/** Timeout of the comparison of lines, in ms, after which the whole text is replaced. */
const TIMEOUT = 500;

/** Edits that format a document, or the changed lines of a range; none if the text cannot be formatted. */
export function formattingEdits({ source, template }: OpenDocument, range?: Range): TextEdit[] {
  // The formatter does not understand the tags of templates.
  if (template !== null) return [];
  const formatted = format(source).text;
  if (formatted === null || formatted === source.text) return [];
  const hunks = hunksOf(source.text, formatted);
  if (range === undefined) return hunks.map(({ edit }) => edit);
  const last = range.end.character === 0 && range.end.line > range.start.line ? range.end.line - 1 : range.end.line;
  return hunks
    .filter(({ first, end }) => first <= last && Math.max(end, first + 1) > range.start.line)
    .map(({ edit }) => edit);

  function hunksOf(before: string, after: string): { first: number; end: number; edit: TextEdit }[] {
    const positions = positionsOf(source);
    const oldLines = linesOf(before);
    const changes = diffArrays(oldLines, linesOf(after), { timeout: TIMEOUT });
    if (changes === undefined) return [hunk(0, oldLines.length, after)];
    const found: { first: number; end: number; edit: TextEdit }[] = [];
    let line = 0;
    let pending: { first: number; end: number; text: string } | null = null;
    for (const { added, removed, value } of changes) {
      if (!added && !removed) {
        if (pending !== null) found.push(hunk(pending.first, pending.end, pending.text));
        pending = null;
        line += value.length;
        continue;
      }
      pending ??= { first: line, end: line, text: '' };
      if (added) pending.text += value.join('');
      else pending.end = line += value.length;
    }
    if (pending !== null) found.push(hunk(pending.first, pending.end, pending.text));
    return found;

    function hunk(first: number, end: number, text: string): { first: number; end: number; edit: TextEdit } {
      const span = { start: offsetOfLine(oldLines, first), end: offsetOfLine(oldLines, end) };
      return { first, end, edit: { range: positions.rangeOf(span), newText: toText(text) } };
    }
  }
}

/** Lines with their line breaks. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function offsetOfLine(lines: readonly string[], line: number): number {
  let offset = 0;
  for (let i = 0; i < line; i++) offset += lines[i]?.length ?? 0;
  return offset;
}
