/** A live list with its toolbar (filter, pause, and a button that follows new rows), and a text while it is empty. */
import { type Child, h, setText } from './dom.js';
import { compileFilter, type FilterField, type Predicate } from './filter.js';
import { FilteredView } from './filtered-view.js';
import { count } from './numbers.js';
import type { Numbered, RowLog } from './row-log.js';
import { type ListOptions, VirtualList } from './virtual-list.js';

export interface FrameOptions<T extends Numbered> extends Omit<ListOptions<T>, 'onEnd'> {
  readonly fields: readonly FilterField<T>[];
  /** Examples of filters. */
  readonly placeholder: string;
  /** Further controls in the toolbar. */
  readonly controls?: readonly Child[];
  /** Text while there are no rows: which rows will appear, and when. */
  readonly empty: () => readonly Child[];
  /** A condition in addition to the filter. */
  readonly also?: () => Predicate<T> | null;
  /** Whether rows are shown regardless of the filter. */
  readonly always?: (row: T) => boolean;
  readonly noun: string;
}

export class ListFrame<T extends Numbered> {
  readonly element: HTMLElement;
  readonly filterInput: HTMLInputElement;
  readonly list: VirtualList<T>;
  readonly view: FilteredView<T>;
  private readonly status: HTMLElement;
  private readonly pauseButton: HTMLButtonElement;
  private readonly endButton: HTMLButtonElement;
  private readonly emptyBox: HTMLElement;
  private emptyKind = '';
  /** Number of the first row that arrived after the pause; -1: not paused. */
  private pausedAt = -1;

  constructor(
    readonly log: RowLog<T>,
    private readonly options: FrameOptions<T>,
  ) {
    this.view = new FilteredView(log, null);
    this.list = new VirtualList(this.view, { ...options, onEnd: () => this.showStatus() });
    this.filterInput = h('input', {
      class: 'filter',
      type: 'search',
      placeholder: options.placeholder,
      'aria-label': `Filter ${options.noun}`,
      autocomplete: 'off',
      spellcheck: 'false',
      on: { input: () => this.applyFilter() },
    });
    this.filterInput.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowDown' || event.key === 'Enter') {
        event.preventDefault();
        this.list.element.focus();
      }
    });
    this.pauseButton = h(
      'button',
      {
        type: 'button',
        class: 'pause',
        'aria-pressed': 'false',
        title: 'Pause the list (p)',
        on: { click: () => this.togglePause() },
      },
      'Pause',
    );
    this.endButton = h(
      'button',
      { type: 'button', class: 'to-end', title: 'Follow the newest row (f)', on: { click: () => this.follow() } },
      '↓ Follow',
    );
    this.status = h('span', { class: 'list-status', role: 'status' });
    this.emptyBox = h('div', { class: 'empty' });
    this.element = h(
      'div',
      { class: 'list-frame' },
      h('div', { class: 'toolbar' }, this.filterInput, options.controls ?? [], this.pauseButton, this.status),
      h('div', { class: 'list-area' }, this.list.element, this.emptyBox, this.endButton),
    );
    this.showStatus();
  }

  get paused(): boolean {
    return this.pausedAt >= 0;
  }

  applyFilter(): void {
    const filter = compileFilter(this.filterInput.value, this.options.fields);
    const also = this.options.also?.() ?? null;
    const { always } = this.options;
    const both: Predicate<T> | null =
      filter === null ? also : also === null ? filter : (row) => filter(row) && also(row);
    this.view.setFilter(both === null || always === undefined ? both : (row) => always(row) || both(row));
    this.paint(true);
  }

  togglePause(): void {
    this.pausedAt = this.paused ? -1 : this.log.nextSeq;
    this.log.frozen = this.paused;
    this.pauseButton.setAttribute('aria-pressed', String(this.paused));
    setText(this.pauseButton, this.paused ? 'Resume' : 'Pause');
    if (!this.paused && this.log.refused > 0) {
      this.onResume?.(this.log.refused);
      this.log.refused = 0;
    }
    this.paint(false);
  }

  /** Called with the number of rows that did not fit while the list was paused. */
  onResume: ((refused: number) => void) | null = null;

  follow(): void {
    if (this.paused) this.togglePause();
    this.list.follow();
    this.showStatus();
  }

  /** Shows the rows that have arrived. Returns whether more rows remain to be filtered. */
  paint(changed: boolean): boolean {
    const more = this.view.update(this.paused ? this.pausedAt : this.log.nextSeq);
    // The list is last, as it computes the layout.
    this.showStatus();
    this.list.paint(changed);
    return more;
  }

  private showStatus(): void {
    const { view, log } = this;
    const filtered = this.filterInput.value.trim() !== '' || (this.options.also?.() ?? null) !== null;
    let text = filtered ? `${count(view.length)} of ${count(log.length)}` : count(log.length);
    if (this.paused) text = `paused · ${count(log.nextSeq - this.pausedAt + log.refused)} new`;
    setText(this.status, text);
    this.endButton.hidden = !this.list.overflows || (this.list.atEnd && !this.paused);
    const kind = view.length > 0 ? '' : log.length > 0 ? 'filter' : 'none';
    if (kind !== this.emptyKind) {
      this.emptyKind = kind;
      this.emptyBox.replaceChildren();
      if (kind === 'filter') this.emptyBox.append(h('p', {}, `No ${this.options.noun} match the filter.`));
      else if (kind === 'none') this.emptyBox.append(h('div', {}, this.options.empty()));
    }
    this.emptyBox.hidden = kind === '';
  }
}
