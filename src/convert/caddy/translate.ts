/** A Caddyfile as servers. */
import type { Directive } from '../crossplane/payload.js';
import { directive } from '../directives.js';
import { type AuxiliaryFile, type Configuration, type Listener, routeWith, type Server } from '../model.js';
import type { NoteList } from '../note-list.js';
import { addressOf, type GlobalPorts, globalPorts, type SiteAddress } from './addresses.js';
import { SiteHandlers } from './handlers.js';
import { Matchers } from './matchers.js';
import { parseCaddyfile, type ReadFiles, type Segment, type Site } from './parser.js';
import { ReverseProxies } from './reverse-proxy.js';

/** Global options about the program itself, and about certificates that are not obtained. */
const GLOBAL: ReadonlySet<string> = new Set([
  ...['http_port', 'https_port', 'auto_https', 'email', 'admin', 'debug', 'storage', 'acme_ca', 'acme_ca_root'],
  ...['acme_eab', 'acme_dns', 'cert_issuer', 'grace_period', 'shutdown_delay', 'local_certs', 'skip_install_trust'],
  ...['key_type', 'renew_interval', 'ocsp_interval', 'ocsp_stapling', 'persist_config', 'log', 'pki', 'on_demand_tls'],
]);

export function caddyConfiguration(text: string, read: ReadFiles, notes: NoteList): Configuration {
  const { options, sites } = parseCaddyfile(text, read, notes);
  for (const { name, line } of options) {
    if (!GLOBAL.has(name)) notes.missing(line, `the global option "${name}" is not converted`);
  }
  const ports = globalPorts(options);
  const proxies = new ReverseProxies(notes);
  const files: AuxiliaryFile[] = [];
  const servers = sites.flatMap((site) => siteServers(site, ports, proxies, files, notes));
  return {
    main: [],
    http: [directive('access_log', 'off'), directive('proxy_websocket', 'on')],
    upstreams: proxies.upstreams,
    servers: complete(servers, ports),
    files,
  };
}

function siteServers(
  site: Site,
  ports: GlobalPorts,
  proxies: ReverseProxies,
  files: AuxiliaryFile[],
  notes: NoteList,
): Server[] {
  const addresses = site.addresses.flatMap((written) => {
    const address = addressOf(written, site, ports);
    if (address === null) notes.missing(site.line, `the address "${written}" is not converted`);
    return address === null ? [] : [address];
  });
  const name = (addresses[0]?.host || 'site').replace(/[^\w.-]/g, '_');
  const handlers = new SiteHandlers(proxies, notes, name);
  handlers.site(site.body, new Matchers(notes, ''));
  files.push(...handlers.files);
  const settings = logSettings(site.body, notes);
  const groups = new Map<string, SiteAddress[]>();
  for (const address of addresses) {
    const key = `${address.bind} ${address.port} ${address.isTls}`;
    groups.set(key, [...(groups.get(key) ?? []), address]);
  }
  return [...groups.values()].map((group): Server => {
    const [first] = group;
    const isTls = first?.isTls === true;
    const names = group.some(({ host }) => host === '') ? [] : group.map(({ host }) => host);
    return {
      listeners: [listenerOf(first?.bind ?? '', first?.port ?? 0, isTls)],
      names,
      routes: handlers.routes,
      settings: [...(isTls ? tlsSettings(site, name, notes) : []), ...settings],
      comments: [],
    };
  });
}

function listenerOf(bind: string, port: number, isTls: boolean): Listener {
  const host = bind.includes(':') && !bind.startsWith('[') ? `[${bind}]` : bind;
  return { address: host === '' ? String(port) : `${host}:${port}`, ...(isTls && { tls: true, http2: true }) };
}

function logSettings(body: readonly Segment[], notes: NoteList): Directive[] {
  return body
    .filter(({ name }) => name === 'log')
    .map(({ block, line }) => {
      const output = block?.find(({ name }) => name === 'output')?.args ?? [];
      for (const { name, line: at } of block ?? []) {
        if (!['output', 'format', 'level'].includes(name)) notes.missing(at, `"${name}" of log is not converted`);
      }
      const [kind, file] = output;
      if (kind === 'file' && file !== undefined) return directive('access_log', file);
      if (kind !== undefined && !/^std(?:out|err)$|^discard$/.test(kind)) {
        notes.missing(line, `the log output "${kind}" is not converted`);
      }
      return kind === 'discard' ? directive('access_log', 'off') : directive('access_log', `/dev/${kind ?? 'stderr'}`);
    });
}

function tlsSettings(site: Site, name: string, notes: NoteList): Directive[] {
  const tls = site.body.find((each) => each.name === 'tls');
  const [certificate, key] = tls?.args ?? [];
  const settings: Directive[] = [];
  if (certificate !== undefined && key !== undefined) {
    settings.push(directive('ssl_certificate', certificate), directive('ssl_certificate_key', key));
  } else {
    const file = `certs/${name}`;
    settings.push(directive('ssl_certificate', `${file}.pem`), directive('ssl_certificate_key', `${file}.key`));
    notes.missing(
      tls?.line ?? site.line,
      `certificates are not obtained automatically; that of ${name} is read from ${file}.pem and ${file}.key`,
    );
  }
  for (const option of tls?.block ?? []) {
    if (option.name === 'protocols') {
      const versions = ['tls1.2', 'tls1.3'].slice(
        option.args[0] === 'tls1.3' ? 1 : 0,
        option.args[1] === 'tls1.2' ? 1 : 2,
      );
      settings.push(directive('ssl_protocols', ...versions.map((each) => each.replace('tls', 'TLSv'))));
    } else if (
      !['issuer', 'ca', 'dns', 'key_type', 'on_demand', 'ca_root', 'resolvers', 'alpn', 'curves'].includes(option.name)
    ) {
      notes.missing(option.line, `"${option.name}" of tls is not converted`);
    }
  }
  return settings;
}

/** Adds redirects to HTTPS, and servers for hosts that no site has. */
function complete(servers: readonly Server[], ports: GlobalPorts): Server[] {
  const all = [...servers];
  if (!ports.hasNoRedirects) {
    const secured = servers.filter(({ listeners, names }) => listeners[0]?.tls && names.length > 0);
    const plainNames = servers.flatMap(({ listeners, names }) =>
      listeners[0]?.address === String(ports.http) ? names : [],
    );
    const names = [...new Set(secured.flatMap((each) => each.names))].filter((name) => !plainNames.includes(name));
    if (names.length > 0) all.push(redirects(names, ports));
  }
  const byAddress = new Map<string, Server[]>();
  for (const server of all) {
    const address = server.listeners[0]?.address ?? '';
    byAddress.set(address, [...(byAddress.get(address) ?? []), server]);
  }
  return [...byAddress.values()].flatMap((same) => {
    const general = same.filter(({ names }) => names.length === 0);
    const named = same.filter(({ names }) => names.length > 0);
    // The first server of an address is the one of other hosts.
    return [...(general.length > 0 ? general : [otherHosts(named)]), ...named];
  });
}

function redirects(names: readonly string[], { http, https }: GlobalPorts): Server {
  const port = https === 443 ? '' : `:${https}`;
  const to = ['https://', { variable: 'host' }, port, { variable: 'request_uri' }].filter((part) => part !== '');
  const route = routeWith({ do: 'redirect', status: 308, to });
  return { listeners: [{ address: String(http) }], names, routes: [route], settings: [], comments: [] };
}

function otherHosts(servers: readonly Server[]): Server {
  const listeners = servers[0]?.listeners ?? [];
  const route = routeWith({ do: 'respond', status: 200, body: [] });
  const isTls = listeners[0]?.tls === true;
  return {
    listeners,
    names: [],
    routes: isTls ? [] : [route],
    settings: isTls ? [directive('ssl_reject_handshake', 'on')] : [],
    comments: ['Other hosts, for which Caddy has an empty response.'],
  };
}
