/** nginx's `ngx_http_geo_module`: a variable whose value depends on the client's address. */
import type { Span, Statement, Word } from '../../grammar/syntax-tree.js';
import { AddressRanges } from '../config/address-ranges.js';
import { custom } from '../config/argument-types.js';
import { type Cidr, contains, ipBytes, parseCidr, unmapped } from '../config/cidr.js';
import type { ArgumentContext, WithEntries } from '../config/directive.js';
import { forwardedAddress } from '../http/forwarded-address.js';
import { inetBytes } from '../net/inet-address.js';
import type { Exchange } from '../program/exchange.js';
import { type Compiler, defineModule } from '../program/module.js';

interface Variables {
  /** Variable that contains the address; null for the client's address. */
  readonly source: string | null;
  /** Variable that is defined. */
  readonly variable: string;
}

function canonicalNetwork(network: readonly [Cidr, string]): string {
  return JSON.stringify(network);
}

interface Entries {
  /** Networks without duplicates; empty with `ranges`. */
  readonly networks: readonly (readonly [Cidr, string])[];
  /** Ranges of IPv4 addresses in ascending order, or null. */
  readonly ranges: readonly (readonly [start: number, end: number, value: string])[] | null;
  /** Value if no range matches. */
  readonly fallback: string;
  /** Trusted proxies, whose `X-Forwarded-For` is used. */
  readonly proxies: readonly Cidr[];
  readonly recursive: boolean;
  /** Evaluated at each use. */
  readonly volatile: boolean;
}

function parseVariables(words: readonly Word[], c: ArgumentContext): Variables {
  const names = words.map((word) => {
    if (!word.text.startsWith('$') || word.text.length === 1) {
      c.fail(word, 'invalid-variable', `invalid variable name "${word.text}"`);
    }
    return word.text.slice(1).toLowerCase();
  });
  const [first, second] = words as readonly [Word, Word?]; // 1 or 2 words: `min` and `max`
  if (second !== undefined) c.uses(names[0] as string, first);
  const variable = names.at(-1) as string;
  c.defines(variable, second ?? first);
  return { source: second === undefined ? null : (names[0] as string), variable };
}

function parseEntries(statements: readonly Statement[], c: ArgumentContext): Entries {
  const reader = new EntryReader(c);
  for (const statement of statements) c.attempt(() => reader.read(statement));
  return reader.entries();
}

const EVERYTHING: readonly Cidr[] = [
  { bytes: [0, 0, 0, 0], length: 0 },
  { bytes: new Array<number>(16).fill(0), length: 0 },
];

class EntryReader {
  /** Networks and values by `keyOf`. */
  private readonly networks = new Map<string, readonly [Cidr, string]>();
  private ranges: AddressRanges | null = null;
  private fallback: string | null = null;
  private readonly proxies: Cidr[] = [];
  private recursive = false;
  private volatile = false;
  private networkSeen = false;

  constructor(private readonly c: ArgumentContext) {}

  entries(): Entries {
    return {
      networks: [...this.networks.values()],
      ranges: this.ranges?.all() ?? null,
      fallback: this.fallback ?? '',
      proxies: this.proxies,
      recursive: this.recursive,
      volatile: this.volatile,
    };
  }

  read(statement: Statement): void {
    const { name: key, args } = statement;
    const [word] = args;
    if (word === undefined && this.readFlag(key)) return;
    if (word === undefined || args.length > 1) {
      this.c.fail(statement, 'argument-count', 'invalid number of the geo parameters', {
        help: 'each line is a network (or a range) and a value: 192.0.2.0/24 value;',
      });
    }
    if (key.text === 'proxy') this.proxies.push(this.network(word));
    else if (this.ranges !== null) this.readRange(this.ranges, key, word);
    else this.readNetwork(key, word);
  }

  private readFlag(key: Word): boolean {
    switch (key.text) {
      case 'ranges':
        if (this.networkSeen) {
          this.c.fail(key, 'invalid-value', 'the "ranges" directive must be the first directive inside "geo" block');
        }
        this.ranges ??= new AddressRanges();
        return true;
      case 'proxy_recursive':
        this.recursive = true;
        return true;
      case 'volatile':
        this.volatile = true;
        return true;
      default:
        return false;
    }
  }

  private network(word: Word): Cidr {
    const parsed = parseCidr(word.text);
    if (parsed === null) {
      return this.c.fail(word, 'invalid-value', `invalid network "${word.text}"`, {
        help: 'it must be an address, or a network such as 192.0.2.0/24 or 2001:db8::/32',
      });
    }
    if (parsed.meaningless) this.warn(word, 'no-effect', `low address bits of ${word.text} are meaningless`);
    return parsed.cidr;
  }

  private readNetwork(key: Word, word: Word): void {
    this.networkSeen = true;
    if (key.text === 'default') {
      for (const network of EVERYTHING) this.addNetwork(network, key, word);
    } else if (key.text === 'delete') {
      if (!this.networks.delete(keyOf(this.network(word)))) {
        this.warn(word, 'no-effect', `no network "${word.text}" to delete`);
      }
    } else {
      this.addNetwork(this.network(key), key, word);
    }
  }

  private addNetwork(network: Cidr, key: Word, { text: value }: Word): void {
    const networkKey = keyOf(network);
    const old = this.networks.get(networkKey);
    if (old !== undefined) {
      const message = `duplicate network "${key.text}", value: "${value}", old value: "${old[1]}"`;
      this.warn(key, 'duplicate-definition', message);
    }
    this.networks.set(networkKey, [network, value]);
  }

  private readRange(ranges: AddressRanges, key: Word, word: Word): void {
    if (key.text === 'default') {
      if (this.fallback !== null) {
        const message = `duplicate default geo range value: "${word.text}", old value: "${this.fallback}"`;
        this.warn(key, 'duplicate-definition', message);
      }
      this.fallback = word.text;
      return;
    }
    const net = key.text === 'delete' ? word : key;
    const [start, end] = this.rangeOf(net);
    if (key.text === 'delete') {
      if (!ranges.delete(start, end)) this.warn(net, 'no-effect', `no address range "${net.text}" to delete`);
      return;
    }
    const outcome = ranges.add(start, end, word.text);
    if (outcome.kind === 'duplicate') {
      const message = `duplicate range "${net.text}", value: "${word.text}", old value: "${outcome.value}"`;
      this.warn(net, 'duplicate-definition', message);
    } else if (outcome.kind === 'overlap') {
      const other = `${dotted(outcome.start)}-${dotted(outcome.end)}`;
      this.c.fail(net, 'conflicting-directives', `range "${net.text}" overlaps "${other}"`);
    }
  }

  private rangeOf(word: Word): readonly [number, number] {
    const dash = word.text.indexOf('-');
    const start = dash < 0 ? null : ipBytes(word.text.slice(0, dash));
    const end = dash < 0 ? null : ipBytes(word.text.slice(dash + 1));
    if (start?.length !== 4 || end?.length !== 4 || number(start) > number(end)) {
      return this.c.fail(word, 'invalid-value', `invalid range "${word.text}"`, {
        help: 'a range is two IPv4 addresses: 192.0.2.0-192.0.2.255',
      });
    }
    return [number(start), number(end)];
  }

  private warn(at: Span, code: 'no-effect' | 'duplicate-definition', message: string): void {
    this.c.report(at, code, message, { severity: 'warning' });
  }
}

function keyOf({ bytes, length }: Cidr): string {
  return `${bytes.join('.')}/${length}`;
}

/** Converts an IPv4 address to a number. */
function number(bytes: readonly number[]): number {
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

// -- lookup

/** Stands for an unknown address, and for IPv6 addresses in IPv4 ranges: 255.255.255.255, as in nginx. */
const NONE: readonly number[] = [255, 255, 255, 255];

type Lookup = (address: readonly number[]) => string;

/** Longest-prefix match; networks are found by prefix length and leading bits. */
function networkLookup(networks: Entries['networks']): Lookup {
  const inet = new PrefixTable();
  const inet6 = new PrefixTable();
  for (const [network, value] of networks) (network.bytes.length === 4 ? inet : inet6).add(network, value);
  return (address) => (address.length === 4 ? inet : inet6).find(address);
}

class PrefixTable {
  /** Values by leading bits, one table per prefix length that occurs, longest first. */
  private readonly tables: { readonly length: number; readonly values: Map<string, string> }[] = [];

  add({ bytes, length }: Cidr, value: string): void {
    let table = this.tables.find((each) => each.length === length);
    if (table === undefined) {
      table = { length, values: new Map() };
      this.tables.push(table);
      this.tables.sort((a, b) => b.length - a.length);
    }
    table.values.set(leadingBits(bytes, length), value);
  }

  find(address: readonly number[]): string {
    for (const { length, values } of this.tables) {
      const value = values.get(leadingBits(address, length));
      if (value !== undefined) return value;
    }
    return '';
  }
}

/** The leading bits as a string with one character per byte. */
function leadingBits(bytes: readonly number[], length: number): string {
  const whole = length >> 3;
  let bits = String.fromCharCode(...bytes.slice(0, whole));
  const rest = length & 7;
  if (rest > 0) bits += String.fromCharCode((bytes[whole] as number) & (0xff << (8 - rest)));
  return bits;
}

function rangeLookup(ranges: NonNullable<Entries['ranges']>, fallback: string): Lookup {
  const starts = Uint32Array.from(ranges, ([start]) => start);
  return (address) => {
    const target = number(address.length === 4 ? address : NONE);
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] as number) <= target) low = middle + 1;
      else high = middle;
    }
    const range = ranges[low - 1];
    return range !== undefined && target <= range[1] ? range[2] : fallback;
  };
}

function compileGeo({ source, variable }: Variables, entries: Entries, compiler: Compiler): void {
  const { ranges, networks, fallback, proxies, recursive } = entries;
  const lookup = ranges === null ? networkLookup(networks) : rangeLookup(ranges, fallback);
  const from = source === null ? null : compiler.variable(source);
  const trusted = (address: readonly number[]) => proxies.some((proxy) => contains(proxy, unmapped(address)));
  const addressOf = (x: Exchange): readonly number[] => {
    // Clients of a unix domain socket have no address.
    const text = from === null ? x.remoteAddress : from.value(x);
    const own = text === undefined ? null : inetBytes(text);
    if (own === null) return NONE;
    if (proxies.length === 0) return own;
    return forwardedAddress({ bytes: own, port: 0 }, x.headers.all('x-forwarded-for'), trusted, recursive).bytes;
  };
  compiler.define(variable, (x) => lookup(unmapped(addressOf(x))), !entries.volatile);
}

export default defineModule({
  name: 'geo',
  doc: "Defines variables whose values depend on the client's address.",
  directives: {
    geo: {
      contexts: ['http'],
      takes: custom('[$address] $variable', 1, 2, parseVariables),
      body: { entries: parseEntries },
      links: ({ argument: { source, variable }, entries }: WithEntries<Variables, Entries>) => ({
        name: `$${variable}`,
        refers: source === null ? [] : [`$${source}`],
        meaning: { source, entries: { ...entries, networks: entries.networks.map(canonicalNetwork).sort() } },
      }),
      repeat: true,
      doc: "Defines a variable whose value depends on the client's address or on an address in another variable. Each line of the block is a network and its value; the longest prefix wins, and `default` is the value of all other addresses. After `ranges`, the lines are ranges of IPv4 addresses. `delete` removes a network or range, `include` reads lines from a file. `proxy` declares trusted proxies, whose `X-Forwarded-For` is used, with `proxy_recursive` hop by hop. `volatile` evaluates the variable at each use.",
      example:
        'geo $country {\n    default        ZZ;\n    127.0.0.0/24   US;\n    10.1.0.0/16    RU;\n    2001:db8::/32  UK;\n}',
      differs: 'Binary bases (`.bin` beside an included file) are neither read nor written.',
      differsFor: () => false,
    },
  },
  async http(conf, _block, compiler) {
    const { slice } = compiler;
    for (const { argument, entries } of conf.geo) {
      compileGeo(argument, entries, compiler);
      if (slice.over) await slice.next();
    }
  },
});
