/** Modal dialogs. */
import { type Child, h } from './dom.js';

let serial = 0;

/** Opens a dialog; it is removed when it closes. Escape closes it, and focus returns to where it was. */
export function openDialog(title: string, ...content: readonly Child[]): HTMLDialogElement {
  const id = `dialog-${++serial}`;
  const dialog = h('dialog', { 'aria-labelledby': id });
  const close = h(
    'button',
    { type: 'button', class: 'quiet close', 'aria-label': 'Close', on: { click: () => dialog.close() } },
    '×',
  );
  dialog.append(h('header', {}, h('h2', { id }, title), close), h('div', { class: 'dialog-body' }, content));
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
