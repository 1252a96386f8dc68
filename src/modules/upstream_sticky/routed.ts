/** Bindings by an identifier of the server in the request: `sticky cookie` and `sticky route`. */
import { cookieTime } from '../../http/cookies.js';
import type { Exchange } from '../../program/exchange.js';
import type { Compiler } from '../../program/module.js';
import type { Template } from '../../program/template.js';
import type { Variable } from '../../program/variable.js';
import type { Peer } from '../../upstream/peer.js';
import type { Binding, Stickiness } from '../../upstream/stickiness.js';
import { firstValue } from './first-value.js';
import { type CookieData, SAMESITE } from './parameters.js';

const MAX_EXPIRES = '; expires=Thu, 31-Dec-37 23:55:55 GMT; max-age=315360000';

class RoutedBinding implements Binding {
  private cookie: string | null = null;

  constructor(
    private readonly x: Exchange,
    private id: string,
    private readonly attributes: CookieAttributes | null,
  ) {}

  find(): string {
    return this.id;
  }

  /** nginx sets the cookie at once: it is also sent with an error page. */
  selected(peer: Peer): void {
    const { x, attributes } = this;
    if (attributes !== null && !x.headSent) this.cookie = x.response.bind(attributes.cookie(peer.id, x), this.cookie);
  }

  /** An event stream is continued by the same peer. */
  headReceived(peer: Peer): void {
    this.id = peer.id;
  }

  ended(): void {}

  upgraded(): null {
    return null;
  }
}

/** The cookie of an upstream, except its value. */
export class CookieAttributes {
  private readonly domain: Template | null;
  private readonly samesite: Template | null;

  constructor(
    private readonly data: CookieData,
    compiler: Compiler,
  ) {
    this.domain = data.domain === null ? null : compiler.template(data.domain);
    this.samesite = data.samesite === null ? null : compiler.template(data.samesite);
  }

  cookie(value: string, x: Exchange): string {
    const { name, expires, httponly, secure, path } = this.data;
    let cookie = `${name}=${value}`;
    if (expires === 'max') cookie += MAX_EXPIRES;
    else if (expires !== null) cookie += `; expires=${cookieTime(expires)}; max-age=${expires}`;
    const domain = this.domain?.of(x) ?? '';
    if (domain !== '') cookie += `; domain=${domain}`;
    if (httponly) cookie += '; httponly';
    if (secure) cookie += '; secure';
    const samesite = this.samesite?.of(x) ?? '';
    if (samesite !== '') cookie += `; samesite=${SAMESITE.has(samesite.toLowerCase()) ? samesite : 'strict'}`;
    return path === null ? cookie : `${cookie}; path=${path}`;
  }
}

export class RoutedStickiness implements Stickiness {
  readonly method: string;

  constructor(
    private readonly lookup: readonly Variable[],
    private readonly attributes: CookieAttributes | null,
  ) {
    this.method = attributes === null ? 'sticky route' : 'sticky cookie';
  }

  begin(x: Exchange): Binding {
    return new RoutedBinding(x, firstValue(this.lookup, x), this.attributes);
  }
}
