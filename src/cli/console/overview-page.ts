/** The overview of a proxy as lines of a terminal. */
import { clock, dateAndClock, day } from '../../console/local-time.js';
import type { ConsoleState, PeerState, UpstreamState } from '../../console/state.js';
import { bytesText, durationText } from '../terminal-text.js';
import { type Cell, type Line, type Part, plain, tableLines } from './line-parts.js';

/** Orders of the servers of upstreams. */
export const ORDERS = ['name', 'rate', 'active', 'fails', 'state'] as const;

export type Order = (typeof ORDERS)[number];

export interface PageOptions {
  readonly order: Order;
  readonly reverse: boolean;
}

/** Certificates that expire first. */
const MAX_CERTIFICATES = 5;
const MAX_ZONES = 10;
const MAX_USAGE = 20;
const MAX_CHANGES = 5;
const DAY = 86_400_000;

/** All lines of the page; the first one is the title. */
export function overviewLines(state: ConsoleState, options: PageOptions): Line[] {
  return [
    title(state),
    [],
    ...problemLines(state),
    [],
    ...figureLines(state),
    ...section('Upstreams', upstreamLines(state.upstreams, options, state.time)),
    ...section('Workers', workerLines(state)),
    ...section('Generations', generationLines(state)),
    ...section('Zones', zoneLines(state)),
    ...section('Limits', limitLines(state)),
    ...section('API keys', usageLines(state)),
    ...section('Certificates', certificateLines(state)),
    ...section('Last reload', reloadLines(state)),
  ];
}

function title({ version, generation, since, started, time }: ConsoleState): Line {
  return [
    [`tsproxy ${version}`, 'strong'],
    plain(`  generation ${generation} since ${timeText(since, time)}, up ${durationText(Math.max(0, time - started))}`),
    [`  ${clock(time)}`, 'faint'],
  ];
}

/** Time of day, preceded by the date unless it is today. */
function timeText(time: number, now: number): string {
  if (time === 0) return 'an unknown time';
  return day(time) === day(now) ? clock(time) : dateAndClock(time);
}

function problemLines({ problems, time }: ConsoleState): Line[] {
  if (problems.length === 0) return [[['No problems', 'hint']]];
  return problems.map(({ severity, text, since }) => [
    [severity === 'error' ? 'error    ' : 'warning  ', severity],
    plain(text.replaceAll('`', '"')),
    [`  since ${timeText(since, time)}`, 'faint'],
  ]);
}

function figureLines({ requests, connections }: ConsoleState): Line[] {
  const { rate, total, current, errorRate, latency, statuses } = requests;
  const failing = errorRate !== null && errorRate > 0;
  const first: Part[] = [
    ['Requests     ', 'faint'],
    [`${rate}/s`, 'strong'],
    plain(`  ${current} in progress, ${total} in all`),
    ...(errorRate === null ? [] : [[`  ${errorRate} errors/s`, failing ? 'error' : 'plain'] as const]),
    ...(latency === null
      ? []
      : [
          plain(
            `  p50 ${durationText(latency.p50)}, p90 ${durationText(latency.p90)}, p99 ${durationText(latency.p99)}`,
          ),
        ]),
  ];
  const { active, reading, writing, waiting, tunnels, dropped } = connections;
  return [
    first,
    ...(statuses === null
      ? []
      : [
          [
            ['Responses    ', 'faint'] as const,
            plain(
              Object.entries(statuses)
                .map(([group, count]) => `${group} ${count}`)
                .join('  '),
            ),
          ],
        ]),
    [
      ['Connections  ', 'faint'],
      [String(active), 'strong'],
      plain(`  ${reading} reading, ${writing} active, ${waiting} idle, ${tunnels} tunnels`),
      ...(dropped === 0 ? [] : [[`  ${dropped} refused by limits`, 'warning'] as const]),
    ],
  ];
}

function section(name: string, lines: readonly Line[]): Line[] {
  return lines.length === 0 ? [] : [[], [[name, 'strong']], ...lines];
}

type PeerOf = readonly [upstream: UpstreamState, peer: PeerState];

function upstreamLines(upstreams: readonly UpstreamState[], { order, reverse }: PageOptions, now: number): Line[] {
  if (upstreams.length === 0) return [];
  const rows = upstreams.flatMap((upstream) => upstream.peers.map((peer): PeerOf => [upstream, peer]));
  if (order !== 'name') rows.sort((a, b) => compared(a, b, order));
  if (reverse) rows.reverse();
  const table = tableLines(
    [
      { title: 'UPSTREAM', align: 'left' },
      { title: 'SERVER', align: 'left' },
      { title: 'STATE', align: 'left' },
      { title: 'REQ/S', align: 'right' },
      { title: 'SHARE', align: 'right' },
      { title: 'ACTIVE', align: 'right' },
      { title: 'REQUESTS', align: 'right' },
      { title: 'FAILS', align: 'right' },
      { title: 'SINCE', align: 'left' },
    ],
    rows.map(([{ name, breaker }, peer]): Cell[] => [
      breaker === 'open' || breaker === 'half_open' ? [`${name} (circuit ${breaker})`, 'error'] : name,
      peer.backup ? `${peer.address} backup` : peer.address,
      stateCell(peer),
      String(peer.rate),
      `${Math.round(peer.share * 100)} %`,
      peer.maxConns > 0 ? `${peer.active}/${peer.maxConns}` : String(peer.active),
      String(peer.requests),
      peer.fails > 0 ? [String(peer.fails), 'warning'] : '0',
      peer.since === null ? '' : timeText(peer.since, now),
    ]),
  );
  const queues = upstreams.flatMap(({ name, queue }) =>
    queue === null || queue.size + queue.overflows === 0
      ? []
      : [[plain(`${name}: ${queue.size} of ${queue.max} requests wait, ${queue.overflows} were refused`)]],
  );
  return [...table, ...queues];
}

function stateCell({ state }: PeerState): Cell {
  if (state === 'up') return state;
  return [state, state === 'down' || state === 'draining' || state === 'checking' ? 'warning' : 'error'];
}

/** Servers that are not available, or have the largest figures, first. */
function compared([, a]: PeerOf, [, b]: PeerOf, order: Exclude<Order, 'name'>): number {
  if (order === 'state') return Number(a.state === 'up') - Number(b.state === 'up');
  return b[order] - a[order];
}

function workerLines({ workers, generation: current }: ConsoleState): Line[] {
  return tableLines(
    [
      { title: 'WORKER', align: 'right' },
      { title: 'PID', align: 'right' },
      { title: 'CPU', align: 'right' },
      { title: 'MEMORY', align: 'right' },
      { title: 'HEAP', align: 'right' },
      { title: 'DELAY', align: 'right' },
      { title: 'CONNECTIONS', align: 'right' },
      { title: 'TUNNELS', align: 'right' },
      { title: 'GENERATION', align: 'right' },
    ],
    workers.map(({ number, pid, cpu, rss, heap, lag, connections, tunnels, generation }): Cell[] => [
      String(number),
      String(pid),
      cpu === null ? '' : `${Math.round(cpu * 100)} %`,
      bytesText(rss),
      bytesText(heap),
      lag === null ? '' : durationText(lag.max),
      String(connections),
      String(tunnels),
      generation === current ? String(generation) : [String(generation), 'warning'],
    ]),
  );
}

/** All generations in use: replaced ones end with their last requests and tunnels. */
function generationLines({ generations, time }: ConsoleState): Line[] {
  if (generations.length < 2) return [];
  return generations.map(({ number, since, inForce, requests, tunnels }) => [
    plain(`${number}  since ${timeText(since, time)}  ${requests} requests and ${tunnels} tunnels`),
    ...(inForce ? [[' in force', 'hint'] as const] : []),
  ]);
}

function zoneLines({ zones }: ConsoleState): Line[] {
  const fullest = [...zones].sort((a, b) => b.used / b.size - a.used / a.size).slice(0, MAX_ZONES);
  if (fullest.length === 0) return [];
  return tableLines(
    [
      { title: 'ZONE', align: 'left' },
      { title: 'KIND', align: 'left' },
      { title: 'USED', align: 'right' },
      { title: 'SIZE', align: 'right' },
      { title: '', align: 'right' },
    ],
    fullest.map(({ name, kind, used, size }) => [
      name,
      kind,
      bytesText(used),
      bytesText(size),
      `${Math.round((100 * used) / size)} %`,
    ]),
  );
}

function limitLines({ limits }: ConsoleState): Line[] {
  if (limits.length === 0) return [];
  return tableLines(
    [
      { title: 'LIMIT', align: 'left' },
      { title: 'ZONE', align: 'left' },
      { title: 'PASSED', align: 'right' },
      { title: 'DELAYED', align: 'right' },
      { title: 'REJECTED', align: 'right' },
    ],
    limits.map(({ kind, zone, passed, delayed, rejected }): Cell[] => [
      kind,
      zone,
      String(passed),
      String(delayed),
      rejected > 0 ? [String(rejected), 'warning'] : '0',
    ]),
  );
}

function usageLines({ usage }: ConsoleState): Line[] {
  if (usage.length === 0) return [];
  return tableLines(
    [
      { title: 'CLIENT', align: 'left' },
      { title: 'PLAN', align: 'left' },
      { title: 'RULE', align: 'left' },
      { title: 'ALLOWED', align: 'right' },
      { title: 'LIMITED', align: 'right' },
      { title: 'FORBIDDEN', align: 'right' },
      { title: 'WEBSOCKETS', align: 'right' },
      { title: 'MESSAGES', align: 'right' },
    ],
    usage
      .slice(0, MAX_USAGE)
      .map(({ client, plan, rule, requests, upgrades, messages }): Cell[] => [
        client,
        plan,
        rule,
        String(requests.allowed),
        requests.limited > 0 ? [String(requests.limited), 'warning'] : '0',
        String(requests.forbidden),
        String(upgrades),
        String(messages.client + messages.upstream),
      ]),
  );
}

function certificateLines({ certificates, time }: ConsoleState): Line[] {
  const next = certificates.slice(0, MAX_CERTIFICATES);
  if (next.length === 0) return [];
  return tableLines(
    [
      { title: 'CERTIFICATE', align: 'left' },
      { title: 'DAYS', align: 'right' },
      { title: 'FILE', align: 'left' },
    ],
    next.map(({ names, days, file, validTo }): Cell[] => [
      names[0] ?? '',
      validTo - time < 14 * DAY ? [String(days), 'warning'] : String(days),
      file,
    ]),
  );
}

function reloadLines({ reloads: [last], time }: ConsoleState): Line[] {
  if (last === undefined || last.cause === 'start') return [];
  const { generation, lines } = last;
  const head: Line = [
    generation === null ? ['refused', 'warning'] : plain(`generation ${generation}`),
    plain(`, ${timeText(last.time, time)}`),
  ];
  const shown = lines.slice(0, MAX_CHANGES).map((text): Line => [plain(`  ${text}`)]);
  const more = lines.length - shown.length;
  return [head, ...shown, ...(more > 0 ? [[plain(`  and ${more} more`)]] : [])];
}
