/** WebSockets, and the frames of one of them or of all. */
import type { Connection } from './connection.js';
import type { Control } from './control.js';
import { h } from './dom.js';
import { exportButtons, exportWatched } from './export.js';
import type { FilterField } from './filter.js';
import { FramePanel } from './frame-panel.js';
import { ListFrame } from './list-frame.js';
import { age, bytes, compact, duration } from './numbers.js';
import { navigate } from './router.js';
import { drawRate } from './sparkline.js';
import { Split } from './split.js';
import type { Traffic, TunnelEntry } from './traffic.js';
import { TunnelSummary } from './tunnel-summary.js';
import type { View } from './view.js';
import type { Column } from './virtual-list.js';

/** Id in the address for the frames of all WebSockets. */
const ALL = 'all';

const FIELDS: readonly FilterField<TunnelEntry>[] = [
  { name: 'client', searched: true, of: ({ open }) => open.client },
  { name: 'host', searched: true, of: ({ open }) => open.host },
  { name: 'path', searched: true, of: ({ open }) => open.target },
  { name: 'location', searched: true, of: ({ open }) => open.location },
  { name: 'upstream', searched: true, of: ({ open }) => open.upstream },
  { name: 'state', searched: false, of: stateOf },
  { name: 'code', searched: false, of: ({ close }) => close?.code ?? null },
  { name: 'messages', searched: false, of: ({ received, sent }) => received.messages + sent.messages },
  { name: 'size', searched: false, of: ({ received, sent }) => received.bytes + sent.bytes },
  { name: 'rate', searched: false, of: ({ rate }) => rate.last },
  { name: 'generation', searched: false, of: ({ open }) => open.generation },
  { name: 'id', searched: false, of: ({ open }) => open.id },
];

export function stateOf({ close, lost }: TunnelEntry): string {
  if (close !== null) return `closed ${close.code}`;
  return lost ? 'unknown' : 'open';
}

/** Age, or the duration of a closed one. */
function ageOf({ open, close }: TunnelEntry): string {
  return age(close === null ? Date.now() - open.openedAt : close.duration);
}

const COLUMNS: readonly Column<TunnelEntry>[] = [
  {
    name: 'state',
    title: 'State',
    text: stateOf,
    tone: ({ close, lost }) => (close !== null ? 'is-closed' : lost ? 'is-lost' : 'is-open'),
  },
  { name: 'client', title: 'Client', text: ({ open }) => open.client },
  { name: 'path', title: 'Path', text: ({ open }) => open.target },
  { name: 'location', title: 'Location', text: ({ open }) => open.location },
  { name: 'upstream', title: 'Upstream', text: ({ open }) => open.upstream },
  { name: 'age number', title: 'Age', text: ageOf },
  { name: 'received number', title: '↑ Msgs', text: ({ received }) => compact(received.messages) },
  { name: 'sent number', title: '↓ Msgs', text: ({ sent }) => compact(sent.messages) },
  { name: 'received-bytes number', title: '↑ Bytes', text: ({ received }) => bytes(received.bytes) },
  { name: 'sent-bytes number', title: '↓ Bytes', text: ({ sent }) => bytes(sent.bytes) },
  { name: 'rate number', title: 'Msgs/s', text: ({ rate, close }) => (close === null ? compact(rate.last) : '') },
  { name: 'spark', title: 'Last minute', text: () => '', draw: (cell, { rate }) => drawRate(cell, rate) },
  { name: 'ping number', title: 'Ping', text: ({ clientRoundTrip: trip }) => (trip < 0 ? '–' : duration(trip)) },
  { name: 'generation number', title: 'Gen', text: ({ open }) => String(open.generation) },
];

export class WebSocketsView implements View {
  readonly element: HTMLElement;
  readonly frame: ListFrame<TunnelEntry>;
  private readonly split: Split;
  private readonly openOnly: HTMLButtonElement;
  private panel: FramePanel | null = null;
  private summary: TunnelSummary | null = null;
  private shownId: string | null = null;
  private changes = -1;

  constructor(
    private readonly traffic: Traffic,
    private readonly connection: Connection,
    private readonly control: Control,
  ) {
    this.openOnly = h('button', { type: 'button', class: 'toggle', 'aria-pressed': 'false' }, 'Open only');
    this.openOnly.addEventListener('click', () => {
      this.openOnly.setAttribute('aria-pressed', String(!this.isOpenOnly));
      this.frame.applyFilter();
    });
    this.frame = new ListFrame<TunnelEntry>(traffic.tunnels, {
      name: 'tunnels',
      label: 'WebSockets',
      noun: 'WebSockets',
      columns: COLUMNS,
      fields: FIELDS,
      placeholder: 'Filter: /chat  client:10.0.  rate>10',
      controls: [
        this.openOnly,
        h('button', { type: 'button', on: { click: () => navigate('websockets', ALL) } }, 'All frames'),
      ],
      also: () => (this.isOpenOnly ? ({ close }) => close === null : null),
      tone: ({ close, open }) => `${close === null ? '' : 'is-closed'}${open.id === this.shownId ? ' is-current' : ''}`,
      onOpen: ({ open }) => navigate('websockets', open.id),
      empty: () => [
        h('p', {}, 'WebSockets appear here when they are opened, and those that are open already.'),
        h('p', { class: 'faint' }, 'Open a page that uses one through this proxy.'),
      ],
    });
    this.split = new Split(this.frame.element, () => navigate('websockets'));
    this.element = this.split.element;
    traffic.onTunnel = (entry) => this.frame.view.reconsider(entry);
  }

  private get isOpenOnly(): boolean {
    return this.openOnly.getAttribute('aria-pressed') === 'true';
  }

  get filterInput(): HTMLElement {
    return (this.panel?.current ?? this.frame).filterInput;
  }

  show([id]: readonly string[]): void {
    if (id === undefined) this.close();
    else if (id !== this.shownId) this.open(id);
    this.frame.paint(true);
    this.panel?.paint();
  }

  hide(): void {
    this.close();
  }

  private close(): void {
    if (this.shownId === null) return;
    this.shownId = null;
    this.panel = null;
    this.summary = null;
    this.traffic.watching = null;
    this.connection.watch('none');
    this.split.close();
  }

  private open(id: string): void {
    const { traffic, connection, control } = this;
    this.shownId = id;
    traffic.clearFrames();
    traffic.watching = 'frames';
    connection.watch(id === ALL ? 'all' : [id]);
    const watched = id === ALL ? null : id;
    const actions = exportButtons((format) => exportWatched(traffic, watched, connection, format));
    const tunnel = id === ALL ? (each: string) => this.tunnelText(each) : null;
    this.panel = new FramePanel({ traffic, tunnel, payloads: () => control.payloads, actions });
    this.summary = id === ALL ? null : new TunnelSummary(id, traffic, connection, control);
    this.split.open(
      this.summary === null ? [h('b', {}, 'Frames of all WebSockets')] : [this.summary.title],
      this.summary?.element,
      this.panel.element,
    );
  }

  private tunnelText(id: string): string {
    const open = this.traffic.tunnel(id)?.open;
    return open === undefined ? id : `${open.target} ${open.client}`;
  }

  paint(): void {
    const { changes } = this.traffic;
    const changed = changes !== this.changes;
    this.changes = changes;
    this.frame.paint(changed);
    if (changed) this.summary?.update();
    this.panel?.paint();
  }

  key(key: string): boolean {
    const frame = this.panel?.current ?? this.frame;
    if (key === 'p') frame.togglePause();
    else if (key === 'f') frame.follow();
    else if (key === 'Escape' && this.panel?.hasSelection === true) this.panel.closeSelection();
    else if (key === 'Escape' && this.split.isOpen) {
      navigate('websockets');
      this.frame.list.element.focus();
    } else return false;
    return true;
  }
}
