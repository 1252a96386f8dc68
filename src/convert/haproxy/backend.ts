/** Servers of a `backend` or `listen` as an upstream. */
import type { Directive } from '../crossplane/payload.js';
import { block, directive, ROOT_CERTIFICATES } from '../directives.js';
import type { Upstream } from '../model.js';
import { fieldVariable } from '../names.js';
import type { NoteList } from '../note-list.js';
import { duration } from './durations.js';
import type { Line, Section } from './parser.js';

export interface BackendServers {
  /** Null without servers. */
  readonly upstream: Upstream | null;
  readonly scheme: 'http' | 'https';
  /** Directives of its locations. */
  readonly settings: readonly Directive[];
  /** Directives of the `http` block. */
  readonly http: readonly Directive[];
}

/** Parameters without an equivalent that is needed, with the number of their values. */
const IGNORED: Readonly<Record<string, number>> = {
  rise: 1,
  fall: 1,
  inter: 1,
  fastinter: 1,
  downinter: 1,
  id: 1,
  observe: 1,
  'error-limit': 1,
  'on-error': 1,
  'on-marked-down': 1,
  'on-marked-up': 1,
  'init-addr': 1,
  resolvers: 1,
  'resolve-prefer': 1,
  minconn: 1,
  maxqueue: 1,
  'pool-max-conn': 1,
  'pool-purge-delay': 1,
  'pool-low-conn': 1,
  'agent-port': 1,
  alpn: 1,
  'check-alpn': 1,
  'check-sni': 1,
  'no-check': 0,
  'check-ssl': 0,
  'no-check-ssl': 0,
  enabled: 0,
  stick: 0,
  'non-stick': 0,
  tfo: 0,
};

interface ParsedServer {
  readonly address: string;
  readonly parameters: readonly string[];
  readonly isChecked: boolean;
  readonly isTls: boolean;
  readonly tls: ReadonlyMap<string, string>;
  readonly maxConnections: boolean;
  readonly interval: string | null;
}

export function backendServers(section: Section, notes: NoteList): BackendServers {
  const { lines } = section;
  const last = (name: string): Line | undefined => lines.findLast(({ words }) => words[0] === name);
  const defaults = lines.filter(({ words }) => words[0] === 'default-server').flatMap(({ words }) => words.slice(1));
  const cookie = last('cookie');
  const stickiness = cookie === undefined ? null : stickyCookie(cookie, notes);
  const servers = lines
    .filter(({ words }) => words[0] === 'server')
    .map(({ words, line }) => parseServer(words, defaults, line, stickiness !== null, notes));
  for (const { words, line } of lines) {
    if (words[0] === 'server-template' || words[0] === 'use-server') {
      notes.missing(line, `"${words[0]}" is not converted`);
    }
  }
  const [first] = servers;
  if (first === undefined) return { upstream: null, scheme: 'http', settings: [], http: [] };
  const settings: Directive[] = [];
  const isTls = servers.some((server) => server.isTls);
  if (isTls) {
    if (!servers.every((server) => server.isTls)) {
      notes.missing(section.line, `backend "${section.name}": servers with and without TLS are used with TLS`);
    }
    settings.push(...tlsSettings(first.tls));
  }
  const balance = balancing(last('balance'), last('hash-type'), notes);
  const hasLimit = servers.some(({ maxConnections }) => maxConnections);
  const wait = duration(
    last('timeout queue')?.words[2] ?? timeoutOf(lines, 'queue') ?? timeoutOf(lines, 'connect') ?? undefined,
  );
  const queue = hasLimit ? [directive('queue', '10000', ...(wait === null ? [] : [`timeout=${wait}`]))] : [];
  const redispatches = lines.some(({ words }) => words[0] === 'option' && words[1] === 'redispatch');
  if (servers.length > 1 && !redispatches) settings.push(directive('proxy_next_upstream', 'off'));
  const checks = healthChecks(section, servers, notes);
  return {
    upstream: {
      name: section.name.replace(/[^\w.-]/g, '_'),
      servers: servers.map(({ address, parameters }) => ({ address, parameters })),
      settings: [...balance, ...(stickiness === null ? [] : [stickiness]), ...queue],
      comments: [],
    },
    scheme: isTls ? 'https' : 'http',
    settings: [...settings, ...checks.settings],
    http: checks.http,
  };
}

export function timeoutOf(lines: readonly Line[], name: string): string | undefined {
  return lines.findLast(({ words }) => words[0] === 'timeout' && words[1] === name)?.words[2];
}

function parseServer(
  words: readonly string[],
  defaults: readonly string[],
  line: number,
  isSticky: boolean,
  notes: NoteList,
): ParsedServer {
  const [, name = '', written = '', ...own] = words;
  const parameters: string[] = ['max_fails=0'];
  const tls = new Map<string, string>();
  let isChecked = false;
  let isTls = false;
  let maxConnections = false;
  let interval: string | null = null;
  let route = '';
  const options = [...defaults, ...own];
  for (let at = 0; at < options.length; at++) {
    const option = options[at] ?? '';
    const value = options[at + 1] ?? '';
    if (option === 'inter') interval = duration(value);
    if (option === 'check') isChecked = true;
    else if (option === 'no-check') isChecked = false;
    else if (option === 'ssl') isTls = true;
    else if (option === 'no-ssl') isTls = false;
    else if (option === 'backup') parameters.push('backup');
    else if (option === 'disabled') parameters.push('down');
    else if (option in IGNORED) at += IGNORED[option] ?? 0;
    else if (/^(?:verify|sni|ca-file|crt|verifyhost)$/.test(option)) {
      tls.set(option, value);
      at++;
    } else if (/^(?:weight|maxconn|cookie|slowstart)$/.test(option)) {
      at++;
      if (option === 'weight') parameters.push(value === '0' ? 'drain' : `weight=${value}`);
      else if (option === 'maxconn') {
        parameters.push(`max_conns=${value}`);
        maxConnections = true;
      } else if (option === 'slowstart') parameters.push(`slow_start=${duration(value) ?? value}`);
      else route = value;
    } else {
      notes.missing(line, `"${option}" of server "${name}" is not converted`);
      if (options[at + 1] !== undefined && !/^[a-z][a-z-]*$/.test(value)) at++;
    }
  }
  if (isSticky && route !== '') parameters.push(`route=${route}`);
  const distinct = parameters.filter(
    (parameter, index) => !parameters.slice(index + 1).some((later) => later.split('=')[0] === parameter.split('=')[0]),
  );
  return { address: addressOf(written, isTls), parameters: distinct, isChecked, isTls, tls, maxConnections, interval };
}

function addressOf(written: string, isTls: boolean): string {
  const address = written.replace(/^(?:ipv[46]|mptcp[46]?)@/, '').replace(/^unix@/, 'unix:');
  if (address.startsWith('unix:') || address.startsWith('/'))
    return address.startsWith('/') ? `unix:${address}` : address;
  return isTls && !/:\d+$/.test(address) ? `${address}:443` : address;
}

function tlsSettings(tls: ReadonlyMap<string, string>): Directive[] {
  const settings: Directive[] = [];
  const sni = tls.get('sni');
  const fixed = /^str\(([^)]*)\)$/.exec(sni ?? '')?.[1];
  if (fixed !== undefined) settings.push(directive('proxy_ssl_server_name', 'on'), directive('proxy_ssl_name', fixed));
  else if (sni !== undefined)
    settings.push(directive('proxy_ssl_server_name', 'on'), directive('proxy_ssl_name', '$host'));
  // Certificates are verified by default.
  if (tls.get('verify') !== 'none') {
    settings.push(directive('proxy_ssl_verify', 'on'));
    const file = tls.get('ca-file');
    const isSystem = file === undefined || file === '@system-ca';
    settings.push(directive('proxy_ssl_trusted_certificate', isSystem ? ROOT_CERTIFICATES : file));
  }
  const certificate = tls.get('crt');
  if (certificate !== undefined) {
    settings.push(directive('proxy_ssl_certificate', certificate), directive('proxy_ssl_certificate_key', certificate));
  }
  return settings;
}

function balancing(balance: Line | undefined, hashType: Line | undefined, notes: NoteList): Directive[] {
  if (balance === undefined) return [];
  const [, algorithm = '', ...args] = balance.words;
  const consistent = hashType?.words[1] === 'consistent' ? ['consistent'] : [];
  const [, name = '', argument] = /^([\w-]+)(?:\(([^)]*)\))?$/.exec(algorithm) ?? [];
  switch (name) {
    case 'roundrobin':
    case 'static-rr':
      return [];
    case 'leastconn':
      return [directive('least_conn')];
    case 'source':
      return [directive('hash', '$remote_addr', ...consistent)];
    case 'uri':
      return [directive('hash', args.includes('whole') ? '$request_uri' : '$uri', ...consistent)];
    case 'url_param':
      return [directive('hash', `$arg_${args[0] ?? ''}`, ...consistent)];
    case 'hdr':
      return [directive('hash', `$http_${fieldVariable(argument ?? '')}`, ...consistent)];
    case 'random':
      return [directive('random', ...(argument === '1' ? [] : ['two']))];
    default:
      notes.missing(balance.line, `"balance ${algorithm}" is not converted; requests are distributed in turn`);
      return [];
  }
}

function stickyCookie({ words, line }: Line, notes: NoteList): Directive | null {
  const [, name = '', ...options] = words;
  if (!options.includes('insert')) {
    notes.missing(line, 'only "cookie … insert" is converted');
    return null;
  }
  const parameters = ['path=/'];
  for (let at = 0; at < options.length; at++) {
    const option = options[at] ?? '';
    if (option === 'httponly' || option === 'secure') parameters.push(option);
    else if (option === 'domain') parameters.push(`domain=${options[++at] ?? ''}`);
    else if (!/^(?:insert|indirect|nocache|postonly|preserve)$/.test(option)) {
      notes.missing(line, `"${option}" of cookie is not converted`);
      if (/^(?:maxidle|maxlife|attr|dynamic)$/.test(option)) at++;
    }
  }
  return directive('sticky', 'cookie', name, ...parameters);
}

function healthChecks(
  { lines, name }: Section,
  servers: readonly ParsedServer[],
  notes: NoteList,
): { settings: Directive[]; http: Directive[] } {
  if (!servers.some(({ isChecked }) => isChecked)) return { settings: [], http: [] };
  const option = lines.findLast(({ words }) => words[0] === 'option' && /^(?:httpchk|tcp-check)$/.test(words[1] ?? ''));
  const words = [
    `interval=${servers.find(({ interval }) => interval !== null)?.interval ?? '2s'}`,
    'fails=3',
    'passes=2',
  ];
  if (option?.words[1] !== 'httpchk') return { settings: [directive('health_check', ...words, 'type=tcp')], http: [] };
  const [, , first, second] = option.words;
  const sent = lines.findLast((line) => line.words[0] === 'http-check' && line.words[1] === 'send')?.words ?? [];
  const uri = sent.includes('uri')
    ? sent[sent.indexOf('uri') + 1]
    : (second ?? (first?.startsWith('/') ? first : undefined));
  if (uri !== undefined) words.push(`uri=${uri}`);
  const http: Directive[] = [];
  for (const { words: check, line } of lines.filter((each) => each.words[0] === 'http-check')) {
    if (check[1] === 'send') continue;
    if (check[1] === 'expect' && check[2] === 'status' && check[3] !== undefined) {
      const match = `${name.replace(/\W/g, '_')}_check`;
      http.push(block('match', [match], [directive('status', ...check[3].split(','))]));
      words.push(`match=${match}`);
    } else notes.missing(line, `"${check.slice(0, 3).join(' ')}" is not converted`);
  }
  return { settings: [directive('health_check', ...words)], http };
}
