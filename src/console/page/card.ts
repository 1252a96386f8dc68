/** Cards of the overview: a title with a table or a text. */
import { type Child, h } from './dom.js';
import { inlineCode } from './prose.js';
import type { Level } from './tone.js';

export interface TableColumn {
  readonly title: string;
  readonly class?: string;
}

/** `wide`: the card has the full width of the page. */
export function card(title: string, summary: string, content: Child, wide = false): HTMLElement {
  return h(
    'section',
    { class: wide ? 'card is-wide' : 'card', 'data-key': title },
    h('header', {}, h('h2', {}, title), h('span', { class: 'card-summary' }, summary)),
    content,
  );
}

export function table(
  label: string,
  columns: readonly TableColumn[],
  rows: readonly (readonly Child[])[],
): HTMLElement {
  return h(
    'div',
    { class: 'table-scroller', tabindex: 0, role: 'region', 'aria-label': label },
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          columns.map((column) => headCell(column)),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map((cells) =>
          h(
            'tr',
            {},
            cells.map((cell, i) => h('td', { class: columns[i]?.class }, cell)),
          ),
        ),
      ),
    ),
  );
}

function headCell({ title, class: name }: TableColumn): HTMLElement {
  // The column of bars has no title: it illustrates the adjacent number.
  return title === '' ? h('td') : h('th', { scope: 'col', class: name }, title);
}

export function none(text: string): HTMLElement {
  return h('p', { class: 'none' }, inlineCode(text));
}

export function bar(fraction: number, level: Level = 'idle'): HTMLElement {
  const value = Math.max(0, Math.min(1, fraction));
  // Steps of 5% are classes: the page has no inline styles.
  return h(
    'span',
    { class: `bar is-${level}`, 'aria-hidden': 'true' },
    h('i', { class: `w-${Math.ceil(value * 20) * 5}` }),
  );
}
