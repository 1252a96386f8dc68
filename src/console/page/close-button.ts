/** The button in the corner of a panel that closes it. */
import { h } from './dom.js';

/** `label`: the accessible name. */
export function closeButton(label: string, onClick: () => void): HTMLButtonElement {
  return h(
    'button',
    { type: 'button', class: 'quiet close', 'aria-label': label, title: 'Close (Esc)', on: { click: onClick } },
    '×',
  );
}
