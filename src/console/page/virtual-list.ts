/**
 * A list of any length of which only the visible rows are elements. While scrolled to the end it follows new rows; otherwise
 * it keeps its position, also when old rows are removed. The arrow keys select a row, Enter opens it.
 */
import { h, setClass, setText } from './dom.js';
import type { FilteredView } from './filtered-view.js';
import type { Numbered } from './row-log.js';

export interface Column<T> {
  /** Class of its cells. */
  readonly name: string;
  readonly title: string;
  /** Text of a cell. */
  readonly text: (row: T, previous: T | undefined) => string;
  /** Further classes of a cell. */
  readonly tone?: (row: T) => string;
  /** Draws the contents of a cell, instead of a text. */
  readonly draw?: (cell: HTMLElement, row: T) => void;
}

export interface ListOptions<T> {
  readonly name: string;
  /** Accessible name. */
  readonly label: string;
  readonly columns: readonly Column<T>[];
  /** Classes of a row. */
  readonly tone?: (row: T) => string;
  /** Text of a row that has no cells, such as one for dropped rows; null for others. */
  readonly note?: (row: T) => string | null;
  readonly onSelect?: (row: T | null) => void;
  readonly onOpen?: (row: T) => void;
  /** Called when the list begins or ceases to follow new rows. */
  readonly onEnd?: (atEnd: boolean) => void;
  readonly rowHeight?: number;
}

interface Line {
  readonly element: HTMLElement;
  readonly cells: readonly HTMLElement[];
  readonly note: HTMLElement;
  /** Position, without regard to removed rows, of the row that it shows; -1: none. */
  position: number;
}

/** Distance from the end that still counts as the end, px. */
const NEAR = 4;
let serial = 0;

export class VirtualList<T extends Numbered> {
  readonly element: HTMLElement;
  private readonly scroller: HTMLElement;
  private readonly body: HTMLElement;
  private readonly lines: Line[] = [];
  private readonly rowHeight: number;
  private readonly prefix = `list-${++serial}`;
  private selectedSeq = -1;
  private version = -1;
  private removed = 0;
  private height = 0;
  private total = -1;
  /** Cached scroll position: reading it from the element would force a layout. */
  private top = 0;
  /** Scroll position that this code has set, to distinguish its event from the user's. */
  private expectedTop = -1;
  private headerHeight = 0;
  atEnd = true;

  constructor(
    private readonly view: FilteredView<T>,
    private readonly options: ListOptions<T>,
  ) {
    this.rowHeight = options.rowHeight ?? 24;
    const header = h(
      'div',
      { class: 'list-row list-head', role: 'row' },
      options.columns.map(({ name, title }) => h('div', { class: `cell ${name}`, role: 'columnheader' }, title)),
    );
    this.body = h('div', { class: 'list-body', role: 'rowgroup' });
    this.scroller = h(
      'div',
      { class: `list list-${options.name}`, role: 'grid', 'aria-label': options.label, tabindex: 0 },
      h('div', { class: 'list-header', role: 'rowgroup' }, header),
      this.body,
    );
    this.element = this.scroller;
    this.scroller.addEventListener('scroll', () => this.scrolled(), { passive: true });
    this.scroller.addEventListener('keydown', (event) => this.pressed(event));
    this.body.addEventListener('click', (event) => this.clicked(event));
    new ResizeObserver(() => this.measure()).observe(this.scroller);
  }

  private measure(): void {
    const index = this.selectedIndex;
    const wasVisible = index !== null && this.isVisible(index);
    this.height = this.scroller.clientHeight;
    this.headerHeight = this.body.offsetTop;
    if (wasVisible && !this.atEnd) this.reveal(index);
    this.paint(true);
  }

  private isVisible(index: number): boolean {
    const top = index * this.rowHeight - this.top;
    return top > -this.rowHeight && top < this.height;
  }

  private scrolled(): void {
    this.top = this.scroller.scrollTop;
    if (Math.abs(this.top - this.expectedTop) > 1) {
      const rest = this.headerHeight + this.total * this.rowHeight - this.top - this.height;
      this.setAtEnd(rest <= NEAR);
    }
    this.expectedTop = -1;
    this.paint(false);
  }

  private setAtEnd(atEnd: boolean): void {
    if (this.atEnd === atEnd) return;
    this.atEnd = atEnd;
    this.options.onEnd?.(atEnd);
  }

  private scrollTo(top: number): void {
    this.top = Math.max(0, Math.min(top, this.headerHeight + this.total * this.rowHeight - this.height));
    this.expectedTop = this.top;
    this.scroller.scrollTop = this.top;
  }

  /** Whether there are more rows than fit. */
  get overflows(): boolean {
    return this.view.length * this.rowHeight > this.height - this.headerHeight;
  }

  /** Scrolls to the end, and follows new rows. */
  follow(): void {
    this.setAtEnd(true);
    this.paint(false);
  }

  stay(): void {
    this.setAtEnd(false);
  }

  /** Shows the present rows. `changed`: rows that are shown may have changed, too. */
  paint(changed: boolean): void {
    if (this.height === 0) return;
    const { view, rowHeight } = this;
    const renew = changed || view.version !== this.version;
    if (view.version !== this.version) {
      this.version = view.version;
      this.removed = view.removed;
    }
    const gone = view.removed - this.removed;
    this.removed = view.removed;
    const { length } = view;
    const resized = length !== this.total;
    if (resized) {
      this.total = length;
      this.body.style.height = `${length * rowHeight}px`;
      this.scroller.setAttribute('aria-rowcount', String(length + 1));
    }
    const end = Math.max(0, this.headerHeight + length * rowHeight - this.height);
    const top = this.atEnd && (resized || renew) ? end : Math.min(end, Math.max(0, this.top - gone * rowHeight));
    const first = Math.max(0, Math.min(length, Math.floor(top / rowHeight)) - 2);
    const visible = Math.ceil(this.height / rowHeight) + 5;
    while (this.lines.length < visible) this.lines.push(this.newLine());
    const pool = this.lines.length;
    for (let i = 0; i < pool; i++) {
      const index = first + i;
      const position = index + view.removed;
      const line = this.lines[position % pool];
      if (line === undefined) continue;
      const row = index < length ? view.at(index) : undefined;
      if (row === undefined) {
        if (line.position !== -1) {
          line.element.hidden = true;
          line.position = -1;
        }
        continue;
      }
      const isNew = line.position !== position;
      if (!isNew && !renew) {
        if (gone > 0) this.move(line, index);
        continue;
      }
      if (isNew || gone > 0) this.move(line, index);
      if (line.position === -1) line.element.hidden = false;
      line.position = position;
      this.draw(line, row, view.at(index - 1), index);
    }
    this.announceSelected();
    // Last, as it computes the layout.
    if (top !== this.top) this.scrollTo(top);
  }

  private newLine(): Line {
    const cells = this.options.columns.map(({ name }) => h('div', { class: `cell ${name}`, role: 'gridcell' }));
    const note = h('div', { class: 'cell note', role: 'gridcell' });
    note.hidden = true;
    const id = `${this.prefix}-${this.lines.length}`;
    const element = h('div', { class: 'list-row', role: 'row', id }, cells, note);
    element.hidden = true;
    this.body.append(element);
    return { element, cells, note, position: -1 };
  }

  private move({ element }: Line, index: number): void {
    element.style.transform = `translateY(${index * this.rowHeight}px)`;
  }

  private draw(line: Line, row: T, previous: T | undefined, index: number): void {
    const { columns, tone, note } = this.options;
    const selected = row.seq === this.selectedSeq;
    const text = note?.(row) ?? null;
    setClass(
      line.element,
      `list-row ${text === null ? (tone?.(row) ?? '') : 'is-note'}${selected ? ' is-selected' : ''}`,
    );
    line.element.setAttribute('aria-rowindex', String(index + 2));
    line.element.setAttribute('aria-selected', String(selected));
    if (line.note.hidden !== (text === null)) {
      line.note.hidden = text === null;
      for (const cell of line.cells) cell.hidden = text !== null;
    }
    if (text !== null) {
      setText(line.note, text);
      return;
    }
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i];
      const cell = line.cells[i];
      if (column === undefined || cell === undefined) continue;
      if (column.tone !== undefined) setClass(cell, `cell ${column.name} ${column.tone(row)}`);
      if (column.draw !== undefined) column.draw(cell, row);
      else setText(cell, column.text(row, previous));
    }
  }

  private announceSelected(): void {
    const index = this.selectedSeq < 0 ? -1 : this.view.indexOf(this.selectedSeq);
    const shown = index >= 0 && this.view.at(index)?.seq === this.selectedSeq;
    const line = shown ? this.lines[(index + this.view.removed) % this.lines.length] : undefined;
    const id = line !== undefined && line.position === index + this.view.removed ? line.element.id : null;
    if (id === null) this.scroller.removeAttribute('aria-activedescendant');
    else if (this.scroller.getAttribute('aria-activedescendant') !== id) {
      this.scroller.setAttribute('aria-activedescendant', id);
    }
  }

  private clicked(event: Event): void {
    if (window.getSelection()?.type === 'Range') return;
    const target = event.target instanceof Element ? event.target.closest('.list-row') : null;
    const line = this.lines.find(({ element }) => element === target);
    if (line === undefined || line.position < 0) return;
    const row = this.view.at(line.position - this.view.removed);
    if (row === undefined) return;
    // The row must stay under the pointer.
    this.setAtEnd(false);
    this.select(row);
    this.options.onOpen?.(row);
  }

  private pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { length } = this.view;
    const page = Math.max(1, Math.floor(this.height / this.rowHeight) - 2);
    const current = this.selectedIndex;
    const from = current ?? (this.atEnd ? length : this.firstVisible - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: from + 1,
      ArrowUp: from - 1,
      j: from + 1,
      k: from - 1,
      PageDown: from + page,
      PageUp: from - page,
      Home: 0,
      End: length - 1,
    };
    const wanted = steps[event.key];
    if (wanted !== undefined) {
      event.preventDefault();
      const index = Math.max(0, Math.min(length - 1, wanted));
      const row = this.view.at(index);
      if (row === undefined) return;
      this.setAtEnd(event.key === 'End');
      this.select(row);
      this.reveal(index);
      return;
    }
    if (event.key !== 'Enter' || current === null) return;
    const row = this.view.at(current);
    if (row === undefined) return;
    event.preventDefault();
    this.options.onOpen?.(row);
  }

  private get firstVisible(): number {
    return Math.floor(this.top / this.rowHeight);
  }

  private get selectedIndex(): number | null {
    if (this.selectedSeq < 0) return null;
    const index = this.view.indexOf(this.selectedSeq);
    return this.view.at(index)?.seq === this.selectedSeq ? index : null;
  }

  get selected(): T | null {
    const index = this.selectedIndex;
    return index === null ? null : (this.view.at(index) ?? null);
  }

  select(row: T | null): void {
    const seq = row === null ? -1 : row.seq;
    if (seq === this.selectedSeq) return;
    this.selectedSeq = seq;
    this.paint(true);
    this.options.onSelect?.(row);
  }

  /** Scrolls until the row is visible. */
  private reveal(index: number): void {
    const top = index * this.rowHeight;
    const room = this.height - this.headerHeight - this.rowHeight;
    if (top < this.top) this.scrollTo(top);
    else if (top > this.top + room) this.scrollTo(top - room);
    this.paint(false);
  }
}
