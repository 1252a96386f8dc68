/** Lines of a terminal as parts with a style, so that they can be cut at a width. */
import type { Style } from '../../diagnostics/style.js';
import { visibleText } from '../terminal-text.js';

export type PartStyle = keyof Style | 'plain';

/** Text with its style. */
export type Part = readonly [text: string, style: PartStyle];
export type Line = readonly Part[];

export function plain(text: string): Part {
  return [text, 'plain'];
}

/** Renders a line with at most `columns` columns, in color. */
export function rendered(line: Line, columns: number, style: Style): string {
  let left = columns;
  let result = '';
  for (const [text, name] of line) {
    if (left <= 0) break;
    const characters = [...visibleText(text)];
    const shown = characters.length <= left ? characters.join('') : `${characters.slice(0, left - 1).join('')}\u2026`;
    left -= characters.length;
    result += name === 'plain' || shown === '' ? shown : style[name](shown);
  }
  return result;
}

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

/** Cells of a row; strings are plain text. */
export type Cell = string | Part;

/** Lines of a table: the titles, then the rows. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly Cell[])[]): Line[] {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === 'string' ? cell : cell[0])));
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...texts.map((row) => [...(row[i] ?? '')].length)),
  );
  const cellOf = (cell: Cell, i: number): Part => {
    const [text, style] = typeof cell === 'string' ? plain(cell) : cell;
    const space = ' '.repeat(Math.max(0, (widths[i] ?? 0) - [...text].length));
    const padded = columns[i]?.align === 'right' ? space + text : text + space;
    return [i === 0 ? padded : `  ${padded}`, style];
  };
  const titles = columns.map(({ title }, i) => cellOf([title, 'faint'], i));
  return [titles, ...rows.map((row) => row.map(cellOf))];
}
