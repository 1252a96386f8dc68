/** The overview: problems in words, figures with their recent history, and tables of upstreams, workers, limits, … */

import { clock, dateAndClock } from '../local-time.js';
import type {
  CertificateState,
  ConsoleState,
  GenerationState,
  LimitState,
  PeerState,
  ReloadState,
  UpstreamState,
  WorkerState,
  ZoneState,
} from '../state.js';
import { bar, card, none, table } from './card.js';
import { type Child, fill, h, morph } from './dom.js';
import { age, bytes, compact, count, duration, percent, plural } from './numbers.js';
import { inlineCode } from './prose.js';
import { Recent, sparkline } from './sparkline.js';
import { type Level, levelClass } from './tone.js';
import { usageCard } from './usage-card.js';
import type { View } from './view.js';

/** Seconds that the charts cover. */
const COVERED = 120;
const DAY = 86_400_000;

export class OverviewView implements View {
  readonly element = h('div', { class: 'overview', tabindex: -1 });
  private readonly requests = new Recent(COVERED);
  private readonly errors = new Recent(COVERED);
  private readonly latency = new Recent(COVERED);
  private readonly connections = new Recent(COVERED);
  private readonly tunnels = new Recent(COVERED);
  private state: ConsoleState | null = null;
  private shown = false;

  constructor() {
    fill(
      this.element,
      h(
        'div',
        { class: 'empty' },
        h('p', {}, 'The overview appears when the first state arrives, within two seconds.'),
      ),
    );
  }

  show(): void {
    this.shown = true;
    this.render();
  }

  hide(): void {
    this.shown = false;
  }

  paint(): void {}

  update(state: ConsoleState): void {
    this.state = state;
    this.requests.add(state.requests.rate);
    this.errors.add(state.requests.errorRate ?? 0);
    this.latency.add(state.requests.latency?.p90 ?? 0);
    this.connections.add(state.connections.active);
    this.tunnels.add(state.connections.tunnels);
    if (this.shown) this.render();
  }

  private render(): void {
    const { state } = this;
    if (state === null) return;
    const wanted = h(
      'div',
      {},
      problems(state),
      h('section', { class: 'tiles', 'aria-label': 'Figures' }, this.tiles(state)),
      h(
        'div',
        { class: 'cards' },
        upstreams(state.upstreams),
        workers(state.workers),
        generations(state.generations),
        reloads(state.reloads),
        limits(state.limits, state.zones),
        certificates(state.certificates),
        usageCard(state.usage),
      ),
    );
    morph(this.element, wanted);
  }

  private tiles({ requests, connections, time, started }: ConsoleState): Child[] {
    const { latency, statuses } = requests;
    return [
      tile('Requests', compact(requests.rate), '/s', this.requests, 'is-accent', [
        `${count(requests.total)} in ${age(time - started)}`,
        statuses === null ? null : classes(statuses),
      ]),
      tile('Errors', requests.errorRate === null ? '–' : compact(requests.errorRate), '/s', this.errors, 'is-bad', [
        statuses === null
          ? 'not counted'
          : `${count(statuses['5xx'])} with status 5xx, ${count(statuses['4xx'])} with 4xx`,
      ]),
      tile('Latency', latency === null ? '–' : duration(latency.p50), 'median', this.latency, 'is-two', [
        latency === null
          ? 'no request in the last minute'
          : `p90 ${duration(latency.p90)} · p99 ${duration(latency.p99)}`,
      ]),
      tile('Connections', count(connections.active), 'open', this.connections, 'is-one', [
        `${count(connections.reading)} reading · ${count(connections.writing)} writing · ${count(connections.waiting)} idle`,
        connections.dropped > 0 ? `${count(connections.dropped)} refused` : `${count(connections.accepted)} accepted`,
      ]),
      tile('Tunnels', count(connections.tunnels), 'open', this.tunnels, 'is-one', [
        `${plural(requests.current, 'request or tunnel', 'requests and tunnels')} in progress`,
      ]),
    ];
  }
}

function tile(
  title: string,
  value: string,
  unit: string,
  recent: Recent,
  tone: string,
  lines: readonly Child[],
): HTMLElement {
  return h(
    'div',
    { class: 'tile' },
    h('h2', {}, title),
    h('p', { class: 'tile-value' }, h('b', {}, value), ' ', h('span', {}, unit)),
    sparkline(recent.values, COVERED, tone),
    lines.map((line) => line !== null && h('p', { class: 'tile-line' }, line)),
  );
}

function classes(statuses: NonNullable<ConsoleState['requests']['statuses']>): string {
  const shown = (['2xx', '3xx', '4xx', '5xx'] as const).filter((name) => statuses[name] > 0);
  return shown.map((name) => `${compact(statuses[name])} ${name}`).join(' · ');
}

function problems({ problems, time }: ConsoleState): HTMLElement {
  if (problems.length === 0) {
    return h(
      'section',
      { class: 'problems is-fine', 'aria-label': 'Problems', 'data-key': 'problems' },
      h('p', {}, h('span', { class: levelClass('good') }, 'No problems')),
    );
  }
  return h(
    'section',
    { class: 'problems', 'aria-label': 'Problems', 'data-key': 'problems' },
    h('h2', {}, plural(problems.length, 'problem')),
    h(
      'ul',
      {},
      problems.map(({ id, severity, text, since }) =>
        h(
          'li',
          { 'data-key': id, class: `is-${severity}` },
          h(
            'span',
            { class: levelClass(severity === 'error' ? 'bad' : 'warning') },
            severity === 'error' ? 'Error' : 'Warning',
          ),
          h('span', { class: 'problem-text' }, inlineCode(text)),
          h('time', { title: dateAndClock(since) }, `since ${sinceText(since, time)}`),
        ),
      ),
    ),
  );
}

function sinceText(since: number, now: number): string {
  return now - since < DAY ? clock(since).slice(0, 5) : dateAndClock(since).slice(0, 16);
}

const CONDITIONS: Readonly<Record<PeerState['state'], readonly [Level, string]>> = {
  up: ['good', 'up'],
  draining: ['idle', 'draining'],
  down: ['idle', 'down (configured)'],
  unavail: ['bad', 'failing'],
  checking: ['idle', 'being checked'],
  unhealthy: ['bad', 'unhealthy'],
  ejected: ['warning', 'ejected'],
};

function upstreams(all: readonly UpstreamState[]): HTMLElement {
  const peers = all.flatMap((upstream) => upstream.peers);
  const up = peers.filter(({ state }) => state === 'up').length;
  const summary =
    all.length === 0 ? '' : `${plural(all.length, 'upstream')}, ${up} of ${plural(peers.length, 'server')} up`;
  const content =
    all.length === 0 ? none('The configuration has no upstreams.') : all.map((upstream) => upstreamTable(upstream));
  return card('Upstreams', summary, content, true);
}

function upstreamTable({ name, method, peers, keepalive, queue, breaker }: UpstreamState): HTMLElement {
  const facts = [method, `${count(keepalive)} idle connections`];
  if (queue !== null) facts.push(`queue ${count(queue.size)} of ${count(queue.max)}`);
  return h(
    'div',
    { class: 'peers', 'data-key': name },
    h(
      'h3',
      {},
      h('code', {}, name),
      h('span', { class: 'facts' }, facts.join(' · ')),
      breaker !== null &&
        h(
          'span',
          { class: levelClass(breaker === 'closed' ? 'good' : breaker === 'open' ? 'bad' : 'warning') },
          `breaker ${breaker.replace('_', '-')}`,
        ),
    ),
    table(
      `Servers of ${name}`,
      [
        { title: 'Server', class: 'wide' },
        { title: 'State' },
        { title: 'Share', class: 'number' },
        { title: '' },
        { title: 'Requests/s', class: 'number' },
        { title: 'Active', class: 'number' },
        { title: 'Requests', class: 'number' },
        { title: 'Fails', class: 'number' },
        { title: 'Health checks' },
      ],
      peers.map((peer) => peerCells(peer)),
    ),
  );
}

function peerCells(peer: PeerState): Child[] {
  const [level, text] = CONDITIONS[peer.state];
  const kind = [peer.backup ? 'backup' : null, peer.weight === 1 ? null : `weight ${peer.weight}`].filter(Boolean);
  const { health } = peer;
  return [
    [
      h('code', {}, peer.address),
      peer.server !== peer.address && h('span', { class: 'faint' }, ` ${peer.server}`),
      kind.length > 0 && h('span', { class: 'faint' }, ` ${kind.join(', ')}`),
    ],
    h('span', { class: levelClass(level) }, text, peer.since === null ? '' : ` since ${clock(peer.since).slice(0, 5)}`),
    percent(peer.share),
    bar(peer.share, 'idle'),
    compact(peer.rate),
    peer.maxConns > 0 ? `${count(peer.active)} of ${count(peer.maxConns)}` : count(peer.active),
    count(peer.requests),
    count(peer.fails),
    health === null
      ? h('span', { class: 'faint' }, 'none')
      : `${health.lastPassed ? 'passed' : 'failed'}, ${count(health.fails)} of ${count(health.checks)} failed`,
  ];
}

function workers(all: readonly WorkerState[]): HTMLElement {
  return card(
    'Workers',
    plural(all.length, 'process', 'processes'),
    table(
      'Workers',
      [
        { title: 'Worker' },
        { title: 'CPU', class: 'number' },
        { title: '' },
        { title: 'Heap', class: 'number' },
        { title: 'Memory', class: 'number' },
        { title: 'Event loop', class: 'number' },
        { title: 'Connections', class: 'number' },
        { title: 'Tunnels', class: 'number' },
      ],
      all.map(({ number, pid, cpu, heap, rss, lag, connections, tunnels }) => [
        [number < 0 ? 'ending' : String(number), h('span', { class: 'faint' }, ` ${pid}`)],
        cpu === null ? '–' : percent(Math.round(cpu * 100) / 100),
        bar(cpu ?? 0, (cpu ?? 0) > 0.9 ? 'warning' : 'idle'),
        bytes(heap),
        bytes(rss),
        lag === null
          ? '–'
          : h('span', { title: 'Delay of the event loop: maximum in the last second' }, duration(lag.max)),
        count(connections),
        count(tunnels),
      ]),
    ),
  );
}

function generations(all: readonly GenerationState[]): HTMLElement {
  return card(
    'Generations',
    'configurations that are in use',
    table(
      'Generations',
      [
        { title: 'Number', class: 'number' },
        { title: 'State' },
        { title: 'Since' },
        { title: 'Requests', class: 'number' },
        { title: 'Tunnels', class: 'number' },
      ],
      all.map(({ number, inForce, since, requests, tunnels }) => [
        String(number),
        h('span', { class: levelClass(inForce ? 'good' : 'idle') }, inForce ? 'in force' : 'ending'),
        since === 0 ? '–' : dateAndClock(since),
        count(requests),
        count(tunnels),
      ]),
    ),
  );
}

const CAUSES: Readonly<Record<ReloadState['cause'], string>> = {
  start: 'Start',
  reload: 'Reload',
  files: 'Files changed',
};

function reloads(all: readonly ReloadState[]): HTMLElement {
  const content =
    all.length === 0
      ? none('Starts and reloads appear here with their changes.')
      : h(
          'ol',
          { class: 'reloads' },
          all.map(({ time, generation, cause, lines }) =>
            h(
              'li',
              { 'data-key': `${time}` },
              h(
                'p',
                {},
                h('time', { title: dateAndClock(time) }, clock(time)),
                h('b', {}, CAUSES[cause]),
                h(
                  'span',
                  { class: levelClass(generation === null ? 'bad' : 'good') },
                  generation === null ? 'refused' : `generation ${generation}`,
                ),
              ),
              lines.length > 0 &&
                h(
                  'ul',
                  {},
                  lines.map((line) => h('li', {}, inlineCode(line))),
                ),
            ),
          ),
        );
  return card('Reloads', 'newest first', content);
}

function limits(all: readonly LimitState[], zones: readonly ZoneState[]): HTMLElement {
  if (zones.length === 0 && all.length === 0) {
    return card(
      'Limits and zones',
      '',
      none('The configuration has no zones (`limit_req_zone`, `keyval_zone`, `zone` of an upstream).'),
    );
  }
  const decisions = new Map(all.map((limit) => [`${limit.kind} ${limit.zone}`, limit]));
  const extra = all.filter((limit) => !zones.some(({ name, kind }) => name === limit.zone && kind === limit.kind));
  const rows = zones.map(({ name, kind, size, used }): Child[] => {
    const limit = decisions.get(`${kind} ${name}`);
    const fraction = size > 0 ? used / size : 0;
    return [
      h('code', {}, name),
      kind,
      `${bytes(used)} of ${bytes(size)}`,
      bar(fraction, fraction > 0.9 ? 'warning' : 'idle'),
      ...figures(limit),
    ];
  });
  rows.push(...extra.map((limit): Child[] => [h('code', {}, limit.zone), limit.kind, '', '', ...figures(limit)]));
  return card(
    'Limits and zones',
    plural(rows.length, 'zone'),
    table(
      'Limits and zones',
      [
        { title: 'Zone', class: 'wide' },
        { title: 'Kind' },
        { title: 'Memory', class: 'number' },
        { title: '' },
        { title: 'Passed', class: 'number' },
        { title: 'Delayed', class: 'number' },
        { title: 'Rejected', class: 'number' },
      ],
      rows,
    ),
  );
}

function figures(limit: LimitState | undefined): Child[] {
  if (limit === undefined) return ['–', '–', '–'];
  return [count(limit.passed), count(limit.delayed), count(limit.rejected)];
}

function certificates(all: readonly CertificateState[]): HTMLElement {
  const content =
    all.length === 0
      ? none('The configuration has no certificates (`ssl_certificate`).')
      : table(
          'Certificates',
          [
            { title: 'Names', class: 'wide' },
            { title: 'Expires' },
            { title: 'File', class: 'wide' },
            { title: 'Servers' },
          ],
          all.map(({ names, days, validTo, file, servers }) => [
            names.join(', '),
            h(
              'span',
              { class: levelClass(days < 0 ? 'bad' : days < 21 ? 'warning' : 'good'), title: dateAndClock(validTo) },
              days < 0 ? `expired ${plural(-days, 'day')} ago` : `in ${plural(days, 'day')}`,
            ),
            h('code', {}, file),
            servers.join(', '),
          ]),
        );
  return card('Certificates', all.length === 0 ? '' : plural(all.length, 'certificate'), content);
}
