/** A payload as text, JSON tree or hex dump. */
import { copy } from './clipboard.js';
import { type Child, h } from './dom.js';
import { download } from './download.js';
import { hexView } from './hex-view.js';
import { jsonTree } from './json-tree.js';
import { plural, bytes as sizeText } from './numbers.js';
import { tabs } from './tabs.js';

export type PayloadForm = 'text' | 'json' | 'hex';

/** The form that the user selected last, for payloads that support it. */
let preferred: PayloadForm | null = null;

const strict = new TextDecoder('utf-8', { fatal: true });
const lenient = new TextDecoder('utf-8');

/** Text of valid UTF-8; null for others. */
export function utf8(payload: Uint8Array): string | null {
  try {
    return strict.decode(payload);
  } catch {
    return null;
  }
}

/** Text for a line of a list: without control characters, and cut at the visible length. */
export function summaryOf(payload: Uint8Array, isText: boolean): string {
  const part = payload.length > 400 ? payload.subarray(0, 400) : payload;
  if (isText) return lenient.decode(part).replace(/[\u0000-\u001f\u007f]+/g, ' ');
  let hex = '';
  for (const byte of part.subarray(0, 64)) hex += `${byte.toString(16).padStart(2, '0')} `;
  return hex;
}

function parsed(text: string): { readonly value: unknown } | null {
  if (!/^\s*[[{"\dtfn-]/.test(text)) return null;
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}

/** `total`: length of the whole payload, of which `payload` may be the beginning. */
export function payloadView(payload: Uint8Array, total: number, isText: boolean, fileName: string): HTMLElement {
  const text = utf8(payload);
  const json = text === null ? null : parsed(text);
  const forms: { readonly id: PayloadForm; readonly title: string; readonly content: () => HTMLElement }[] = [];
  if (text !== null) {
    forms.push({ id: 'text', title: 'Text', content: () => h('pre', { class: 'payload-text', tabindex: 0 }, text) });
  }
  if (json !== null) forms.push({ id: 'json', title: 'JSON', content: () => jsonTree(json.value) });
  forms.push({ id: 'hex', title: 'Hex', content: () => hexView(payload) });
  const structured = json !== null && typeof json.value === 'object' && json.value !== null;
  const natural: PayloadForm = structured ? 'json' : isText && text !== null ? 'text' : 'hex';
  const initial = forms.some(({ id }) => id === preferred) && preferred !== null ? preferred : natural;
  const actions: Child[] = [
    h(
      'span',
      { class: 'payload-size' },
      payload.length < total ? `${sizeText(payload.length)} of ${sizeText(total)}` : plural(total, 'byte'),
    ),
    text !== null && h('button', { type: 'button', on: { click: () => void copy(text) } }, 'Copy'),
    h(
      'button',
      { type: 'button', on: { click: () => download(fileName, [payload as BlobPart], 'application/octet-stream') } },
      'Save',
    ),
  ];
  return tabs({
    label: 'Form of the payload',
    tabs: forms,
    initial,
    actions,
    onChange: (id) => {
      preferred = id as PayloadForm;
    },
  });
}
