/** Event streams: those that are open, and the events of one of them. */

import { parseEvent } from '../event-fields.js';
import { preciseClock } from '../local-time.js';
import type { Connection } from './connection.js';
import type { Control } from './control.js';
import { h } from './dom.js';
import { exportButtons, exportWatched } from './export.js';
import type { FilterField } from './filter.js';
import { gapText } from './gap-text.js';
import { ListFrame } from './list-frame.js';
import { age, bytes, compact, count, duration, plural } from './numbers.js';
import { payloadView } from './payload-view.js';
import { facts } from './request-details.js';
import { navigate } from './router.js';
import { SelectedRow } from './selected-row.js';
import { drawRate } from './sparkline.js';
import { Split } from './split.js';
import type { EventEntry, Gap, StreamEntry, Traffic } from './traffic.js';
import type { View } from './view.js';
import type { Column } from './virtual-list.js';
import { hiddenPayloads, withheldText } from './withheld.js';

const ALL = 'all';
type EventRowEntry = EventEntry | Gap;

function stateOf({ stream, response, lost }: StreamEntry): string {
  if (response !== null) return 'ended';
  if (lost) return 'unknown';
  return stream?.waiting === true ? 'waiting' : 'open';
}

const STREAM_FIELDS: readonly FilterField<StreamEntry>[] = [
  { name: 'client', searched: true, of: ({ request }) => request?.client ?? '' },
  { name: 'host', searched: true, of: ({ request }) => request?.host ?? '' },
  { name: 'path', searched: true, of: ({ request }) => request?.target ?? '' },
  { name: 'state', searched: true, of: stateOf },
  { name: 'events', searched: false, of: ({ stream }) => stream?.events ?? 0 },
  { name: 'rate', searched: false, of: ({ rate }) => rate.last },
  { name: 'size', searched: false, of: ({ stream }) => stream?.bytes ?? 0 },
  { name: 'id', searched: false, of: ({ id }) => id },
];

const STREAM_COLUMNS: readonly Column<StreamEntry>[] = [
  { name: 'state', title: 'State', text: stateOf, tone: (entry) => `is-${stateOf(entry).replace(' ', '-')}` },
  { name: 'client', title: 'Client', text: ({ request }) => request?.client ?? '–' },
  { name: 'path', title: 'Path', text: ({ request, id }) => request?.target ?? id },
  { name: 'age number', title: 'Age', text: ({ since, response }) => age(response?.duration ?? Date.now() - since) },
  { name: 'events number', title: 'Events', text: ({ stream }) => count(stream?.events ?? 0) },
  { name: 'size number', title: 'Bytes', text: ({ stream }) => bytes(stream?.bytes ?? 0) },
  {
    name: 'rate number',
    title: 'Events/s',
    text: ({ rate, response }) => (response === null ? compact(rate.last) : ''),
  },
  { name: 'spark', title: 'Last minute', text: () => '', draw: (cell, { rate }) => drawRate(cell, rate) },
  { name: 'reconnects number', title: 'Continued', text: ({ stream }) => count(stream?.reconnects ?? 0) },
  { name: 'heartbeats number', title: 'Heartbeats', text: ({ stream }) => count(stream?.heartbeats ?? 0) },
];

const eventOf = (row: EventRowEntry): ReturnType<typeof parseEvent> | null =>
  row.kind === 'gap' || row.row.payload === null ? null : parseEvent(row.row.payload);

const EVENT_FIELDS: readonly FilterField<EventRowEntry>[] = [
  { name: 'data', searched: true, of: (row) => eventOf(row)?.data ?? '' },
  { name: 'event', searched: true, of: (row) => eventOf(row)?.name ?? '' },
  { name: 'id', searched: false, of: (row) => eventOf(row)?.id ?? '' },
  { name: 'size', searched: false, of: (row) => (row.kind === 'gap' ? null : row.row.length) },
  { name: 'gap', searched: false, of: (row) => (row.kind === 'gap' ? null : row.gap) },
];

const EVENT_COLUMNS: readonly Column<EventRowEntry>[] = [
  { name: 'time', title: 'Time', text: (row) => preciseClock(row.row.time) },
  {
    name: 'gap number',
    title: 'Gap',
    text: (row) => (row.kind === 'gap' || row.gap < 0 ? '' : `+${duration(row.gap)}`),
  },
  { name: 'event', title: 'Event', text: (row) => eventOf(row)?.name ?? '' },
  { name: 'event-id', title: 'ID', text: (row) => eventOf(row)?.id ?? '' },
  { name: 'length number', title: 'Length', text: (row) => (row.kind === 'gap' ? '' : count(row.row.length)) },
  {
    name: 'payload',
    title: 'Data',
    text: (row) => {
      if (row.kind === 'gap') return '';
      if (row.row.payload === null) return `(${withheldText(row.row.withheld)})`;
      const event = eventOf(row);
      return event === null
        ? ''
        : event.comment !== null && event.data === ''
          ? `: ${event.comment}`
          : event.data.slice(0, 400);
    },
  },
];

export class SseView implements View {
  readonly element: HTMLElement;
  readonly frame: ListFrame<StreamEntry>;
  private readonly split: Split;
  private events: ListFrame<EventRowEntry> | null = null;
  private readonly selection = new SelectedRow('Selected event', 'Close the event', () =>
    this.events?.list.select(null),
  );
  private shownId: string | null = null;
  private changes = -1;

  constructor(
    private readonly traffic: Traffic,
    private readonly connection: Connection,
    private readonly control: Control,
  ) {
    this.frame = new ListFrame<StreamEntry>(traffic.streams, {
      name: 'streams',
      label: 'Event streams',
      noun: 'event streams',
      columns: STREAM_COLUMNS,
      fields: STREAM_FIELDS,
      placeholder: 'Filter: /events  state:waiting  rate>1',
      controls: [h('button', { type: 'button', on: { click: () => navigate('sse', ALL) } }, 'All events')],
      onOpen: ({ id }) => navigate('sse', id),
      tone: ({ response, id }) => `${response === null ? '' : 'is-closed'}${id === this.shownId ? ' is-current' : ''}`,
      empty: () => [
        h('p', {}, 'Responses of type ', h('code', {}, 'text/event-stream'), ' appear here with their next event.'),
        h('p', { class: 'faint' }, 'Open a page that uses EventSource through this proxy.'),
      ],
    });
    this.split = new Split(this.frame.element, () => navigate('sse'));
    this.element = this.split.element;
    traffic.onStream = (entry) => this.frame.view.reconsider(entry);
    traffic.onUnknownStream = (entry) => void this.identify(entry);
  }

  /** Requests the details of a stream that was opened before the page. */
  private async identify(entry: StreamEntry): Promise<void> {
    const details = await this.connection.details(entry.id);
    const target = details?.request?.line.split(' ')[1];
    if (target === undefined || entry.request !== null) return;
    const host = details?.request?.fields.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? '';
    entry.request = { target, host, client: '–' };
    this.frame.view.reconsider(entry);
    this.traffic.changes++;
  }

  get filterInput(): HTMLElement {
    return (this.events ?? this.frame).filterInput;
  }

  show([id]: readonly string[]): void {
    if (id === undefined) this.close();
    else if (id !== this.shownId) this.open(id);
    this.frame.paint(true);
    this.events?.paint(true);
  }

  hide(): void {
    this.close();
  }

  private close(): void {
    if (this.shownId === null) return;
    this.shownId = null;
    this.events = null;
    this.traffic.watching = null;
    this.connection.watch('none');
    this.split.close();
  }

  private open(id: string): void {
    const { traffic, control } = this;
    this.shownId = id;
    traffic.clearFrames();
    traffic.watching = 'events';
    this.connection.watch(id === ALL ? 'all' : [id]);
    this.showSelection(null);
    this.events = new ListFrame<EventRowEntry>(traffic.events, {
      name: 'events',
      label: 'Events',
      noun: 'events',
      columns: EVENT_COLUMNS,
      fields: EVENT_FIELDS,
      placeholder: 'Search: error  event:update  gap>1s',
      note: gapText,
      always: (row) => row.kind === 'gap',
      onSelect: (row) => this.showSelection(row),
      empty: () => [h('p', {}, 'Events appear here as they pass, from now on.'), !control.payloads && hiddenPayloads()],
    });
    this.events.onResume = (dropped) => traffic.addPaused(traffic.events, dropped);
    const request = traffic.stream(id)?.request ?? null;
    const title =
      id === ALL
        ? h('b', {}, 'Events of all streams')
        : h('span', {}, h('b', {}, request?.target ?? id), h('span', { class: 'faint' }, ` ${request?.client ?? ''}`));
    const watched = id === ALL ? null : id;
    this.split.open(
      [title],
      h(
        'div',
        { class: 'frame-panel' },
        h(
          'div',
          { class: 'panel-bar' },
          h('span', { class: 'spacer' }),
          exportButtons((format) => exportWatched(traffic, watched, this.connection, format)),
        ),
        h('div', { class: 'frame-area' }, this.events.element, this.selection.element),
      ),
    );
  }

  private showSelection(row: EventRowEntry | null): void {
    this.selection.show(row === null || row.kind === 'gap' ? null : eventDetails(row));
  }

  paint(): void {
    const { changes } = this.traffic;
    this.frame.paint(changes !== this.changes);
    this.changes = changes;
    this.events?.paint(false);
  }

  key(key: string): boolean {
    const frame = this.events ?? this.frame;
    if (key === 'p') frame.togglePause();
    else if (key === 'f') frame.follow();
    else if (key === 'Escape' && this.selection.isShown) {
      this.events?.list.select(null);
      this.events?.list.element.focus();
    } else if (key === 'Escape' && this.split.isOpen) {
      navigate('sse');
      this.frame.list.element.focus();
    } else return false;
    return true;
  }
}

function eventDetails({ row, gap }: EventEntry): HTMLElement {
  const { payload, length } = row;
  if (payload === null) {
    return h('p', { class: 'none' }, `${plural(length, 'byte')}, ${withheldText(row.withheld)}`);
  }
  const { name, id, data, retry } = parseEvent(payload);
  const encoded = new TextEncoder().encode(data);
  return h(
    'div',
    { class: 'frame-details' },
    facts([
      ['Time', preciseClock(row.time)],
      ['Length', plural(length, 'byte')],
      name === '' ? null : ['Event', name],
      id === '' ? null : ['ID', id],
      retry === '' ? null : ['Retry', `${retry} ms`],
      gap < 0 ? null : ['Gap', duration(gap)],
    ]),
    payloadView(data === '' ? payload : encoded, data === '' ? length : encoded.length, true, 'event.txt'),
  );
}
