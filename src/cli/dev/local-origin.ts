/**
 * Translates between the origins of a configuration (`https://shop.example`) and those of this machine
 * (`https://shop.example.localhost:8443`), in fields of requests and responses.
 */
import { DeclaredNames, localServerName } from './local-names.js';
import type { MappedAddress } from './port-map.js';

/** Names and ports for the translation. Plain data. */
export interface OriginData {
  /** Server names, in lower case. */
  readonly names: readonly string[];
  readonly ports: readonly MappedAddress[];
}

/** Scheme, host, port and rest of an absolute URL; the rest begins with `/`, `?` or `#`, or is empty. */
const ABSOLUTE = /^(https?):\/\/([^/?#:[\]]+|\[[\da-f:.]+\])(?::(\d{1,5}))?(?=[/?#]|$)(.*)$/is;

export class LocalOrigins {
  private readonly declared: DeclaredNames;

  constructor(private readonly data: OriginData) {
    this.declared = new DeclaredNames(data.names);
  }

  /** The server name that a request's host stands for; null if it is not one with the suffix. */
  realHost(host: string): string | null {
    return this.declared.real(host);
  }

  /** Port as written of the listener with that port on this machine. */
  realPort(secure: boolean, port: number): number {
    return this.data.ports.find((each) => each.to === port && each.secure === secure)?.from ?? port;
  }

  /** Host with its port, unless that is the usual one. */
  realAuthority(host: string, secure: boolean, port: number): string {
    return `${host}${portText(secure, this.realPort(secure, port))}`;
  }

  /** A URL or origin of this machine as the configuration expects it; null if it is another one. */
  toReal(url: string): string | null {
    const parts = ABSOLUTE.exec(url);
    if (parts === null) return null;
    const [, scheme = '', host = '', port, rest = ''] = parts;
    const secure = scheme.toLowerCase() === 'https';
    const real = this.realHost(host.toLowerCase());
    if (real === null) return null;
    return `${scheme}://${this.realAuthority(real, secure, portOf(port, secure))}${rest}`;
  }

  /**
   * A URL or origin of the configuration as it is reached on this machine; null if it leads elsewhere. `host`: that of the
   * request, as the configuration sees it. `suffixed`: whether names get the suffix.
   */
  toLocal(url: string, host: string, suffixed: boolean): string | null {
    const parts = ABSOLUTE.exec(url);
    if (parts === null) return null;
    const [, scheme = '', written = '', port, rest = ''] = parts;
    const name = written.toLowerCase();
    if (name !== host && !this.declared.has(name)) return null;
    const secure = scheme.toLowerCase() === 'https';
    const number = portOf(port, secure);
    const to = this.data.ports.find((each) => each.from === number && each.secure === secure)?.to;
    const known = to ?? this.data.ports.find((each) => each.to === number && each.secure === secure)?.to;
    if (known === undefined) return null;
    return `${scheme}://${this.localHost(name, suffixed)}${portText(secure, known)}${rest}`;
  }

  /** A cookie whose domain is a server name, for this machine; null if it can stay. */
  localCookie(cookie: string, host: string, suffixed: boolean): string | null {
    if (!suffixed) return null;
    const parts = /^(.*?;\s*domain\s*=\s*)\.?([^;\s]+)(.*)$/is.exec(cookie);
    if (parts === null) return null;
    const [, before = '', domain = '', after = ''] = parts;
    const name = domain.toLowerCase();
    // A parent domain of the host: its cookies are for all servers below.
    if (name !== host && !host.endsWith(`.${name}`)) return null;
    return `${before}${this.localHost(name, true)}${after}`;
  }

  private localHost(name: string, suffixed: boolean): string {
    return (suffixed ? localServerName(name) : null) ?? name;
  }
}

function portOf(text: string | undefined, secure: boolean): number {
  return text === undefined ? (secure ? 443 : 80) : Number(text);
}

function portText(secure: boolean, port: number): string {
  return port === (secure ? 443 : 80) ? '' : `:${port}`;
}
