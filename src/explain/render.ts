/** An explanation as text for a person. */
import { COLOURED, PLAIN } from '../diagnostics/style.js';
import type {
  DirectiveInForce,
  ExplainedPeer,
  ExplainedUpstream,
  Explanation,
  ServerReason,
  WrittenPlace,
} from './explanation.js';
import { Page, quoted, type Row, visible } from './page.js';
import { renderSteps } from './render-steps.js';

export interface RenderOptions {
  /** Use colours: for a terminal whose user has not set NO_COLOR. */
  readonly color?: boolean;
  /** How the name of a file is shown; as it is unless given. */
  readonly file?: (name: string) => string;
}

const NAME_REASONS: Readonly<Record<ServerReason, string>> = {
  exact: 'an exact name goes before all others',
  'leading wildcard': 'no exact name fits; the longest wildcard in front holds',
  'trailing wildcard': 'no exact name and no wildcard in front fits; the longest wildcard behind holds',
  regex: 'no name fits but by a regular expression; the first that matches holds',
  default: 'the default server of the address: no name fits',
  refused: 'the default server of the address: the request is refused before names are looked at',
};

/** The text; ends in a line break. */
export function renderExplanation(explanation: Explanation, { color = false, file }: RenderOptions = {}): string {
  const page = new Page({ style: color ? COLOURED : PLAIN, file: file ?? ((name) => name) });
  const { request, assumptions, upstreams } = explanation;
  page.line(`${page.style.strong(visible(request.line))}  from ${request.from}`);
  if (request.body > 0) page.line(`with a body of ${request.body} bytes`);
  whereTo(explanation, page);
  page.heading('what happens');
  renderSteps(explanation, page);
  directives(explanation, page);
  for (const upstream of upstreams) upstreamSection(upstream, page);
  answer(explanation, page);
  if (assumptions.length > 0) {
    page.heading('taken for granted');
    for (const each of assumptions) page.line(`  ${visible(each)}`);
  }
  return page.toString();
}

function samePlace(a: WrittenPlace | null, b: WrittenPlace | null): boolean {
  return a?.line === b?.line && a?.column === b?.column && a?.file === b?.file;
}

/** Other servers of the address that are named; all are in the JSON. */
const MOST_SERVERS = 10;

function whereTo({ listener, server }: Explanation, page: Page): void {
  const { style } = page;
  page.line();
  const listen = listener.listen === null ? '' : `  ${page.written(listener.listen)}`;
  page.line(`${style.strong('listener')}  ${listener.address}${listen}`);
  page.line(`          ${listener.why}`);
  if (listener.others.length > 0) page.line(`          others: ${listener.others.join(', ')}`);
  page.line(`${style.strong('server')}    ${page.written({ ...server, text: server.name || server.text })}`);
  if (server.matched !== null) {
    page.line(
      `          the host ${quoted(server.host)} fits its name ${quoted(server.matched)}: ${NAME_REASONS[server.why]}`,
    );
  } else page.line(`          ${NAME_REASONS[server.why]}${server.why === 'default' ? ` ${quoted(server.host)}` : ''}`);
  const others = server.considered.filter(({ server: { at } }) => !samePlace(at, server.at));
  for (const { server: other, names, default: isDefault } of others.slice(0, MOST_SERVERS)) {
    const called = names.map((name) => (name === '' ? '""' : visible(name))).join(' ');
    page.line(
      `          ${style.faint('not')} ${page.written({ text: called, at: other.at })}${isDefault ? ', the default' : ''}`,
    );
  }
  const more = others.length - MOST_SERVERS;
  if (more > 0) page.line(`          ${style.faint('not')} ${more} more`);
}

/** The order in which phases are shown. */
const ORDER: readonly DirectiveInForce['phases'][number][] = [
  'postRead',
  'serverRewrite',
  'rewrite',
  'preaccess',
  'access',
  'precontent',
  'content',
  'header filter',
  'body filter',
  'log',
];

function directives({ directives: all, location }: Explanation, page: Page): void {
  page.heading('in force', `in ${page.written(location)}`);
  if (all.length === 0) page.line('  nothing is written');
  const groups = new Map<string, DirectiveInForce[]>();
  for (const phase of ORDER) {
    const own = all.filter(({ phases }) => ORDER.find((each) => phases.includes(each)) === phase);
    if (own.length > 0) groups.set(phase, own);
  }
  const settings = all.filter(({ phases, used }) => phases.length === 0 && used);
  if (settings.length > 0) groups.set('settings', settings);
  const idle = all.filter(({ used }) => !used);
  if (idle.length > 0) groups.set('without effect here', idle);
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
  const { name, block, method, key, peers, order, following, requests } = upstream;
  const { style } = page;
  page.heading('upstream', page.written({ text: name, at: block?.at ?? null }));
  page.line(`  ${page.written(method)}${key === null ? '' : `, the key is ${quoted(key)}`}`);
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
      `  ${style.faint('requests like this one go to')} ${same ? `${following[0]}, all of them` : `${following.join(' ')} ...`}`,
    );
  }
  if (method.text.startsWith('random')) page.line(`  ${style.faint('drawn at random each time')}`);
  requests.forEach(({ address, head, body, answer: got }, i) => {
    page.line(
      `  ${i === 0 ? '' : 'then '}${style.strong(address)} gets${body > 0 ? `, with ${body} bytes of body` : ''}`,
    );
    page.head(head, '    ');
    if (got === '') return;
    page.line(`  ${style.faint('and is assumed to answer')}`);
    page.head(got, '    ');
  });
  if (requests.length === 0) page.line('  no server of it may be asked');
}

function aboutPeer({ weight, maxConns, maxFails, failTimeout, backup, state }: ExplainedPeer): string[] {
  return [
    `weight ${weight}`,
    maxConns > 0 ? `max_conns ${maxConns}` : '',
    `max_fails ${maxFails} in ${failTimeout / 1000}s`,
    backup ? 'backup' : '',
    state === 'up' ? '' : state,
  ];
}

function whenAsked({ address }: ExplainedPeer, order: readonly string[], chosen: string | undefined): string {
  if (address === chosen) return 'this request';
  const i = order.indexOf(address);
  return i <= 0 ? '' : `no. ${i + 1} if those before fail`;
}

/** Characters of a body that are shown. */
const BODY_SHOWN = 100;

function answer({ answer: { status, head, body, redirect, noWebSocket } }: Explanation, page: Page): void {
  page.heading('answer', status === 0 && head === '' ? 'none: the connection is closed' : '');
  if (head !== '') page.head(head, '  ');
  if (body !== '') {
    // The size of the first chunk is no part of what is said.
    const said = /^Transfer-Encoding: chunked/im.test(head) ? body.replace(/^[0-9a-f]+\r\n/i, '') : body;
    const [first = ''] = said.split(/[\r\n]/, 1);
    const line = first.slice(0, BODY_SHOWN);
    const more = said.length > line.length ? ' ...' : '';
    page.line(`  ${page.style.faint('body')} ${visible(line)}${more}`);
  }
  if (noWebSocket !== null) page.line(`  no WebSocket is opened: ${noWebSocket}`);
  if (redirect !== null) {
    const { from, to } = redirect;
    const same = from === to ? 'reaches the client as it is' : `becomes ${visible(to)}`;
    page.line(`  ${page.style.faint('a redirect of the upstream to')} ${visible(from)} ${same}`);
  }
}
