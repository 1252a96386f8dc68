/** nginx's `ngx_http_realip_module`: the client's address as a trusted proxy in front reports it. */
import { custom, flag, word } from '../config/argument-types.js';
import type { Place } from '../config/checked-config.js';
import { type Cidr, contains, ipBytes, ipText, parseCidr, unmapped } from '../config/cidr.js';
import type { Context } from '../config/directive.js';
import type { Exchange } from '../exchange/exchange.js';
import { type Compiler, defineModule, type Handler, type Scope } from '../exchange/module.js';
import { NEXT } from '../exchange/verdict.js';
import { forwardedAddress } from '../http/forwarded-address.js';
import type { InetAddress } from '../http/inet-address.js';
import { HostNotFound, lookupHost } from '../upstream/host-lookup.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];

/** Whom to believe: who comes by a unix domain socket, a network, or the addresses of a host. */
type Source = 'unix' | Cidr | { readonly host: string; readonly at: Place };

const source = custom<Source>('address | CIDR | unix: | hostname', 1, 1, ([w], c) => {
  if (w === undefined) throw new Error('one word: `min` and `max`');
  if (w.text === 'unix:') return 'unix';
  const parsed = parseCidr(w.text);
  if (parsed === null) {
    if (w.text === '' || w.text.includes('/')) {
      return c.fail(w, 'invalid-value', `host not found in set_real_ip_from "${w.text}"`, {
        help: 'it must be an address, a network such as 192.0.2.0/24 or 2001:db8::/32, "unix:" or the name of a host',
      });
    }
    return { host: w.text, at: c.place(w) };
  }
  if (parsed.meaningless) {
    c.report(w, 'no-effect', `low address bits of ${w.text} are meaningless`, { severity: 'warning' });
  }
  return parsed.cidr;
});

/** Who is believed; names are looked up before the configuration is put into force. */
class Trusted {
  private readonly networks: Cidr[] = [];
  private unix = false;

  constructor(sources: readonly Source[], compiler: Compiler) {
    for (const each of sources) {
      if (each === 'unix') this.unix = true;
      else if ('host' in each) compiler.await(this.lookUp(each.host, each.at, compiler));
      else this.networks.push(each);
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

  /** The address of a client that came by a unix domain socket has no bytes. */
  readonly has = (address: readonly number[]): boolean => {
    if (address.length === 0) return this.unix;
    const bytes = unmapped(address);
    for (let i = 0; i < this.networks.length; i++) if (contains(this.networks[i] as Cidr, bytes)) return true;
    return false;
  };
}

/** The client as the connection knows it. */
function connected(x: Exchange): { readonly remoteAddress: string; readonly remotePort: number } {
  return (x.nested?.main ?? x).client;
}

function compile(sources: readonly Source[], field: string, recursive: boolean, { compiler }: Scope): Handler | null {
  // nginx's PROXY protocol is a matter of the listener; a connection that brought none tells nothing.
  if (sources.length === 0 || field === 'proxy_protocol') return null;
  const trusted = new Trusted(sources, compiler);
  const name = field.toLowerCase();
  // Only X-Forwarded-For is looked at as one list over all its lines; of another field the first line counts.
  const listed = field === 'X-Forwarded-For';
  return (x) => {
    const values = listed ? x.headers.all(name) : first(x.headers.get(name));
    if (values.length === 0) return NEXT;
    const { remoteAddress, remotePort } = connected(x);
    // Once for each request: what was found there is no proxy that could report another.
    if (x.remoteAddress !== remoteAddress || x.remotePort !== remotePort) return NEXT;
    const own: InetAddress = { bytes: ipBytes(remoteAddress) ?? [], port: remotePort };
    const found = forwardedAddress(own, values, trusted.has, recursive);
    if (found === own) return NEXT;
    x.remoteAddress = ipText(found.bytes);
    x.remotePort = found.port;
    return NEXT;
  };
}

function first(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}

export default defineModule({
  name: 'realip',
  doc: "Takes the client's address from a field that a trusted proxy or balancer in front has set. From then on it is the address for `$remote_addr`, for logs, `allow` and `deny`, `geo`, limits and balancing.",
  directives: {
    set_real_ip_from: {
      contexts: CONTEXTS,
      takes: source,
      repeat: true,
      doc: 'An address, a network or a host whose word is taken; `unix:` stands for all that come by unix domain sockets. The name of a host is looked up when the configuration is loaded.',
      example: 'set_real_ip_from 192.168.1.0/24;',
    },
    real_ip_header: {
      contexts: CONTEXTS,
      takes: word('field | X-Real-IP | X-Forwarded-For | proxy_protocol', (w) => w.text),
      default: 'X-Real-IP',
      doc: 'The field of the request that tells the address, possibly with a port. `X-Forwarded-For` is a list; its last address counts.',
      example: 'real_ip_header X-Forwarded-For;',
      differs: '`proxy_protocol` is accepted and changes nothing: the PROXY protocol is not read.',
      differsFor: ([field]) => field === 'proxy_protocol',
    },
    real_ip_recursive: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether an address in the list that is itself trusted gives way to the one before it, so that the last address counts that is not trusted.',
      example: 'real_ip_recursive on;',
    },
  },
  variables: {
    realip_remote_addr: { get: (x) => connected(x).remoteAddress, doc: 'The address from which the connection came.' },
    realip_remote_port: {
      get: (x) => {
        const { remotePort } = connected(x);
        return remotePort > 0 ? String(remotePort) : '';
      },
      doc: 'The port from which the connection came.',
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
