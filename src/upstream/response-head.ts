/** Response head of an upstream as sent to the client: hidden fields, rewritten redirects and cookies. */

import { fieldValue } from '../http/field-line.js';
import { Field } from '../http/field-names.js';
import { type FieldTest, type HeaderBlock, NameSet } from '../http/header-block.js';
import { RESPONSE_HOP_BY_HOP } from '../http/hop-by-hop.js';
import type { UpstreamHead } from '../http/upstream-session.js';
import type { Exchange } from '../program/exchange.js';

/** Fields that are hidden unless `proxy_pass_header` lists them; nginx hides `X-Pad` only of HTTP/1 servers. */
export const HIDDEN_BY_GRPC: readonly string[] = [
  'Date',
  'Server',
  'X-Accel-Expires',
  'X-Accel-Redirect',
  'X-Accel-Limit-Rate',
  'X-Accel-Buffering',
  'X-Accel-Charset',
];
export const HIDDEN_BY_PROXY: readonly string[] = [...HIDDEN_BY_GRPC, 'X-Pad'];

/** Fields that are stored separately in ResponseHead. */
const PLACED: readonly string[] = ['Content-Type', 'Content-Length', 'Last-Modified', 'ETag'];

/** Changes the URL of `Location` and `Refresh`. */
export interface RedirectRewrite {
  /** Returns null if the URL stays as it is. */
  apply(x: Exchange, url: string): string | null;
}

/** Changes values of `Set-Cookie`. */
export interface CookieRewrite {
  readonly empty: boolean;
  apply(x: Exchange, value: string): string;
}

export interface ResponseHeadOptions {
  /** Fields that are hidden unless `pass` lists them. */
  readonly hidden: readonly string[];
  /** `proxy_hide_header` */
  readonly hide: readonly string[];
  /** `proxy_pass_header` */
  readonly pass: readonly string[];
  /** null: unchanged. */
  readonly redirects: RedirectRewrite | null;
  readonly cookies: CookieRewrite | null;
  /** `proxy_force_ranges` */
  readonly forceRanges: boolean;
}

/** Upstream response fields that are not sent to the client. */
class HiddenFields {
  readonly all: NameSet;
  readonly passesServer: boolean;
  readonly passesDate: boolean;
  /** Whether `Content-Type`, `Last-Modified` and `ETag` are hidden. */
  readonly type: boolean;
  readonly modified: boolean;
  readonly etag: boolean;

  constructor(
    readonly initial: readonly string[],
    readonly hide: readonly string[],
    readonly pass: readonly string[],
    readonly forceRanges: boolean,
  ) {
    const passed = new Set(pass.map((name) => name.toLowerCase()));
    const hidden = [...initial.filter((name) => !passed.has(name.toLowerCase())), ...hide];
    this.passesServer = passed.has('server') && !hide.some((name) => name.toLowerCase() === 'server');
    this.passesDate = passed.has('date') && !hide.some((name) => name.toLowerCase() === 'date');
    const names = new Set(hidden.map((name) => name.toLowerCase()));
    this.type = names.has('content-type');
    this.modified = names.has('last-modified');
    this.etag = names.has('etag');
    // With forced ranges, the proxy sends this field itself.
    const ranges = forceRanges ? ['Accept-Ranges'] : [];
    this.all = new NameSet([...hidden, ...RESPONSE_HOP_BY_HOP, ...PLACED, ...ranges]);
  }
}

const hiddenFields = new WeakMap<readonly string[], HiddenFields>();

/** Shared by all locations that inherit the same lists. */
function hiddenBy({ hidden: initial, hide, pass, forceRanges }: ResponseHeadOptions): HiddenFields {
  let hidden = hiddenFields.get(hide);
  const isSame = hidden?.initial === initial && hidden.pass === pass && hidden.forceRanges === forceRanges;
  if (hidden === undefined || !isSame) {
    hiddenFields.set(hide, (hidden = new HiddenFields(initial, hide, pass, forceRanges)));
  }
  return hidden;
}

/** Response rules of a location, compiled once. */
export class ResponseHeadRules {
  private readonly hidden: HiddenFields;
  /** null: cookies are not changed. */
  private readonly cookies: CookieRewrite | null;

  constructor(private readonly options: ResponseHeadOptions) {
    this.hidden = hiddenBy(options);
    this.cookies = options.cookies?.empty === false ? options.cookies : null;
  }

  /** Fields that the client does not receive. */
  get hiddenFields(): FieldTest {
    return this.hidden.all;
  }

  /** Applies the upstream's fields to `x.response`. */
  apply(x: Exchange, { headers }: UpstreamHead): void {
    const { response } = x;
    const { hidden } = this;
    response.upstream = headers;
    response.hidden = hidden.all;
    const type = headers.valueOf(Field.ContentType);
    // If this response has none, the type preserved by X-Accel-Redirect is kept.
    if (type !== undefined && !hidden.type) response.contentType = type;
    const modified = headers.valueOf(Field.LastModified);
    response.lastModified = modified === undefined || hidden.modified ? null : modified;
    const etag = headers.valueOf(Field.ETag);
    response.etag = etag === undefined || hidden.etag ? null : etag;
    if (this.options.forceRanges) x.allowRanges = true;
    // A passed field is the upstream's even if the upstream sends none, as in nginx.
    if (hidden.passesServer) response.ownServer = false;
    if (hidden.passesDate) response.ownDate = false;
    const { redirects } = this.options;
    if (
      (redirects !== null && (headers.indexOf(Field.Location) >= 0 || headers.indexOf(Field.Refresh) >= 0)) ||
      (this.cookies !== null && headers.indexOf(Field.SetCookie) >= 0)
    ) {
      this.rewrite(x, headers, redirects);
    }
  }

  /** Value of a `Set-Cookie` field as sent to the client. */
  cookie(x: Exchange, value: string): string {
    return this.cookies?.apply(x, value) ?? value;
  }

  /** Rewrites fields at their places; variables of the upstream's response keep the received values. */
  private rewrite(x: Exchange, headers: HeaderBlock, redirects: RedirectRewrite | null): void {
    const { cookies } = this;
    for (let i = 0; i < headers.count; i++) {
      const id = headers.id(i);
      if (id !== Field.Location && id !== Field.Refresh && id !== Field.SetCookie) continue;
      if (this.hidden.all.matches(headers, i)) continue;
      const value = headers.value(i);
      if (id === Field.SetCookie) {
        if (cookies !== null) headers.replace(i, fieldValue(cookies.apply(x, value)));
      } else if (id === Field.Location) {
        const rewritten = redirects?.apply(x, value) ?? null;
        if (rewritten !== null) x.response.replaceLocation(rewritten);
      } else {
        const url = /url=/i.exec(value);
        const at = url === null ? -1 : url.index + 4;
        const rewritten = at < 0 ? null : (redirects?.apply(x, value.slice(at)) ?? null);
        if (rewritten !== null) headers.replace(i, fieldValue(value.slice(0, at) + rewritten));
      }
    }
  }
}
