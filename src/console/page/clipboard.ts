/** Copies to the clipboard. */
import { h } from './dom.js';

/** Whether the text was copied. Without HTTPS, pages of other hosts than localhost have no `navigator.clipboard`. */
export async function copy(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard !== undefined) {
      await navigator.clipboard.writeText(text);
      return true;
    }
    const input = h('textarea', { 'aria-label': 'Text to copy' });
    const focused = document.activeElement;
    input.value = text;
    document.body.append(input);
    input.select();
    const copied = document.execCommand('copy');
    input.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return copied;
  } catch {
    return false;
  }
}
