/** A JSON value as a tree of which each level is created when it is opened. */
import { h } from './dom.js';
import { count } from './numbers.js';

/** Members of one level that are shown together; the rest is divided into parts of this size. */
const PART = 100;
/** Levels that are open at first, and the number of members up to which they are. */
const OPEN_LEVELS = 5;
const OPEN_MEMBERS = 20;

type Entry = readonly [key: string, value: unknown];

export function jsonTree(value: unknown): HTMLElement {
  return h('div', { class: 'json' }, node(null, value, 0));
}

function node(key: string | null, value: unknown, level: number): HTMLElement {
  const label = key === null ? null : [h('span', { class: 'json-key' }, key), ': '];
  if (typeof value !== 'object' || value === null) {
    return h(
      'div',
      { class: 'json-leaf' },
      label,
      h('span', { class: `json-${typeOf(value)}` }, JSON.stringify(value)),
    );
  }
  const entries: Entry[] = Object.entries(value);
  const isArray = Array.isArray(value);
  if (entries.length === 0) return h('div', { class: 'json-leaf' }, label, isArray ? '[]' : '{}');
  const size = isArray ? `[${count(entries.length)}]` : `{${count(entries.length)}}`;
  const open = level < OPEN_LEVELS && entries.length <= OPEN_MEMBERS;
  const summary = [
    label,
    h('span', { class: 'json-size' }, size),
    ' ',
    h('span', { class: 'json-preview' }, preview(value)),
  ];
  return branch(summary, open, () => members(entries, level + 1));
}

function members(entries: readonly Entry[], level: number): HTMLElement[] {
  if (entries.length <= PART) return entries.map(([key, value]) => node(key, value, level));
  const parts: HTMLElement[] = [];
  for (let start = 0; start < entries.length; start += PART) {
    const part = entries.slice(start, start + PART);
    const label = `${count(start)} to ${count(start + part.length - 1)}`;
    parts.push(branch([h('span', { class: 'json-size' }, label)], start === 0, () => members(part, level + 1)));
  }
  return parts;
}

function branch(
  summary: Parameters<typeof h>[2][] | readonly (HTMLElement | string | null | (HTMLElement | string)[])[],
  open: boolean,
  children: () => HTMLElement[],
): HTMLElement {
  const inner = h('div', { class: 'json-members' });
  const element = h('details', { open }, h('summary', {}, summary as readonly HTMLElement[]), inner);
  const create = (): void => {
    if (inner.firstChild === null) inner.append(...children());
  };
  if (open) create();
  element.addEventListener('toggle', () => {
    if (element.open) create();
  });
  return element;
}

function typeOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}

/** Beginning of the JSON text, for a closed node. */
function preview(value: object): string {
  const shown = Array.isArray(value) ? value.slice(0, 8) : Object.fromEntries(Object.entries(value).slice(0, 8));
  const text = JSON.stringify(shown, (_, inner: unknown) => (typeof inner === 'string' ? inner.slice(0, 60) : inner));
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
