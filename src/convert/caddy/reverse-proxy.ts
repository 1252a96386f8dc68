/** `reverse_proxy` as an upstream with a route. */
import { ALWAYS } from '../conditions.js';
import type { Directive } from '../crossplane/payload.js';
import { directive, ROOT_CERTIFICATES } from '../directives.js';
import type { Edit, FieldEdit, Template, Upstream } from '../model.js';
import { fieldVariable, freeName, nameFrom } from '../names.js';
import type { NoteList } from '../note-list.js';
import { duration } from './durations.js';
import { headerEdit } from './header-edits.js';
import type { Segment } from './parser.js';
import { templateOf } from './placeholders.js';

export interface ProxyTarget {
  readonly scheme: 'http' | 'https';
  readonly to: string | Template;
  readonly host: 'client' | 'target' | Template;
  readonly edits: readonly Edit[];
  readonly settings: readonly Directive[];
}

/** Policies whose module has a directive. */
const POLICIES: Readonly<Record<string, (args: readonly string[]) => readonly Directive[] | null>> = {
  random: () => [directive('random')],
  random_choose: () => [directive('random', 'two')],
  round_robin: () => [],
  weighted_round_robin: () => [],
  least_conn: () => [directive('least_conn')],
  ip_hash: () => [directive('ip_hash')],
  client_ip_hash: () => [directive('ip_hash')],
  first: () => [],
  uri_hash: () => [directive('hash', '$request_uri')],
  header: ([field]) => (field === undefined ? null : [directive('hash', `$http_${fieldVariable(field)}`)]),
  query: ([name]) => (name === undefined ? null : [directive('hash', `$arg_${name}`)]),
  cookie: ([name = 'lb']) => [directive('sticky', 'cookie', name)],
};

/** Subdirectives without an equivalent that is needed: responses are not buffered anyway. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  ...['flush_interval', 'buffer_requests', 'buffer_responses', 'request_buffers', 'response_buffers'],
  ...['max_buffer_size', 'stream_timeout', 'stream_close_delay', 'lb_try_interval', 'unhealthy_request_count'],
]);

export class ReverseProxies {
  readonly upstreams: Upstream[] = [];
  /** Names of the upstreams. */
  private readonly names = new Set<string>();

  constructor(private readonly notes: NoteList) {}

  /** Null if there is no upstream that can be converted. */
  target(segment: Segment, args: readonly string[]): ProxyTarget | null {
    const { notes } = this;
    const addresses = [...args];
    const edits: FieldEdit[] = forwardedFields();
    const settings: Directive[] = [];
    const parameters: string[] = [];
    let host: ProxyTarget['host'] = 'client';
    let policy: Segment | null = null;
    let retries = false;
    let isTls = false;
    let serverName: string | null = null;
    const health = new Map<string, string>();
    for (const each of segment.block ?? []) {
      const [first, ...rest] = each.args;
      if (WITHOUT_EFFECT.has(each.name)) continue;
      if (each.name === 'to') addresses.push(...each.args);
      else if (each.name === 'lb_policy') policy = each;
      else if (each.name === 'lb_try_duration' || each.name === 'lb_retries') retries = true;
      else if (each.name === 'header_up' && /^host$/i.test(first ?? '')) {
        const value = rest[0] ?? '';
        const isTarget = /^\{(?:upstream_hostport|http\.reverse_proxy\.upstream\.(?:hostport|host))\}$/.test(value);
        const template = isTarget ? null : templateOf(value, () => {});
        if (isTarget) host = 'target';
        else if (template !== null) host = template;
        else notes.missing(each.line, `header_up Host "${value}" is not converted`);
      } else if (each.name === 'header_up' || each.name === 'header_down') {
        const change = each.name === 'header_up' ? 'request' : 'response';
        const edit = headerEdit(change, each.args, each, ALWAYS, notes);
        if (edit !== null) edits.push(edit);
      } else if (each.name.startsWith('health_')) health.set(each.name.slice(7), each.args.join(' '));
      else if (each.name === 'max_fails' && first !== undefined) parameters.push(`max_fails=${first}`);
      else if (each.name === 'fail_duration' && duration(first) !== null)
        parameters.push(`fail_timeout=${duration(first)}`);
      else if (each.name === 'unhealthy_latency' || each.name === 'unhealthy_status') {
        notes.missing(each.line, `"${each.name}" of reverse_proxy is not converted`);
      } else if (each.name === 'transport' && first === 'http') {
        for (const option of each.block ?? []) {
          if (option.name === 'tls') isTls = true;
          else if (option.name === 'tls_server_name') {
            isTls = true;
            serverName = option.args[0] ?? null;
          } else this.transport(option, settings);
        }
      } else {
        notes.missing(each.line, `"${each.name}" of reverse_proxy is not converted`);
      }
    }
    if ((segment.block ?? []).some(({ name }) => name === 'fail_duration')) {
      if (!parameters.some((each) => each.startsWith('max_fails='))) parameters.unshift('max_fails=1');
    } else parameters.unshift('max_fails=0');
    return this.assembled(segment, addresses, {
      edits,
      settings,
      host,
      policy,
      retries,
      isTls,
      serverName,
      health,
      parameters: parameters.filter(
        (each, index) => !(index > 0 && each.startsWith('max_fails=') && parameters[0] === 'max_fails=0'),
      ),
    });
  }

  private transport({ name, args, line }: Segment, settings: Directive[]): void {
    const [first] = args;
    const time = duration(first);
    if (name === 'dial_timeout' && time !== null) settings.push(directive('proxy_connect_timeout', time));
    else if ((name === 'response_header_timeout' || name === 'read_timeout') && time !== null) {
      settings.push(directive('proxy_read_timeout', time));
    } else if (name === 'write_timeout' && time !== null) settings.push(directive('proxy_send_timeout', time));
    else if (name === 'tls_insecure_skip_verify') settings.push(directive('proxy_ssl_verify', 'off'));
    else if (name === 'tls_trusted_ca_certs' && first !== undefined) {
      settings.push(directive('proxy_ssl_trusted_certificate', first));
    } else if (
      !/^(?:keepalive|compression|read_buffer|write_buffer|max_conns_per_host|expect_continue_timeout)/.test(name)
    ) {
      this.notes.missing(line, `"${name}" of the transport is not converted`);
    }
  }

  private assembled(
    segment: Segment,
    written: readonly string[],
    parts: {
      readonly edits: readonly Edit[];
      readonly settings: Directive[];
      readonly host: ProxyTarget['host'];
      readonly policy: Segment | null;
      readonly retries: boolean;
      readonly isTls: boolean;
      readonly serverName: string | null;
      readonly health: ReadonlyMap<string, string>;
      readonly parameters: readonly string[];
    },
  ): ProxyTarget | null {
    const { notes } = this;
    const addresses = written.map(addressOf);
    const [first] = addresses;
    if (first === undefined) {
      notes.missing(segment.line, 'reverse_proxy has no upstream that is written in it');
      return null;
    }
    const scheme = parts.isTls || first.scheme === 'https' ? 'https' : 'http';
    const settings = [...parts.settings];
    if (scheme === 'https') {
      const verifies = !settings.some(({ directive: name }) => name === 'proxy_ssl_verify');
      const name = parts.serverName ?? first.name;
      settings.push(directive('proxy_ssl_server_name', 'on'), directive('proxy_ssl_name', name));
      if (verifies) {
        settings.push(directive('proxy_ssl_verify', 'on'));
        if (!settings.some(({ directive: each }) => each === 'proxy_ssl_trusted_certificate')) {
          settings.push(directive('proxy_ssl_trusted_certificate', ROOT_CERTIFICATES));
        }
      }
    }
    if (addresses.some((each) => each.scheme === 'h2c')) settings.push(directive('proxy_http_version', '2'));
    const { edits, host } = parts;
    const rest = { scheme, host, edits } as const;
    if (addresses.length === 1 && parts.health.size === 0 && parts.parameters[0] === 'max_fails=0') {
      if (!first.address.includes('{')) return { ...rest, to: first.address, settings };
      const to = templateOf(first.address, (placeholder) =>
        notes.missing(segment.line, `the placeholder ${placeholder} in an upstream has no variable`),
      );
      return to === null ? null : { ...rest, to, settings };
    }
    if (addresses.some(({ address }) => address.includes('{'))) {
      notes.missing(segment.line, 'placeholders in several upstreams are not converted');
      return null;
    }
    if (!parts.retries && addresses.length > 1) settings.push(directive('proxy_next_upstream', 'off'));
    settings.push(...this.healthCheck(segment, parts.health));
    return { ...rest, to: this.upstream(segment, addresses, parts.policy, parts.parameters), settings };
  }

  private upstream(
    segment: Segment,
    addresses: readonly UpstreamAddress[],
    policy: Segment | null,
    parameters: readonly string[],
  ): string {
    const [chosen = 'random', ...args] = policy?.args ?? [];
    let settings = addresses.length === 1 ? [] : (POLICIES[chosen]?.(args) ?? null);
    if (settings === null) {
      this.notes.missing(
        policy?.line ?? segment.line,
        `the policy "${chosen}" is not converted; requests are distributed in turn`,
      );
      settings = [];
    }
    const weights = chosen === 'weighted_round_robin' ? args : [];
    const servers = addresses.map(({ address }, index) => ({
      address: address.replace(/:$/, ''),
      parameters: [
        ...(weights[index] === undefined ? [] : [`weight=${weights[index]}`]),
        ...parameters,
        ...(chosen === 'first' && index > 0 ? ['backup'] : []),
      ],
    }));
    const name = freeName(`${nameFrom(addresses[0]?.name ?? '', 'upstream')}_servers`, this.names);
    this.upstreams.push({ name, servers, settings, comments: [] });
    return name;
  }

  private healthCheck({ line }: Segment, health: ReadonlyMap<string, string>): Directive[] {
    if (health.size === 0) return [];
    const words: string[] = [];
    const uri = health.get('uri') ?? health.get('path');
    if (uri !== undefined) words.push(`uri=${uri}`);
    words.push(`interval=${duration(health.get('interval')) ?? '30s'}`);
    if (health.has('port')) words.push(`port=${health.get('port')}`);
    for (const name of health.keys()) {
      if (!['uri', 'path', 'interval', 'port', 'timeout'].includes(name)) {
        this.notes.missing(line, `"health_${name}" is not converted`);
      }
    }
    const timeout = duration(health.get('timeout'));
    return [
      directive('health_check', ...words),
      ...(timeout === null ? [] : [directive('health_check_timeout', timeout)]),
    ];
  }
}

function forwardedFields(): FieldEdit[] {
  const fields: readonly (readonly [string, string])[] = [
    ['X-Forwarded-For', 'remote_addr'],
    ['X-Forwarded-Proto', 'scheme'],
    ['X-Forwarded-Host', 'http_host'],
  ];
  return fields.map(([name, variable]) => ({
    change: 'request',
    how: 'set',
    name,
    value: [{ variable }],
    when: ALWAYS,
  }));
}

interface UpstreamAddress {
  readonly scheme: string;
  /** For `proxy_pass` and `server`. */
  readonly address: string;
  /** The host without its port. */
  readonly name: string;
}

function addressOf(written: string): UpstreamAddress {
  const socket = /^unix\/\/?(\/?.*)$/.exec(written)?.[1];
  if (socket !== undefined) {
    const path = socket.startsWith('/') ? socket : `/${socket}`;
    return { scheme: 'http', address: `unix:${path}:`, name: 'localhost' };
  }
  const [, scheme = 'http', rest = ''] = /^(?:(\w+):\/\/)?(.*)$/.exec(written) ?? [];
  const address = rest.startsWith(':') ? `localhost${rest}` : rest;
  const isBare = !/:\d+$/.test(address) && !address.includes('{');
  const port = isBare ? `:${scheme === 'https' ? 443 : 80}` : '';
  return {
    scheme,
    address: `${address}${scheme === 'https' && isBare ? port : ''}`,
    name: address.replace(/:\d+$/, ''),
  };
}
