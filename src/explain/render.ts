/** Renders an explanation as human-readable text. */
import { COLOURED, PLAIN } from '../diagnostics/style.js';
import { PHASES } from '../program/phases.js';
import { cacheText } from './cache-rules.js';
import type {
  DirectiveInForce,
  ExplainedCache,
  ExplainedPeer,
  ExplainedStream,
  ExplainedUpstream,
  Explanation,
  ServerReason,
  WrittenPlace,
} from './explanation.js';
import { Page, quoted, type Row, visible } from './page.js';
import { renderSteps } from './render-steps.js';

export interface RenderOptions {
  /** Use colours, for a terminal whose user has not set NO_COLOR. */
  readonly color?: boolean;
  /** Formats a file name for display; default: unchanged. */
  readonly file?: (name: string) => string;
}

const NAME_REASONS: Readonly<Record<ServerReason, string>> = {
  exact: 'exact names have the highest priority',
  'leading wildcard': 'no exact name matches; the longest leading wildcard is used',
  'trailing wildcard': 'no exact name and no leading wildcard matches; the longest trailing wildcard is used',
  regex: 'no exact name or wildcard matches; the first matching regular expression is used',
  default: 'the default server of the address: no name matches',
  refused: 'the default server of the address: the request is rejected before the name lookup',
};

/** The text; ends in a line break. */
export function renderExplanation(explanation: Explanation, { color = false, file }: RenderOptions = {}): string {
  const page = new Page({ style: color ? COLOURED : PLAIN, file: file ?? ((name) => name) });
  const { request, assumptions, upstreams, cache } = explanation;
  page.line(`${page.style.strong(visible(request.line))}  from ${request.from}`);
  if (request.body > 0) page.line(`with a body of ${request.body} bytes`);
  destination(explanation, page);
  page.heading('what happens');
  renderSteps(explanation, page);
  directives(explanation, page);
  for (const upstream of upstreams) upstreamSection(upstream, page);
  if (cache !== null) cacheSection(cache, page);
  answer(explanation, page);
  if (assumptions.length > 0) {
    page.heading('assumptions');
    for (const each of assumptions) page.line(`  ${visible(each)}`);
  }
  return page.toString();
}

function samePlace(a: WrittenPlace | null, b: WrittenPlace | null): boolean {
  return a?.line === b?.line && a?.column === b?.column && a?.file === b?.file;
}

/** Maximum number of other servers of the address shown; the JSON contains all. */
const MAX_SERVERS = 10;

function destination({ listener, server }: Explanation, page: Page): void {
  const { style } = page;
  page.line();
  const listen = listener.listen === null ? '' : `  ${page.written(listener.listen)}`;
  page.line(`${style.strong('listener')}  ${listener.address}${listen}`);
  page.line(`          ${listener.why}`);
  if (listener.others.length > 0) page.line(`          others: ${listener.others.join(', ')}`);
  page.line(`${style.strong('server')}    ${page.written({ ...server, text: server.name || server.text })}`);
  if (server.matched !== null) {
    page.line(
      `          the host ${quoted(server.host)} matches its name ${quoted(server.matched)}: ${NAME_REASONS[server.why]}`,
    );
  } else page.line(`          ${NAME_REASONS[server.why]}${server.why === 'default' ? ` ${quoted(server.host)}` : ''}`);
  const others = server.considered.filter(({ server: { at } }) => !samePlace(at, server.at));
  for (const { server: other, names, default: isDefault } of others.slice(0, MAX_SERVERS)) {
    const listed = names.map((name) => (name === '' ? '""' : visible(name))).join(' ');
    page.line(
      `          ${style.faint('not')} ${page.written({ text: listed, at: other.at })}${isDefault ? ', the default' : ''}`,
    );
  }
  const more = others.length - MAX_SERVERS;
  if (more > 0) page.line(`          ${style.faint('not')} ${more} more`);
}

/** The order in which phases are shown. */
const ORDER: readonly DirectiveInForce['phases'][number][] = PHASES.flatMap(({ name, level }) => {
  if (level === null) return [];
  return name === 'log' ? (['header filter', 'body filter', name] as const) : [name];
});

function directives({ directives: all, location }: Explanation, page: Page): void {
  page.heading('directives', `in effect in ${page.written(location)}`);
  if (all.length === 0) page.line('  no directives');
  const groups = new Map<string, DirectiveInForce[]>();
  for (const phase of ORDER) {
    const own = all.filter(({ phases }) => ORDER.find((each) => phases.includes(each)) === phase);
    if (own.length > 0) groups.set(phase, own);
  }
  const settings = all.filter(({ phases, used }) => phases.length === 0 && used);
  if (settings.length > 0) groups.set('settings', settings);
  const idle = all.filter(({ used }) => !used);
  if (idle.length > 0) groups.set('no effect here', idle);
  for (const [name, own] of groups) {
    page.line(`  ${name}`);
    page.table(
      own.flatMap((directive) => rowsOf(directive)),
      '    ',
    );
  }
}

function rowsOf({ statements, from, inherited, overrides }: DirectiveInForce): Row[] {
  const rows: Row[] = statements.map(({ text, at }) => ({
    text,
    at,
    ...(inherited && { remark: `inherited from ${from.text}` }),
  }));
  return [...rows, ...overrides.map(({ text, at }) => ({ text: `  overrides ${text}`, at }))];
}

function upstreamSection(upstream: ExplainedUpstream, page: Page): void {
  const { name, block, method, key, sticky, boundTo, rules, peers, order, following, requests } = upstream;
  const { style } = page;
  page.heading('upstream', page.written({ text: name, at: block?.at ?? null }));
  page.line(`  ${page.written(method)}${key === null ? '' : `, the key is ${quoted(key)}`}`);
  if (sticky !== null) {
    page.line(
      `  ${page.written(sticky)}: ${boundTo === null ? 'the client is not bound' : `the client is bound to ${boundTo}`}`,
    );
  }
  page.table(
    rules.map(({ directive: { text, at }, effect }) => ({ text, at, remark: effect })),
    '  ',
  );
  const [first] = requests;
  page.table(
    peers.map((peer) => ({
      text: peer.address,
      remark: [...aboutPeer(peer), whenAsked(peer, order, first?.address)].filter((each) => each !== '').join(', '),
      strong: peer.address === first?.address,
    })),
    '  ',
  );
  if (following.length > 0 && peers.length > 1) {
    const same = new Set(following).size === 1;
    page.line(
      `  ${style.faint('identical requests are sent to')} ${same ? `${following[0]} every time` : `${following.join(' ')} ...`}`,
    );
  }
  if (method.text.startsWith('random')) page.line(`  ${style.faint('chosen at random each time')}`);
  requests.forEach(({ address, head, body, answer: response }, i) => {
    page.line(
      `  ${i === 0 ? '' : 'then '}${style.strong(address)} receives${head === '' ? ' the bytes of the tunnel' : body > 0 ? `, with a body of ${body} bytes` : ''}`,
    );
    if (head !== '') page.head(head, '    ');
    if (response === '') return;
    page.line(`  ${style.faint('and is assumed to respond')}`);
    page.head(response, '    ');
  });
  if (requests.length === 0) page.line('  no server is available');
}

function aboutPeer({ weight, maxConns, maxFails, failTimeout, slowStart, backup, state }: ExplainedPeer): string[] {
  return [
    `weight ${weight}`,
    maxConns > 0 ? `max_conns ${maxConns}` : '',
    `max_fails ${maxFails} in ${failTimeout / 1000}s`,
    slowStart > 0 ? `slow_start ${slowStart / 1000}s` : '',
    backup ? 'backup' : '',
    state === 'up' ? '' : state,
  ];
}

function whenAsked({ address, why }: ExplainedPeer, order: readonly string[], chosen: string | undefined): string {
  if (address === chosen) return why === '' ? 'this request' : `this request: ${why}`;
  const i = order.indexOf(address);
  return [why, i <= 0 ? '' : `no. ${i + 1} if the previous ones fail`].filter((each) => each !== '').join(', ');
}

function cacheSection(cache: ExplainedCache, page: Page): void {
  const { zone, key, file, rules } = cache;
  page.heading('cache', page.written(zone));
  if (key !== null) page.line(`  ${page.style.faint('key ')} ${visible(key)}`);
  if (file !== null) page.line(`  ${page.style.faint('file')} ${visible(file)}`);
  for (const line of cacheText(cache)) page.line(`  ${visible(line)}`);
  page.table(
    rules.map(({ directive: { text, at }, effect }) => ({ text, at, remark: effect })),
    '  ',
  );
}

/** Maximum number of body characters shown. */
const MAX_BODY_SHOWN = 100;

function answer({ answer: { status, head, body, redirect, noWebSocket, stream } }: Explanation, page: Page): void {
  page.heading('response', status === 0 && head === '' ? 'none: the connection is closed' : '');
  if (head !== '') page.head(head, '  ');
  if (body !== '') {
    // The size line of the first chunk is framing, not content.
    const content = /^Transfer-Encoding: chunked/im.test(head) ? body.replace(/^[0-9a-f]+\r\n/i, '') : body;
    const [first = ''] = content.split(/[\r\n]/, 1);
    const line = first.slice(0, MAX_BODY_SHOWN);
    const more = content.length > line.length ? ' ...' : '';
    page.line(`  ${page.style.faint('body')} ${visible(line)}${more}`);
  }
  if (noWebSocket !== null) page.line(`  no WebSocket is opened: ${noWebSocket}`);
  if (stream !== null) streamRules(stream, page);
  if (redirect !== null) {
    const { from, to } = redirect;
    const same = from === to ? 'reaches the client unchanged' : `becomes ${visible(to)}`;
    page.line(`  ${page.style.faint('a redirect of the upstream server to')} ${visible(from)} ${same}`);
  }
}

function streamRules({ kind, unchanged, rules }: ExplainedStream, page: Page): void {
  const pace = kind === 'event stream' ? ', whose events are passed on at once' : '';
  const why = unchanged === null ? '' : ` and unchanged: ${unchanged}`;
  page.line(`  ${page.style.faint('begins')} ${kind === 'event stream' ? 'an' : 'a'} ${kind}${pace}${why}`);
  page.table(
    rules.map(({ directive: { text, at }, effect }) => ({ text, at, remark: effect })),
    '    ',
  );
}
