/** The panel with the details of the selected row. */
import { closeButton } from './close-button.js';
import { h } from './dom.js';

export class SelectedRow {
  readonly element: HTMLElement;

  constructor(
    label: string,
    private readonly closeLabel: string,
    private readonly onClose: () => void,
  ) {
    this.element = h('section', { class: 'selection', 'aria-label': label, tabindex: -1 });
    this.element.hidden = true;
  }

  get isShown(): boolean {
    return !this.element.hidden;
  }

  /** Null hides the panel. */
  show(details: HTMLElement | null): void {
    this.element.hidden = details === null;
    this.element.replaceChildren();
    if (details !== null) this.element.append(closeButton(this.closeLabel, this.onClose), details);
  }
}
