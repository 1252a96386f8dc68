/** Differences between two generations: in words, and as text. */
import type { DifferenceReport, GenerationTexts } from '../configuration-reports.js';
import { dateAndClock } from '../local-time.js';
import { type Control, failureText } from './control.js';
import { fill, h } from './dom.js';
import { inlineCode } from './prose.js';

export class ChangesPanel {
  readonly element = h('div', { class: 'changes' });
  private readonly from = h('select', { name: 'from' });
  private readonly to = h('select', { name: 'to' });
  private readonly result = h('div', { class: 'difference', role: 'status' });
  private readonly form = h(
    'form',
    { class: 'toolbar' },
    h('label', {}, 'From', this.from),
    h('label', {}, 'to', this.to),
  );
  private known = '';

  constructor(private readonly control: Control) {
    for (const select of [this.from, this.to]) select.addEventListener('change', () => void this.compare());
    this.form.addEventListener('submit', (event) => event.preventDefault());
    this.element.append(this.form, this.result);
  }

  async show(): Promise<void> {
    const reply = await this.control.get('generations');
    if (reply.status !== 200) {
      fill(this.result, h('p', { class: 'none padded' }, failureText(reply)));
      return;
    }
    const generations = [...(reply.body as readonly GenerationTexts[])].sort((a, b) => a.generation - b.generation);
    const key = generations.map(({ generation }) => generation).join();
    if (key === this.known) return;
    this.known = key;
    for (const select of [this.from, this.to]) {
      fill(
        select,
        generations.map(({ generation, since }) =>
          h('option', { value: generation }, `generation ${generation}, ${dateAndClock(since)}`),
        ),
      );
    }
    this.from.selectedIndex = Math.max(0, generations.length - 2);
    this.to.selectedIndex = generations.length - 1;
    this.form.hidden = generations.length < 2;
    if (generations.length < 2) {
      fill(
        this.result,
        h('p', { class: 'none padded' }, 'Changes between generations appear here after the first reload.'),
      );
    } else await this.compare();
  }

  private async compare(): Promise<void> {
    const reply = await this.control.get(`diff?from=${this.from.value}&to=${this.to.value}`);
    if (reply.status !== 200) fill(this.result, h('p', { class: 'none padded' }, failureText(reply)));
    else this.render(reply.body as DifferenceReport);
  }

  private render({ changes, texts }: DifferenceReport): void {
    if (changes.length === 0 && texts === '') {
      fill(this.result, h('p', { class: 'none padded' }, 'These generations are the same.'));
      return;
    }
    fill(
      this.result,
      changes.length > 0 &&
        h(
          'ul',
          { class: 'change-list' },
          changes.map((change) => h('li', {}, inlineCode(change))),
        ),
      texts !== '' &&
        h(
          'div',
          { class: 'code diff', tabindex: 0, role: 'region', 'aria-label': 'Differences of the texts' },
          texts.replace(/\n$/, '').split('\n').map(diffLine),
        ),
    );
  }
}

function diffLine(line: string): HTMLElement {
  const kind = /^(?:\+\+\+|---)/.test(line)
    ? 'file'
    : line.startsWith('@@')
      ? 'place'
      : line.startsWith('+')
        ? 'added'
        : line.startsWith('-')
          ? 'removed'
          : 'same';
  return h('div', { class: `diff-line is-${kind}` }, line === '' ? ' ' : line);
}
