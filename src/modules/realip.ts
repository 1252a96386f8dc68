/** nginx's `ngx_http_realip_module`: replaces the client address with the one that a trusted proxy sends. */
import { custom, flag, word } from '../config/argument-types.js';
import type { CheckedBlock } from '../config/checked-config.js';
import { type Cidr, contains, ipBytes, ipText, parseCidr, unmapped } from '../config/cidr.js';
import type { Context } from '../config/directive.js';
import type { CheckContext } from '../config/module-declaration.js';
import type { Place } from '../config/place.js';
import { forwardedFor } from '../http/forwarded.js';
import { forwardedAddress } from '../http/forwarded-address.js';
import type { InetAddress } from '../net/inet-address.js';
import { PROXY_HEADER } from '../net/proxy-protocol-step.js';
import type { Exchange } from '../program/exchange.js';
import { type Compiler, defineModule, type Handler, type Scope } from '../program/module.js';
import { NEXT } from '../program/verdict.js';
import { HostNotFound, lookupHost } from '../upstream/host-lookup.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];

/** Trusted peers: clients of unix domain sockets, a network, or the addresses of a host. */
type Source = 'unix' | Cidr | { readonly host: string; readonly at: Place };

const source = custom<Source>('address | CIDR | unix: | hostname', 1, 1, ([w], c) => {
  if (w === undefined) throw new Error('one word: `min` and `max`');
  if (w.text === 'unix:') return 'unix';
  const parsed = parseCidr(w.text);
  if (parsed === null) {
    if (w.text === '' || w.text.includes('/')) {
      return c.fail(w, 'invalid-value', `host not found in set_real_ip_from "${w.text}"`, {
        help: 'it must be an address, a network such as 192.0.2.0/24 or 2001:db8::/32, "unix:" or a host name',
      });
    }
    return { host: w.text, at: c.place(w) };
  }
  if (parsed.meaningless) {
    c.report(w, 'no-effect', `low address bits of ${w.text} are meaningless`, { severity: 'warning' });
  }
  return parsed.cidr;
});

/** Set of trusted addresses; host names are resolved before the configuration is applied. */
class Trusted {
  private readonly networks: Cidr[] = [];
  private unix = false;

  constructor(sources: readonly Source[], compiler: Compiler) {
    for (const trusted of sources) {
      if (trusted === 'unix') this.unix = true;
      else if ('host' in trusted) compiler.await(this.lookUp(trusted.host, trusted.at, compiler));
      else this.networks.push(trusted);
    }
  }

  private async lookUp(host: string, at: Place, compiler: Compiler): Promise<void> {
    try {
      for (const address of await lookupHost(host)) {
        const bytes = ipBytes(address);
        if (bytes !== null) this.networks.push({ bytes, length: bytes.length * 8 });
      }
    } catch (error) {
      if (!(error instanceof HostNotFound)) throw error;
      compiler.fail(`${error.message} in set_real_ip_from "${host}"`, at);
    }
  }

  /** Whether an address is trusted; empty for a client of a unix domain socket. */
  readonly has = (address: readonly number[]): boolean => {
    if (address.length === 0) return this.unix;
    const bytes = unmapped(address);
    for (let i = 0; i < this.networks.length; i++) if (contains(this.networks[i] as Cidr, bytes)) return true;
    return false;
  };
}

/** The peer address of the client connection. */
function peerOf(x: Exchange): { readonly remoteAddress: string; readonly remotePort: number } {
  return (x.nested?.main ?? x).client;
}

/** Value of `real_ip_header` for the header of the PROXY protocol. */
const PROXY_PROTOCOL = 'proxy_protocol';

function compile(sources: readonly Source[], field: string, recursive: boolean, { compiler }: Scope): Handler | null {
  if (sources.length === 0) return null;
  const trusted = new Trusted(sources, compiler);
  const valuesOf = reader(field);
  return (x) => {
    const values = valuesOf(x);
    if (values.length === 0) return NEXT;
    const { remoteAddress, remotePort } = peerOf(x);
    // Evaluated once per request: a replaced address is not that of a proxy.
    if (x.remoteAddress !== remoteAddress || x.remotePort !== remotePort) return NEXT;
    const own: InetAddress = { bytes: ipBytes(remoteAddress) ?? [], port: remotePort };
    const found = forwardedAddress(own, values, trusted.has, recursive);
    if (found === own) return NEXT;
    x.remoteAddress = ipText(found.bytes);
    x.remotePort = field === PROXY_PROTOCOL ? (x.client.accepted?.get(PROXY_HEADER)?.port ?? 0) : found.port;
    return NEXT;
  };
}

/** Returns the function that reads the addresses from a request, the nearest proxy last. */
function reader(field: string): (x: Exchange) => readonly string[] {
  if (field === PROXY_PROTOCOL) return ({ client }) => firstLine(client.accepted?.get(PROXY_HEADER)?.address);
  const name = field.toLowerCase();
  if (name === 'forwarded') return ({ headers }) => forwardedFor(headers.all(name));
  // All X-Forwarded-For lines form one list; of other fields only the first line is used.
  if (field === 'X-Forwarded-For') return ({ headers }) => headers.all(name);
  return ({ headers }) => firstLine(headers.get(name));
}

function firstLine(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}

/** The part of `listen` that matters here. */
type Listens = readonly { readonly options: { readonly proxyProtocol: boolean } }[];

/** Reports `real_ip_header proxy_protocol` if no listener receives the header. An address gets it from any of its servers. */
function checkProxyProtocol(c: CheckContext): void {
  const [statement] = c.statements('real_ip_header');
  const field = statement?.args[0];
  const servers = c.all('server').filter(({ context }) => context === 'server');
  if (field?.text !== PROXY_PROTOCOL || servers.length === 0) return;
  const receives = ({ values }: CheckedBlock): boolean =>
    ((values.listen ?? []) as Listens).some(({ options }) => options.proxyProtocol);
  if (servers.some(receives)) return;
  c.report(
    field,
    'no-effect',
    '"real_ip_header proxy_protocol" has no effect: no address receives the PROXY protocol',
    {
      severity: 'warning',
      help: 'add "proxy_protocol" to the listen directives that the proxy in front connects to',
    },
  );
}

export default defineModule({
  name: 'realip',
  doc: 'Replaces the client address with the address in a header field that a trusted proxy or load balancer sends. `$remote_addr`, logs, `allow` and `deny`, `geo`, limits and load balancing use the new address.',
  directives: {
    set_real_ip_from: {
      contexts: CONTEXTS,
      takes: source,
      repeat: true,
      doc: 'Trusted addresses, networks or hosts; `unix:` trusts all connections over unix domain sockets. Host names are resolved when the configuration is loaded.',
      example: 'set_real_ip_from 192.168.1.0/24;',
    },
    real_ip_header: {
      contexts: CONTEXTS,
      takes: word('field | X-Real-IP | X-Forwarded-For | Forwarded | proxy_protocol', (w) => w.text),
      default: 'X-Real-IP',
      doc: 'Request header field that contains the client address, optionally with a port. `X-Forwarded-For` is a list, whose last address is used, and so is `Forwarded` (RFC 7239), with the addresses of its `for` parameters. `proxy_protocol` uses address and port of the PROXY protocol (`listen … proxy_protocol`).',
      example: 'real_ip_header X-Forwarded-For;',
      differs:
        '`Forwarded` is parsed as RFC 7239 defines it. In nginx it is a field like others, whose first line has to be an address.',
      differsFor: ([field]) => field?.toLowerCase() === 'forwarded',
    },
    real_ip_recursive: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether trusted addresses in the list are skipped, so that the last address that is not trusted is used.',
      example: 'real_ip_recursive on;',
    },
  },
  check: (_block, c) => checkProxyProtocol(c),
  variables: {
    realip_remote_addr: { get: (x) => peerOf(x).remoteAddress, doc: 'Original client address of the connection.' },
    realip_remote_port: {
      get: (x) => {
        const { remotePort } = peerOf(x);
        return remotePort > 0 ? String(remotePort) : '';
      },
      doc: 'Original client port of the connection.',
    },
  },
  phases: {
    postRead: {
      order: 100,
      compile: (conf, at) => compile(conf.set_real_ip_from, conf.real_ip_header, conf.real_ip_recursive, at),
    },
    preaccess: {
      order: 0,
      compile: (conf, at) => compile(conf.set_real_ip_from, conf.real_ip_header, conf.real_ip_recursive, at),
    },
  },
});
