/** Text layout of an explanation: columns, positions, quoted heads. */
import type { Style } from '../diagnostics/style.js';
import type { Written, WrittenPlace } from './explanation.js';

/** Presentation options. */
export interface PageOptions {
  readonly style: Style;
  /** Formats a file name for display. */
  readonly file: (name: string) => string;
}

/** One row of a table: text, position, and remark. */
export interface Row {
  readonly text: string;
  readonly at?: WrittenPlace | null;
  readonly remark?: string;
  /** Whether the row is emphasized. */
  readonly strong?: boolean;
}

/** Maximum width of a column; longer texts shift the rest of the row. */
const MAX_COLUMN_WIDTH = 52;

export class Page {
  private readonly lines: string[] = [];

  constructor(private readonly options: PageOptions) {}

  get style(): Style {
    return this.options.style;
  }

  line(text = ''): void {
    this.lines.push(text);
  }

  /** A heading, with an empty line before it. */
  heading(word: string, text = ''): void {
    this.line();
    this.line(`${this.style.strong(word)}${text === '' ? '' : `  ${text}`}`);
  }

  /** Prints rows in aligned columns. */
  table(rows: readonly Row[], indent: string): void {
    const places = rows.map(({ at }) => this.place(at ?? null));
    const width = widest(rows.map(({ text }) => visible(text).length));
    const placeWidth = widest(places.map((place) => place.length));
    rows.forEach(({ text, remark = '', strong = false }, i) => {
      const place = places[i] ?? '';
      const shown = visible(text);
      const last = place === '' && remark === '';
      const first = last ? shown : shown.padEnd(width);
      const second = remark === '' ? place : place.padEnd(placeWidth);
      const parts = [strong ? this.style.strong(first) : first];
      if (placeWidth > 0 && !last) parts.push(this.style.faint(second));
      if (remark !== '') parts.push(visible(remark));
      this.line(`${indent}${parts.join('  ')}`.trimEnd());
    });
  }

  /** Prints the lines of a head, each after a bar. */
  head(text: string, indent: string): void {
    for (const line of text.replace(/(\r\n)+$/, '').split('\r\n')) {
      this.line(`${indent}${this.style.faint('|')} ${visible(line)}`.trimEnd());
    }
  }

  /** `FILE:LINE`; empty if there is no position. */
  place(at: WrittenPlace | null): string {
    return at === null ? '' : `${this.options.file(at.file)}:${at.line}`;
  }

  /** `text (FILE:LINE)` */
  written({ text, at }: Written): string {
    const place = this.place(at);
    return place === '' ? visible(text) : `${visible(text)} ${this.style.faint(`(${place})`)}`;
  }

  toString(): string {
    return `${this.lines.join('\n')}\n`;
  }
}

function widest(lengths: readonly number[]): number {
  return Math.min(MAX_COLUMN_WIDTH, Math.max(0, ...lengths));
}

/** Replaces control characters, which must not reach a terminal. */
export function visible(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '\u00b7');
}

/** `"text"`, for values. */
export function quoted(text: string): string {
  return `"${visible(text)}"`;
}
