/** Details of a request: timing, why this location, heads, tries, variables and log lines. */
import type { LogLine, MatchDetails, RequestDetails, TryRow } from '../feed-format.js';
import { dateAndClock, preciseClock } from '../local-time.js';
import { type Child, h } from './dom.js';
import { fieldTable, heads } from './heads.js';
import { bytes, duration, plural } from './numbers.js';
import { inlineCode } from './prose.js';
import { statusTone } from './tone.js';
import type { RequestEntry } from './traffic.js';
import { waterfall } from './waterfall.js';

export function section(title: string, ...content: readonly Child[]): HTMLElement {
  return h('section', { class: 'part' }, h('h2', {}, title), content);
}

/** Name and value pairs in one line each. */
export function facts(pairs: readonly (readonly [name: string, value: Child] | null)[]): HTMLElement {
  return h(
    'dl',
    { class: 'facts-list' },
    pairs.map((pair) => pair && h('div', {}, h('dt', {}, pair[0]), h('dd', {}, pair[1]))),
  );
}

export function requestTitle({ request, response }: RequestEntry): Child[] {
  return [
    h(
      'span',
      { class: `status ${statusTone(response?.status ?? null)}` },
      response === null ? '…' : String(response.status || '–'),
    ),
    h('b', {}, request.method),
    h('span', { class: 'url' }, `${request.host}${request.target}`),
  ];
}

/** `details` undefined: not received yet; null: the proxy no longer has them. */
export function requestDetails(entry: RequestEntry, details: RequestDetails | null | undefined): Child[] {
  const { request, response } = entry;
  const tries = details?.tries ?? response?.tries ?? [];
  const total =
    response?.duration ?? tries.reduce((end, each) => Math.max(end, each.start + Math.max(0, each.done)), 0);
  return [
    facts([
      ['Received', dateAndClock(request.time)],
      ['Client', request.client],
      ['Generation', String(request.generation)],
      response === null
        ? ['State', entry.lost ? 'unknown: rows were dropped' : 'in progress']
        : ['Duration', duration(response.duration)],
      response && ['Bytes', `${bytes(response.received)} received, ${bytes(response.sent)} sent`],
      response && !response.completed ? ['Response', 'not sent completely'] : null,
    ]),
    total > 0 && section('Timing', waterfall(tries, total)),
    tries.length > 0 && section(plural(tries.length, 'try', 'tries'), triesTable(tries)),
    details === undefined && h('p', { class: 'none' }, 'Asking the proxy for details …'),
    details === null &&
      h(
        'p',
        { class: 'none' },
        'No further details: the proxy keeps those of the latest requests, while the console is open.',
      ),
    details && more(details),
  ];
}

function more(details: RequestDetails): Child[] {
  return [
    section('Why here', why(details.server, details.location, details.redirects)),
    section('Heads', heads(details)),
    details.log.length > 0 && section('Log', logLines(details.log)),
    details.variables.length > 0 && section('Variables', fieldTable(details.variables)),
  ];
}

function why(server: MatchDetails, location: MatchDetails, redirects: readonly string[]): HTMLElement {
  return facts([
    ['Server', [h('code', {}, server.name || '""'), server.reason === '' ? '' : ': ', inlineCode(server.reason)]],
    [
      'Location',
      [
        location.name === '' ? '' : h('code', {}, location.name),
        location.reason === '' ? '' : ': ',
        inlineCode(location.reason),
      ],
    ],
    redirects.length === 0
      ? null
      : ['Redirected to', redirects.map((uri, i) => [i > 0 ? ', ' : '', h('code', {}, uri)])],
  ]);
}

function time(value: number): string {
  return value < 0 ? '–' : duration(value);
}

function triesTable(tries: readonly TryRow[]): HTMLElement {
  const numbers = ['Start', 'Connected', 'Head', 'End', 'Sent', 'Received'];
  return h(
    'div',
    { class: 'table-scroller', tabindex: 0, role: 'region', 'aria-label': 'Tries' },
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, 'Server'),
          h('th', { scope: 'col' }, 'Status'),
          numbers.map((title) => h('th', { scope: 'col', class: 'number' }, title)),
        ),
      ),
      h(
        'tbody',
        {},
        tries.map((each) =>
          h(
            'tr',
            {},
            h('td', {}, h('code', {}, each.address)),
            h(
              'td',
              {},
              h(
                'span',
                { class: `status ${statusTone(each.status)}` },
                each.status === 0 ? 'no response' : String(each.status),
              ),
            ),
            [
              time(each.start),
              time(each.connect),
              time(each.head),
              time(each.done),
              bytes(each.sent),
              bytes(each.received),
            ].map((text) => h('td', { class: 'number' }, text)),
          ),
        ),
      ),
    ),
  );
}

function logLines(lines: readonly LogLine[]): HTMLElement {
  return h(
    'ul',
    { class: 'log-lines' },
    lines.map(({ time, level, message }) =>
      h(
        'li',
        {},
        h('time', {}, preciseClock(time)),
        h('span', { class: `level is-${level}` }, level),
        h('span', {}, message),
      ),
    ),
  );
}
