/** Protocol options (`proxy_protocol`, `ssl`, `http2`) of the `listen` directives of one address. nginx: ngx_http_add_addresses. */
import type { SocketOptions } from '../../routing/listen-data.js';

/** An option applies to the address if any `listen` has it; nginx warns if others differ in an unclear way. */
export class ProtocolOptions {
  /** Options of the address so far. */
  private current: number;
  /** Whether a `listen` sets socket options. */
  private set: boolean;
  /** Options that a further `listen` repeats without a warning; null before the second one. */
  private repeated: number | null = null;
  private changed = false;

  constructor(first: SocketOptions) {
    this.current = bits(first);
    this.set = first.set;
  }

  /** Adds the options of a further `listen`; returns whether nginx warns that they are redefined. */
  add(options: SocketOptions): boolean {
    const { current, repeated, changed } = this;
    const own = bits(options);
    const differs = repeated !== null && own !== repeated;
    const added = (own | current) !== current;
    const removed = !added && own !== current;
    this.set ||= options.set;
    this.current |= own;
    this.repeated = added ? current : own;
    this.changed ||= added || removed;
    if (added) return (this.set && !options.set) || changed || (own | current) !== own;
    if (removed) return options.set || differs;
    return (options.set && changed) || differs;
  }
}

function bits({ proxyProtocol, ssl, http2 }: SocketOptions): number {
  return Number(proxyProtocol) | (Number(ssl) << 1) | (Number(http2) << 2);
}
