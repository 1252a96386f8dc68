/** The running configuration: its text with findings, explanations of requests, and changes between generations. */
import { ChangesPanel } from './configuration-changes.js';
import { ExplainPanel } from './configuration-explain.js';
import { ConfigurationTextPanel } from './configuration-text.js';
import type { Control } from './control.js';
import { h } from './dom.js';
import { pathTo } from './router.js';
import type { View } from './view.js';

interface Panel {
  readonly element: HTMLElement;
  show?(): Promise<void>;
}

export class ConfigurationView implements View {
  readonly element: HTMLElement;
  private readonly area = h('div', { class: 'configuration-area' });
  private readonly links: readonly HTMLAnchorElement[];
  private readonly panels: ReadonlyMap<string, Panel>;

  constructor(control: Control) {
    this.panels = new Map<string, Panel>([
      ['text', new ConfigurationTextPanel(control)],
      ['explain', new ExplainPanel(control)],
      ['changes', new ChangesPanel(control)],
    ]);
    this.links = (['text', 'explain', 'changes'] as const).map((name) =>
      h(
        'a',
        { href: pathTo('configuration', name), 'data-panel': name },
        { text: 'Text', explain: 'Explain', changes: 'Changes' }[name],
      ),
    );
    this.element = h(
      'div',
      { class: 'configuration' },
      h('nav', { class: 'subnav', 'aria-label': 'Configuration' }, this.links),
      this.area,
    );
  }

  show([name = 'text']: readonly string[]): void {
    const panel = this.panels.get(name) ?? this.panels.get('text');
    if (panel === undefined) return;
    for (const link of this.links) {
      if (this.panels.get(link.dataset.panel ?? '') === panel) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    this.area.replaceChildren(panel.element);
    void panel.show?.();
  }

  hide(): void {}

  paint(): void {}
}
