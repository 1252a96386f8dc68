/** Text of a configuration in nginx's language, in the canonical layout. */

import { WEB_MEDIA_TYPES } from '../../http/web-media-types.js';
import { textOf } from '../crossplane/from-payload.js';
import type { Directive } from '../crossplane/payload.js';
import { apart, block, comments, directive } from '../directives.js';
import { type Configuration, type Listener, type Note, routeWith, type Server, type Upstream } from '../model.js';
import { type Cell, cellsOf } from './cells.js';
import { splitByHost } from './hosts.js';
import { locationBody, NamedLocations } from './location.js';
import { withoutRepeatedChecks, withSharedFields, withSharedSettings } from './sharing.js';
import { Variables } from './variables.js';

export interface WriteOptions {
  /** Name of the source, for the first comment. */
  readonly name: string;
  /** Notes to list in the text. */
  readonly listed: readonly Note[];
}

/** The text; bytes. */
export function write(configuration: Configuration, { name, listed }: WriteOptions): string {
  const variables = new Variables();
  const servers = configuration.servers.flatMap(splitByHost);
  const blocks = withoutRepeatedChecks(servers.map((server) => serverBlock(server, variables)));
  const upstreams = configuration.upstreams.map(upstreamBlock);
  const isServingFiles = servers.some(({ routes }) => routes.some(({ action }) => action.do === 'files'));
  const isProxying = servers.some(({ routes }) => routes.some(({ action }) => action.do === 'proxy'));
  const http = [
    // The sources send paths as they are written.
    directive('absolute_redirect', 'off'),
    ...(isProxying ? PROXY_SETTINGS : []),
    ...configuration.http,
    ...(isServingFiles ? apart([MEDIA_TYPES]) : []),
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

/** Media types of files, which nginx's language does not have by default. */
const MEDIA_TYPES = block(
  'types',
  [],
  WEB_MEDIA_TYPES.map((words) => directive(...words)),
);

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

function serverBlock(whole: Server, variables: Variables): Directive[] {
  const server = withSharedSettings(whole);
  const { listeners, names, routes, settings } = server;
  const named = new NamedLocations(variables);
  const cells = cellsOf(routes, routeWith({ do: 'respond', status: 404 }));
  const isRest = ({ how, value }: Cell): boolean => how === 'prefix' && value === '/';
  const locations = [...cells.filter((cell) => !isRest(cell)), ...cells.filter(isRest)].map((cell) =>
    block('location', locationWords(cell), locationBody(cell.routes, variables, named)),
  );
  const parts = withSharedFields([...locations, ...named.blocks]);
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
        ...parts.shared,
        ...parts.locations.flatMap((each) => apart([each])),
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
