/** A list with details beside it; in a narrow window the details cover the list. */
import { closeButton } from './close-button.js';
import { type Child, fill, h } from './dom.js';

export class Split {
  readonly element: HTMLElement;
  private readonly details = h('section', { class: 'details', 'aria-label': 'Details', tabindex: -1 });

  constructor(
    list: HTMLElement,
    private readonly onClose: () => void,
  ) {
    this.details.hidden = true;
    this.element = h('div', { class: 'split' }, h('div', { class: 'split-list' }, list), this.details);
  }

  get isOpen(): boolean {
    return !this.details.hidden;
  }

  /** `title`: shown beside the button that closes the details. */
  open(title: readonly Child[], ...content: readonly Child[]): void {
    const close = closeButton('Close the details', this.onClose);
    fill(
      this.details,
      h('header', { class: 'details-head' }, h('div', { class: 'details-title' }, title), close),
      ...content,
    );
    this.details.hidden = false;
    this.element.classList.add('is-open');
  }

  close(): void {
    this.details.hidden = true;
    this.details.replaceChildren();
    this.element.classList.remove('is-open');
  }

  focus(): void {
    this.details.focus();
  }
}
