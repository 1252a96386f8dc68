/** Lines of an explanation: columns, places, quoted heads. */
import type { Style } from '../diagnostics/style.js';
import type { Written, WrittenPlace } from './explanation.js';

/** How a page looks. */
export interface PageOptions {
  readonly style: Style;
  /** How the name of a file is shown. */
  readonly file: (name: string) => string;
}

/** One line of a table: what is written, where, and what is said about it. */
export interface Row {
  readonly text: string;
  readonly at?: WrittenPlace | null;
  readonly remark?: string;
  /** It is what counts among the rows. */
  readonly strong?: boolean;
}

/** A column is no wider than this; longer texts push what follows out. */
const WIDEST = 52;

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

  /** Rows in columns. */
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

  /** The lines of a head, each behind a bar. */
  head(text: string, indent: string): void {
    for (const line of text.replace(/(\r\n)+$/, '').split('\r\n')) {
      this.line(`${indent}${this.style.faint('|')} ${visible(line)}`.trimEnd());
    }
  }

  /** `FILE:LINE`; empty where there is no place. */
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
  return Math.min(WIDEST, Math.max(0, ...lengths));
}

/** Control characters must not reach a terminal. */
export function visible(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '\u00b7');
}

/** `"text"`, for values. */
export function quoted(text: string): string {
  return `"${visible(text)}"`;
}
