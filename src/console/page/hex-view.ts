/** Bytes as a hex dump of any length: only the visible lines are elements. */
import { h, setText } from './dom.js';

const LINE_HEIGHT = 18;
const PER_LINE = 16;

/** Offset, 16 bytes, and their characters. */
function hexLine(bytes: Uint8Array, line: number): string {
  const start = line * PER_LINE;
  let hex = '';
  let text = '';
  for (let i = start; i < start + PER_LINE; i++) {
    if (i % PER_LINE === 8) hex += ' ';
    const byte = bytes[i];
    if (byte === undefined) {
      hex += '   ';
      continue;
    }
    hex += ` ${byte.toString(16).padStart(2, '0')}`;
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·';
  }
  return `${start.toString(16).padStart(8, '0')} ${hex}  ${text}`;
}

export function hexView(bytes: Uint8Array): HTMLElement {
  const total = Math.ceil(bytes.length / PER_LINE);
  const body = h('div', { class: 'hex-body' });
  body.style.height = `${total * LINE_HEIGHT}px`;
  const element = h('div', { class: 'hex', tabindex: 0, role: 'region', 'aria-label': 'Hex dump' }, body);
  const lines: HTMLElement[] = [];
  const paint = (): void => {
    const first = Math.max(0, Math.floor(element.scrollTop / LINE_HEIGHT) - 4);
    const visible = Math.min(total - first, Math.ceil(element.clientHeight / LINE_HEIGHT) + 8);
    for (let i = 0; i < Math.max(visible, lines.length); i++) {
      const line = lines[i] ?? h('div', { class: 'hex-line' });
      if (lines[i] === undefined) {
        lines.push(line);
        body.append(line);
      }
      line.hidden = i >= visible;
      if (line.hidden) continue;
      line.style.transform = `translateY(${(first + i) * LINE_HEIGHT}px)`;
      setText(line, hexLine(bytes, first + i));
    }
  };
  element.addEventListener('scroll', paint, { passive: true });
  new ResizeObserver(paint).observe(element);
  return element;
}
