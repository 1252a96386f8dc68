/** Text of a configuration in nginx's language, in the canonical layout. */

import { assuming, atomsOf, type Condition } from '../conditions.js';
import { textOf } from '../crossplane/from-payload.js';
import type { Directive } from '../crossplane/payload.js';
import { apart, block, comments, directive } from '../directives.js';
import type { Configuration, Listener, Note, Route, Server, Upstream } from '../model.js';
import { type Cell, cellsOf } from './cells.js';
import { locationBody, NamedLocations } from './location.js';
import { MEDIA_TYPES } from './media-types.js';
import { Variables } from './variables.js';

export interface WriteOptions {
  /** Name of the source, for the first comment. */
  readonly name: string;
  /** NoteList to list in the text. */
  readonly listed: readonly Note[];
}

/** The text; bytes. */
export function write(configuration: Configuration, { name, listed }: WriteOptions): string {
  const variables = new Variables();
  const servers = configuration.servers.flatMap(splitByHost);
  const blocks = servers.map((server) => serverBlock(server, variables));
  const upstreams = configuration.upstreams.map(upstreamBlock);
  const isServingFiles = servers.some(({ routes }) => routes.some(({ action }) => action.do === 'files'));
  const isProxying = servers.some(({ routes }) => routes.some(({ action }) => action.do === 'proxy'));
  const http = [
    // The sources send paths as they are written.
    directive('absolute_redirect', 'off'),
    ...(isProxying ? PROXY_SETTINGS : []),
    ...configuration.http,
    ...(isServingFiles ? apart(MEDIA_TYPES) : []),
    ...variables.directives,
    ...upstreams.flatMap(apart),
    ...blocks.flatMap(apart),
  ];
  const events = configuration.main.some((each) => each.directive === 'events') ? [] : [block('events', [], [])];
  return textOf([
    ...comments([`Converted from ${name} by "tsproxy convert".`]),
    ...(listed.length === 0 ? [] : comments(['Not converted:', ...listed.map(listLine)])),
    ...apart([...configuration.main, ...events]),
    ...apart([block('http', [], http)]),
  ]);
}

function listLine({ line, message }: Note): string {
  return `- ${line > 0 ? `line ${line}: ` : ''}${message}`;
}

/** Settings of upstream connections that the sources have without being told. */
const PROXY_SETTINGS: readonly Directive[] = [
  directive('client_max_body_size', '0'),
  directive('proxy_buffering', 'off'),
  directive('proxy_request_buffering', 'off'),
  directive('proxy_redirect', 'off'),
];

function upstreamBlock({ name, servers, settings, comments: notes }: Upstream): Directive[] {
  return [
    ...comments(notes),
    block(
      'upstream',
      [name],
      [...settings, ...servers.map(({ address, parameters }) => directive('server', address, ...parameters))],
    ),
  ];
}

/** Directives that belong to locations. */
const OF_LOCATIONS: ReadonlySet<string> = new Set(['health_check', 'health_check_timeout']);

/** Moves settings that all routes have to the server. */
function withSharedSettings(server: Server): Server {
  const [first] = server.routes;
  if (first === undefined) return server;
  const keys = server.routes.map(({ settings }) => new Set(settings.map((each) => JSON.stringify(each))));
  const isShared = (each: Directive): boolean =>
    !OF_LOCATIONS.has(each.directive) && keys.every((own) => own.has(JSON.stringify(each)));
  const shared = first.settings.filter(isShared);
  const routes = server.routes.map((route) => ({
    ...route,
    settings: route.settings.filter((each) => !isShared(each)),
  }));
  return { ...server, routes, settings: [...server.settings, ...shared] };
}

function serverBlock(whole: Server, variables: Variables): Directive[] {
  const server = withSharedSettings(whole);
  const { listeners, names, routes, settings } = server;
  const fallback: Route = {
    when: { is: 'always' },
    action: { do: 'respond', status: 404 },
    edits: [],
    settings: [],
    comments: [],
  };
  const named = new NamedLocations(variables);
  const cells = cellsOf(routes, fallback);
  const isRest = ({ how, value }: Cell): boolean => how === 'prefix' && value === '/';
  const locations = [...cells.filter((cell) => !isRest(cell)), ...cells.filter(isRest)].map((cell) =>
    block('location', locationWords(cell), locationBody(cell.routes, variables, named)),
  );
  return [
    ...comments(server.comments),
    block(
      'server',
      [],
      [
        ...listeners.map(listenDirective),
        ...(names.length > 0 ? [directive('server_name', ...names)] : []),
        ...(listeners.some(({ http2 }) => http2) ? [directive('http2', 'on')] : []),
        ...settings,
        ...[...locations, ...named.blocks].flatMap((each) => apart([each])),
      ],
    ),
  ];
}

function listenDirective({ address, tls, proxyProtocol }: Listener): Directive {
  return directive('listen', address, ...(tls ? ['ssl'] : []), ...(proxyProtocol ? ['proxy_protocol'] : []));
}

function locationWords({ how, value, ignoreCase, isFinal }: Cell): string[] {
  switch (how) {
    case 'exact':
      return ['=', value];
    case 'regex':
      return [ignoreCase ? '~*' : '~', value];
    case 'prefix':
      return isFinal ? ['^~', value] : [value];
  }
}

/** Splits a server for all hosts by the hosts that its routes name, so that they become names of servers. */
function splitByHost(server: Server): Server[] {
  const { routes, names } = server;
  if (names.length > 0) return [server];
  const conditions = routes.flatMap(({ when, edits }) => [when, ...edits.map((edit) => edit.when)]);
  const lists = conditions.flatMap(atomsOf).flatMap((atom) => (atom.is === 'host' ? [atom.names] : []));
  const hosts = [...new Set(lists.flat())];
  if (hosts.length === 0) return [server];
  // Hosts that the same lists contain share a server.
  const groups = new Map<string, string[]>();
  for (const host of hosts) {
    const key = lists.map((list) => (contains(list, host) ? '1' : '0')).join('');
    groups.set(key, [...(groups.get(key) ?? []), host]);
  }
  const forHost = (host: string | null, own: readonly string[]): Server => {
    const decide = (condition: Condition): Condition =>
      assuming(condition, (atom) => (atom.is !== 'host' ? null : host !== null && contains(atom.names, host)));
    const decided = routes.map((route) => ({
      ...route,
      when: decide(route.when),
      edits: route.edits.map((edit) => ({ ...edit, when: decide(edit.when) })),
    }));
    const kept = decided.filter(({ when }) => when.is !== 'never');
    return {
      ...server,
      names: own,
      routes: kept.map((route) => ({ ...route, edits: route.edits.filter(({ when }) => when.is !== 'never') })),
      comments: host === null ? server.comments : [],
    };
  };
  // The first server is the default one.
  return [forHost(null, []), ...[...groups.values()].map((own) => forHost(own[0] ?? '', own))];
}

/** Whether a list of names has a host, or a pattern that contains it. */
function contains(list: readonly string[], host: string): boolean {
  return list.some(
    (name) =>
      name.toLowerCase() === host.toLowerCase() ||
      (name.startsWith('*.') && host.toLowerCase().endsWith(name.slice(1).toLowerCase())) ||
      (name.endsWith('.*') && host.toLowerCase().startsWith(name.slice(0, -1).toLowerCase())),
  );
}
