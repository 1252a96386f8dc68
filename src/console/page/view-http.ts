/** Requests as they arrive, with the details of one of them. */
import type { RequestDetails } from '../feed-format.js';
import { preciseClock } from '../local-time.js';
import { copy } from './clipboard.js';
import type { Connection } from './connection.js';
import type { Control } from './control.js';
import { curlCommand } from './curl.js';
import { h, setText } from './dom.js';
import { exportButtons, exportRequests } from './export.js';
import type { FilterField } from './filter.js';
import { gapText } from './gap-text.js';
import { ListFrame } from './list-frame.js';
import { bytes, duration } from './numbers.js';
import { replayButton } from './replay.js';
import { requestDetails, requestTitle } from './request-details.js';
import { navigate } from './router.js';
import { Split } from './split.js';
import { statusTone } from './tone.js';
import type { Gap, RequestEntry, Traffic } from './traffic.js';
import type { View } from './view.js';
import type { Column } from './virtual-list.js';
import { drawMiniature } from './waterfall.js';

type Row = RequestEntry | Gap;

const of =
  <V>(get: (entry: RequestEntry) => V, other: V) =>
  (row: Row): V =>
    row.kind === 'gap' ? other : get(row);

const upstreamOf = ({ response }: RequestEntry): string => {
  const tries = response?.tries ?? [];
  return tries[tries.length - 1]?.address ?? '';
};

const FIELDS: readonly FilterField<Row>[] = [
  { name: 'method', searched: true, of: of(({ request }) => request.method, '') },
  { name: 'host', searched: true, of: of(({ request }) => request.host, '') },
  { name: 'path', searched: true, of: of(({ request }) => request.target, '') },
  { name: 'status', searched: true, of: of(({ response }) => response?.status ?? null, null) },
  { name: 'upstream', searched: true, of: of(upstreamOf, '') },
  { name: 'client', searched: true, of: of(({ request }) => request.client, '') },
  { name: 'kind', searched: false, of: of(({ protocol }) => protocol, '') },
  { name: 'location', searched: false, of: of(({ response }) => response?.location ?? '', '') },
  { name: 'server', searched: false, of: of(({ response }) => response?.server ?? '', '') },
  { name: 'time', searched: false, of: of(({ response }) => response?.duration ?? null, null) },
  { name: 'size', searched: false, of: of(({ response }) => response?.sent ?? null, null) },
  { name: 'tries', searched: false, of: of(({ response }) => response?.tries.length ?? null, null) },
  { name: 'generation', searched: false, of: of(({ request }) => request.generation, null) },
  { name: 'id', searched: false, of: of(({ request }) => request.id, '') },
];

function statusText({ protocol, response, lost }: RequestEntry): string {
  if (response !== null) return response.status === 0 ? '–' : String(response.status);
  if (lost) return '?';
  return protocol === 'http' ? '…' : 'open';
}

const COLUMNS: readonly Column<Row>[] = [
  { name: 'time', title: 'Time', text: of(({ request }) => preciseClock(request.time), '') },
  { name: 'method', title: 'Method', text: of(({ request }) => request.method, '') },
  {
    name: 'status',
    title: 'Status',
    text: of(statusText, ''),
    tone: of(({ response }) => statusTone(response?.status ?? null), ''),
  },
  { name: 'host', title: 'Host', text: of(({ request }) => request.host, '') },
  { name: 'path', title: 'Path', text: of(({ request }) => request.target, '') },
  { name: 'upstream', title: 'Upstream', text: of(upstreamOf, '') },
  {
    name: 'tries number',
    title: 'Tries',
    text: of(({ response }) => (response === null ? '' : String(response.tries.length)), ''),
    tone: of(({ response }) => ((response?.tries.length ?? 0) > 1 ? 'is-notable' : ''), ''),
  },
  {
    name: 'size number',
    title: 'Size',
    text: of(({ response }) => (response === null ? '' : bytes(response.sent)), ''),
  },
  {
    name: 'took number',
    title: 'Duration',
    text: of(({ response }) => (response === null ? '' : duration(response.duration)), ''),
  },
  {
    name: 'bars',
    title: 'Timing',
    text: () => '',
    draw: (cell, row) => {
      const response = row.kind === 'gap' ? null : row.response;
      drawMiniature(cell, response?.tries ?? [], response?.duration ?? null);
    },
  },
  { name: 'generation number', title: 'Gen', text: of(({ request }) => String(request.generation), '') },
];

export class HttpView implements View {
  readonly element: HTMLElement;
  readonly frame: ListFrame<Row>;
  private readonly split: Split;
  private changes = -1;
  private shownId: string | null = null;
  private shownEnd = false;
  private serial = 0;

  constructor(
    private readonly traffic: Traffic,
    private readonly connection: Connection,
    private readonly control: Control,
  ) {
    this.frame = new ListFrame<Row>(traffic.requests, {
      name: 'http',
      label: 'Requests',
      noun: 'requests',
      columns: COLUMNS,
      fields: FIELDS,
      placeholder: 'Filter: checkout  status:5xx  time>200',
      tone: of(({ response, lost }) => (response === null && !lost ? 'is-open' : ''), ''),
      note: gapText,
      always: (row) => row.kind === 'gap',
      controls: exportButtons((format) => exportRequests(this.shown(), traffic, connection, format)),
      onOpen: (row) => {
        if (row.kind === 'request') navigate('http', row.request.id);
      },
      empty: () => [
        h('p', {}, 'Requests appear here as they arrive, from now on.'),
        h('p', { class: 'faint' }, 'Open a page through this proxy in another tab, or send a request with curl.'),
      ],
    });
    this.frame.onResume = (dropped) => traffic.addPaused(traffic.requests, dropped);
    this.split = new Split(this.frame.element, () => navigate('http'));
    this.element = this.split.element;
    traffic.onRequest = (entry) => this.frame.view.reconsider(entry);
  }

  get filterInput(): HTMLElement {
    return this.frame.filterInput;
  }

  /** Requests that the filter selects. */
  private shown(): RequestEntry[] {
    const entries: RequestEntry[] = [];
    for (let i = 0; i < this.frame.view.length; i++) {
      const row = this.frame.view.at(i);
      if (row?.kind === 'request') entries.push(row);
    }
    return entries;
  }

  show([id]: readonly string[]): void {
    if (id === undefined) {
      this.shownId = null;
      this.split.close();
    } else void this.open(id);
    this.frame.paint(true);
  }

  hide(): void {}

  paint(): void {
    const { changes } = this.traffic;
    this.frame.paint(changes !== this.changes);
    this.changes = changes;
    const entry = this.shownId === null ? null : this.traffic.request(this.shownId);
    if (entry !== null && entry.response !== null && !this.shownEnd) void this.open(entry.request.id);
  }

  private async open(id: string): Promise<void> {
    const serial = ++this.serial;
    const entry = this.traffic.request(id);
    const same = this.shownId === id;
    this.shownId = id;
    if (entry === null) {
      this.split.open(
        [id],
        h(
          'div',
          { class: 'details-body' },
          h(
            'p',
            { class: 'none' },
            'No data about this request: it arrived before the page was opened, or was removed.',
          ),
        ),
      );
      return;
    }
    this.shownEnd = entry.response !== null;
    if (!same) this.render(entry, undefined);
    const details = await this.connection.details(id);
    if (serial === this.serial) this.render(entry, details);
  }

  private render(entry: RequestEntry, details: RequestDetails | null | undefined): void {
    const curl = h('button', { type: 'button' }, 'Copy as curl');
    curl.addEventListener('click', () => {
      const command = curlCommand(entry.request, details?.request ?? null, entry.request.secure ? 'https' : 'http');
      void copy(command).then((copied) => setText(curl, copied ? 'Copied' : 'Not copied'));
    });
    const { id } = entry.request;
    const other = entry.protocol === 'websocket' ? 'websockets' : 'sse';
    this.split.open(
      requestTitle(entry),
      h(
        'div',
        { class: 'details-body' },
        h(
          'div',
          { class: 'actions' },
          curl,
          replayButton(this.control, entry),
          entry.protocol !== 'http' &&
            h(
              'button',
              { type: 'button', on: { click: () => navigate(other, id) } },
              other === 'sse' ? 'Show its events' : 'Show its frames',
            ),
        ),
        requestDetails(entry, details),
      ),
    );
  }

  key(key: string): boolean {
    if (key === 'p') this.frame.togglePause();
    else if (key === 'f') this.frame.follow();
    else if (key === 'Escape' && this.split.isOpen) {
      navigate('http');
      this.frame.list.element.focus();
    } else return false;
    return true;
  }
}
