/** Tabs as in the WAI-ARIA practices: the arrow keys move between them, the content is created when it is shown. */
import { type Child, h } from './dom.js';

export interface Tab {
  readonly id: string;
  readonly title: string;
  readonly content: () => HTMLElement;
}

export interface TabsOptions {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly initial: string;
  /** Controls beside the tabs. */
  readonly actions?: readonly Child[];
  readonly onChange?: (id: string) => void;
}

let serial = 0;

export function tabs({ label, tabs, initial, actions = [], onChange }: TabsOptions): HTMLElement {
  const prefix = `tabs-${++serial}`;
  const panel = h('div', { class: 'tab-panel', role: 'tabpanel', id: `${prefix}-panel` });
  const buttons = tabs.map(({ id, title }) =>
    h('button', { type: 'button', role: 'tab', id: `${prefix}-${id}`, 'aria-controls': panel.id }, title),
  );
  const show = (index: number): void => {
    const tab = tabs[index];
    if (tab === undefined) return;
    for (const [i, button] of buttons.entries()) {
      button.setAttribute('aria-selected', String(i === index));
      button.tabIndex = i === index ? 0 : -1;
    }
    panel.setAttribute('aria-labelledby', `${prefix}-${tab.id}`);
    panel.replaceChildren(tab.content());
  };
  for (const [i, button] of buttons.entries()) {
    button.addEventListener('click', () => {
      show(i);
      onChange?.(tabs[i]?.id ?? '');
    });
    button.addEventListener('keydown', (event) => {
      const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
      if (step === 0) return;
      event.preventDefault();
      event.stopPropagation();
      const next = buttons[(i + step + buttons.length) % buttons.length];
      next?.focus();
      next?.click();
    });
  }
  show(
    Math.max(
      0,
      tabs.findIndex(({ id }) => id === initial),
    ),
  );
  return h(
    'div',
    { class: 'tabs' },
    h(
      'div',
      { class: 'tab-bar' },
      h('div', { class: 'tab-list', role: 'tablist', 'aria-label': label }, buttons),
      h('div', { class: 'tab-actions' }, actions),
    ),
    panel,
  );
}
