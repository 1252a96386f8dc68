/** nginx's rules with targeted fields (RFC 9213) and normalized variants. */
import { Field } from '../http/field-names.js';
import type { UpstreamHead } from '../http/upstream-session.js';
import type { Exchange } from '../program/exchange.js';
import type { Validity } from './cache-policy.js';
import { type IgnoredFields, NginxPolicy } from './nginx-policy.js';
import { effectiveDirectives } from './response-rules.js';
import { type Normalizer, normalizedVariant, suitsVariant } from './vary-normalization.js';

export class ExtendedPolicy extends NginxPolicy {
  /** `targets`: targeted fields in lower case; `normalizers`: by field name in lower case. */
  constructor(
    private readonly exceptions: IgnoredFields,
    private readonly targets: readonly string[],
    private readonly normalizers: ReadonlyMap<string, Normalizer>,
  ) {
    super(exceptions);
  }

  override validity(x: Exchange, response: UpstreamHead, now: number): Validity | null {
    const { headers } = response;
    if (!suitsVariant(x.headers, headers, this.normalizers)) return null;
    const { directives, targeted } = effectiveDirectives(headers, this.targets, true);
    const hasAccelExpires = !this.exceptions.accelExpires && headers.indexOf(Field.XAccelExpires) >= 0;
    if (!targeted || hasAccelExpires) return super.validity(x, response, now);
    if (!this.exceptions.setCookie && headers.indexOf(Field.SetCookie) >= 0) return null;
    if (directives.noStore || directives.private === true || directives.noCache === true) return null;
    const lifetime = directives.sharedMaxAge ?? directives.maxAge;
    if (lifetime === 0) return null;
    return {
      validUntil: typeof lifetime === 'number' ? now + lifetime : 0,
      staleWhileRevalidate: directives.staleWhileRevalidate ?? 0,
      staleIfError: directives.staleIfError ?? 0,
    };
  }

  override variant(x: Exchange, vary: string): string {
    return this.normalizers.size === 0 ? super.variant(x, vary) : normalizedVariant(x.headers, vary, this.normalizers);
  }
}
