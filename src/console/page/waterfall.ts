/** Times of a request and of its tries as bars. */
import type { TryRow } from '../feed-format.js';
import { h } from './dom.js';
import { duration } from './numbers.js';

export interface Phase {
  readonly name: 'queue' | 'connect' | 'wait' | 'receive' | 'proxy';
  /** ms from the beginning of the request. */
  readonly start: number;
  readonly end: number;
}

const PHASE_TITLES: Readonly<Record<Phase['name'], string>> = {
  queue: 'in the queue',
  connect: 'connecting',
  wait: 'waiting for the head',
  receive: 'receiving',
  proxy: 'in the proxy',
};

/** Phases of a try; `total`: time at which the request ended, for a try that has not. */
export function phasesOf({ start, queue, connect, head, done }: TryRow, total: number): Phase[] {
  const end = done >= 0 ? start + done : Math.max(start, total);
  const phases: Phase[] = [];
  if (queue > 0) phases.push({ name: 'queue', start: start - queue, end: start });
  const connected = connect >= 0 ? Math.min(end, start + connect) : end;
  if (connected > start || connect < 0) phases.push({ name: 'connect', start, end: connected });
  if (connect < 0) return phases;
  const answered = head >= 0 ? Math.min(end, start + head) : end;
  phases.push({ name: 'wait', start: connected, end: answered });
  if (head >= 0) phases.push({ name: 'receive', start: answered, end });
  return phases;
}

/** Draws the phases of all tries into one line whose length grows with the logarithm of the duration. */
export function drawMiniature(cell: HTMLElement, tries: readonly TryRow[], total: number | null): void {
  const phases = total === null ? [] : tries.flatMap((each) => phasesOf(each, total));
  while (cell.children.length > phases.length + 1) cell.lastElementChild?.remove();
  while (cell.children.length < phases.length + (total === null ? 0 : 1)) cell.append(h('i'));
  if (total === null) {
    cell.replaceChildren();
    return;
  }
  const scale = Math.min(1, Math.log10(1 + total) / 4.5);
  const place = (element: Element | undefined, start: number, end: number, name: string): void => {
    if (!(element instanceof HTMLElement)) return;
    const width = total > 0 ? total : 1;
    element.className = `phase is-${name}`;
    element.style.left = `${(start / width) * scale * 100}%`;
    element.style.width = `max(1px, ${((end - start) / width) * scale * 100}%)`;
  };
  place(cell.children[0], 0, total, 'proxy');
  for (const [i, { name, start, end }] of phases.entries()) place(cell.children[i + 1], start, end, name);
}

/** A line for each try, on a common scale, with the times as text. */
export function waterfall(tries: readonly TryRow[], total: number): HTMLElement {
  const lines = tries.map((each, i) => line(`${i + 1}. ${each.address}`, phasesOf(each, total), total));
  return h(
    'div',
    { class: 'waterfall' },
    line('request', [{ name: 'proxy', start: 0, end: total }], total),
    lines,
    h(
      'p',
      { class: 'legend' },
      (['connect', 'wait', 'receive', 'proxy'] as const).map((name) =>
        h('span', {}, h('i', { class: `phase is-${name}` }), PHASE_TITLES[name]),
      ),
    ),
  );
}

function line(title: string, phases: readonly Phase[], total: number): HTMLElement {
  const track = h('div', { class: 'track' });
  for (const { name, start, end } of phases) {
    const bar = h('i', { class: `phase is-${name}`, title: `${PHASE_TITLES[name]}: ${duration(end - start)}` });
    bar.style.left = `${(start / Math.max(total, 0.001)) * 100}%`;
    bar.style.width = `max(2px, ${((end - start) / Math.max(total, 0.001)) * 100}%)`;
    track.append(bar);
  }
  const last = phases[phases.length - 1];
  const first = phases[0];
  const sum = last === undefined || first === undefined ? 0 : last.end - first.start;
  const parts =
    phases.length < 2
      ? ''
      : phases.map(({ name, start, end }) => `${PHASE_TITLES[name]} ${duration(end - start)}`).join(', ');
  return h(
    'div',
    { class: 'waterfall-line' },
    h('span', { class: 'waterfall-name' }, title),
    track,
    h('span', { class: 'waterfall-time' }, duration(sum)),
    parts !== '' && h('span', { class: 'waterfall-parts' }, parts),
  );
}
