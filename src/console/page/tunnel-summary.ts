/** Summary of one WebSocket above its frames: totals, rate, and handshake. */
import type { RequestDetails } from '../feed-format.js';
import { dateAndClock } from '../local-time.js';
import { closeTunnelDialog } from './close-tunnel.js';
import type { Connection } from './connection.js';
import type { Control } from './control.js';
import { fill, h, setClass, setText } from './dom.js';
import { heads } from './heads.js';
import { age, bytes, compact, count, duration } from './numbers.js';
import { closeText } from './opcode.js';
import { facts } from './request-details.js';
import { sparkline } from './sparkline.js';
import { RATE_SECONDS, type Traffic, type TunnelEntry } from './traffic.js';

export class TunnelSummary {
  readonly title = h('span', { class: 'tunnel-title' });
  readonly element = h('div', { class: 'tunnel-summary' });
  private readonly totals = h('div', { class: 'tunnel-totals' });
  private readonly state = h('span');
  private readonly closeButton: HTMLButtonElement;
  private readonly handshake: HTMLDetailsElement;
  private isNamed = false;

  constructor(
    private readonly id: string,
    private readonly traffic: Traffic,
    private readonly connection: Connection,
    private readonly control: Control,
  ) {
    const handshakeBody = h('div', { class: 'handshake' });
    this.handshake = h('details', { class: 'handshake-details' }, h('summary', {}, 'Handshake'), handshakeBody);
    this.handshake.addEventListener('toggle', () => {
      if (this.handshake.open) void this.showHandshake(handshakeBody);
    });
    this.closeButton = h(
      'button',
      { type: 'button', class: 'is-bad', on: { click: () => closeTunnelDialog(this.control, this.id) } },
      'Close …',
    );
    this.element.append(this.totals, h('div', { class: 'tunnel-more' }, this.handshake, this.closeButton));
    this.update();
  }

  private async showHandshake(body: HTMLElement): Promise<void> {
    fill(body, h('p', { class: 'none' }, 'Asking the proxy for details …'));
    const details = await this.connection.details(this.id);
    const entry = this.traffic.tunnel(this.id);
    fill(
      body,
      entry !== null && handshakeFacts(entry),
      details === null ? noDetails() : heads(details as RequestDetails),
    );
  }

  update(): void {
    const entry = this.traffic.tunnel(this.id);
    if (entry === null) {
      setText(this.title, this.id);
      this.closeButton.hidden = true;
      fill(
        this.totals,
        h('p', { class: 'none' }, 'No data about this WebSocket: it has ended, or its row has not arrived yet.'),
      );
      return;
    }
    const { open, close, received, sent, rate, lost } = entry;
    if (!this.isNamed) {
      this.isNamed = true;
      fill(
        this.title,
        this.state,
        ' ',
        h('b', {}, open.target),
        h('span', { class: 'faint' }, ` ${open.client} → ${open.upstream}`),
      );
    }
    setClass(this.state, `state ${close !== null ? 'is-idle' : lost ? 'is-warning' : 'is-good'}`);
    setText(this.state, close !== null ? `closed ${close.code}` : lost ? 'unknown' : 'open');
    this.closeButton.hidden = !this.control.allowed || close !== null;
    fill(
      this.totals,
      figure('↑ from client', `${count(received.messages)} msgs`, bytes(received.bytes)),
      figure('↓ from upstream', `${count(sent.messages)} msgs`, bytes(sent.bytes)),
      figure(
        'rate',
        close === null ? `${compact(rate.last)} msgs/s` : 'ended',
        null,
        sparkline(rate.values, RATE_SECONDS, 'is-one'),
      ),
      figure('ping', roundTrip(entry.clientRoundTrip), `upstream ${roundTrip(entry.upstreamRoundTrip)}`),
      figure(
        close === null ? 'age' : 'closed',
        close === null ? age(Date.now() - open.openedAt) : closeText(close.code),
        close === null
          ? `generation ${open.generation}`
          : `by the ${close.by} after ${duration(close.duration)}${close.reason === '' ? '' : `: ${close.reason}`}`,
      ),
    );
  }
}

function figure(name: string, value: string, line: string | null, extra: Element | null = null): HTMLElement {
  return h(
    'div',
    { class: 'figure' },
    h('span', { class: 'figure-name' }, name),
    h('b', {}, value),
    line !== null && h('span', { class: 'figure-line' }, line),
    extra,
  );
}

function roundTrip(ms: number): string {
  return ms < 0 ? '–' : duration(ms);
}

function handshakeFacts({ open }: TunnelEntry): HTMLElement {
  return facts([
    ['Opened', dateAndClock(open.openedAt)],
    ['Host', open.host],
    ['Location', h('code', {}, open.location)],
    ['Upstream', open.upstream],
    ['Subprotocol', open.protocol === '' ? 'none' : open.protocol],
    ['Extensions', open.extensions === '' ? 'none' : open.extensions],
    ['Generation', String(open.generation)],
  ]);
}

function noDetails(): HTMLElement {
  return h(
    'p',
    { class: 'none' },
    'The heads of this handshake were not recorded: it began before the console was open.',
  );
}
