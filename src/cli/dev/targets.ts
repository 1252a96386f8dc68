/** Options `--upstream NAME=TARGET` and `--map HOST=TARGET`: servers of this machine instead of those of the configuration. */
import { type Address, parseAddress } from '../../config/address.js';
import { toBytes } from '../../diagnostics/byte-string.js';
import { findByAddress } from '../../upstream/target-overrides.js';
import { UsageError } from '../usage-error.js';

/** A server that the user has given. */
export interface Target {
  /** Address in nginx's notation: `127.0.0.1:3000`, `localhost:3000`, `unix:/run/app.sock`. Bytes. */
  readonly address: string;
  readonly secure: boolean;
}

const SCHEMES: Readonly<Record<string, boolean>> = {
  http: false,
  ws: false,
  grpc: false,
  https: true,
  wss: true,
  grpcs: true,
};

/** Servers by name: that of an `upstream` block, a host, or a host with its port. */
export class Targets {
  private readonly byName = new Map<string, Target>();

  /** Throws UsageError. */
  static parse(options: readonly string[]): Targets {
    const targets = new Targets();
    for (const option of options) targets.add(option);
    return targets;
  }

  private add(option: string): void {
    const equals = option.indexOf('=');
    const name = option
      .slice(0, Math.max(0, equals))
      .trim()
      .replace(/^[a-z]+:\/\//i, '')
      .replace(/\/+$/, '');
    if (name === '') throw new UsageError(`"${option}" must be NAME=TARGET, such as app=localhost:3000`);
    this.byName.set(toBytes(name).toLowerCase(), parseTarget(option.slice(equals + 1).trim()));
  }

  /** Target of an `upstream` block. */
  group(name: string): Target | null {
    return this.byName.get(name.toLowerCase()) ?? null;
  }

  /** Target of an address as a pass directive or a `server` of an upstream names it. */
  of(address: Address): Target | null {
    return findByAddress(this.byName, address);
  }

  /** Target of a host and port as written. */
  find(written: string, defaultPort: number): Target | null {
    const address = parseAddress(written, { defaultPort });
    return 'mistake' in address ? null : this.of(address);
  }

  get entries(): Iterable<readonly [name: string, target: Target]> {
    return this.byName;
  }
}

/** A port alone means this machine. Without a scheme, plain connections are used. Throws UsageError. */
function parseTarget(text: string): Target {
  const [, scheme = '', rest = ''] = /^(?:([a-z]+):\/\/)?(.*?)\/*$/i.exec(text) ?? [];
  const secure = scheme === '' ? false : SCHEMES[scheme.toLowerCase()];
  if (secure === undefined) throw new UsageError(`"${text}": the scheme must be http or https`);
  const written = /^\d+$/.test(rest) ? `127.0.0.1:${rest}` : rest;
  const address = parseAddress(toBytes(written), { defaultPort: secure ? 443 : 80 });
  if ('mistake' in address) throw new UsageError(`"${text}": ${address.mistake}`);
  if (address.family === 'unix') return { address: `unix:${address.path}`, secure };
  const host = address.family === 'inet6' ? `[${address.host}]` : address.host;
  return { address: `${host}:${address.port}`, secure };
}
