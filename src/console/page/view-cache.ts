/** The caches, and the responses stored in one of them. */
import type { CacheEntriesReport, CacheEntryReport, CacheReport } from '../cache-reports.js';
import { dateAndClock } from '../local-time.js';
import { table } from './card.js';
import { type Control, failureText, type Reply } from './control.js';
import { type Child, fill, h, setText } from './dom.js';
import { bytes, count, duration, plural } from './numbers.js';
import type { View } from './view.js';

export class CacheView implements View {
  readonly element: HTMLElement;
  readonly filterInput = h('input', {
    ...{
      type: 'search',
      name: 'key',
      placeholder: 'key, or its beginning with *',
      'aria-label': 'Key',
      autocomplete: 'off',
    },
  });
  private readonly select = h('select', { name: 'cache', 'aria-label': 'Cache' });
  private readonly purge = h('button', { type: 'button', class: 'is-bad' }, 'Remove these');
  private readonly figures = h('span', { class: 'faint', role: 'status' });
  private readonly list = h('div', {});
  private readonly more = h('button', { type: 'button' }, 'More');
  private entries: CacheEntryReport[] = [];
  private next: number | null = null;
  /** Number of the last request: answers to earlier ones are dropped. */
  private asked = 0;

  constructor(private readonly control: Control) {
    const form = h('form', { class: 'toolbar' }, this.select, this.filterInput, this.purge, this.figures);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.load(0);
    });
    this.select.addEventListener('change', () => void this.load(0));
    this.filterInput.addEventListener('search', () => void this.load(0));
    this.more.addEventListener('click', () => void this.load(this.next ?? 0));
    this.purge.addEventListener('click', () => void this.remove(this.filterInput.value || '*'));
    this.list.addEventListener('click', ({ target }) => {
      const key = target instanceof HTMLElement ? target.dataset.purge : undefined;
      if (key !== undefined) void this.remove(key);
    });
    this.element = h(
      'div',
      { class: 'configuration' },
      form,
      h('div', { class: 'configuration-area' }, this.list, this.more),
    );
  }

  show(): void {
    void this.open();
  }

  hide(): void {}

  paint(): void {}

  private async open(): Promise<void> {
    const reply = await this.control.get('caches');
    if (reply.status !== 200) return this.fail(reply);
    const caches = reply.body as readonly CacheReport[];
    const chosen = this.select.value;
    fill(
      this.select,
      caches.map((cache) => h('option', { value: cache.name, selected: cache.name === chosen }, optionText(cache))),
    );
    if (caches.length > 0) await this.load(0);
    else {
      this.more.hidden = true;
      this.purge.hidden = true;
      fill(this.list, h('p', { class: 'none padded' }, 'The configuration has no cache (proxy_cache_path).'));
    }
  }

  private get path(): string {
    return `caches/${encodeURIComponent(this.select.value)}`;
  }

  private async load(from: number): Promise<void> {
    const asked = ++this.asked;
    const key = this.filterInput.value;
    const reply = await this.control.get(`${this.path}/entries?from=${from}&key=${encodeURIComponent(key)}`);
    if (asked !== this.asked) return;
    if (reply.status !== 200) return this.fail(reply);
    const { entries, next } = reply.body as CacheEntriesReport;
    this.entries = from === 0 ? [...entries] : [...this.entries, ...entries];
    this.next = next;
    setText(this.figures, plural(this.entries.length, 'response') + (next === null ? '' : ', more follow'));
    this.more.hidden = next === null;
    this.purge.hidden = !this.control.allowed || this.entries.length === 0;
    fill(this.list, this.entries.length === 0 ? h('p', { class: 'none padded' }, 'Nothing is stored.') : this.table());
  }

  private table(): HTMLElement {
    return table(
      'Stored responses',
      [
        { title: 'Key', class: 'wide' },
        { title: 'Status', class: 'number' },
        { title: 'Type' },
        { title: 'Size', class: 'number' },
        { title: 'Stored' },
        { title: 'Fresh until' },
        { title: 'Uses', class: 'number' },
        { title: 'Idle', class: 'number' },
        { title: '' },
      ],
      this.entries.map((entry): Child[] => [
        h(
          'code',
          { title: entry.hash },
          entry.key,
          entry.vary !== '' && h('span', { class: 'faint' }, ` Vary: ${entry.vary}`),
        ),
        entry.status,
        entry.type,
        bytes(entry.size),
        dateAndClock(entry.stored),
        h('span', { class: entry.fresh ? '' : 'faint' }, dateAndClock(entry.validUntil)),
        count(entry.uses),
        duration(entry.idle),
        this.control.allowed && h('button', { type: 'button', 'data-purge': entry.key }, 'Remove'),
      ]),
    );
  }

  private async remove(key: string): Promise<void> {
    if (
      key.endsWith('*') &&
      !window.confirm(`Remove all stored responses whose key begins with "${key.slice(0, -1)}"?`)
    )
      return;
    const reply = await this.control.post(`${this.path}/purge`, { key });
    if (reply.status !== 200) return this.fail(reply);
    await this.open();
    setText(this.figures, `${plural((reply.body as { removed: number }).removed, 'response')} removed`);
  }

  private fail(reply: Reply): void {
    this.more.hidden = true;
    fill(this.list, h('p', { class: 'none padded' }, failureText(reply)));
  }
}

function optionText({ name, size, maxSize, entries, cold }: CacheReport): string {
  const limit = maxSize === null ? '' : ` of ${bytes(maxSize)}`;
  return `${name}: ${plural(entries, 'response')}, ${bytes(size)}${limit}${cold ? ', loading' : ''}`;
}
