/** Rules of nginx's core module for compressed responses: `gzip_vary`, `gzip_proxied`, `gzip_http_version`, `gzip_disable`. */
import type { Expression } from '../config/pcre/expression.js';
import type { Exchange } from '../program/exchange.js';
import { SettingsKey } from '../program/settings-key.js';

export interface GzipSettings {
  readonly vary: boolean;
  /** Minimum version of the request: 10 or 11. */
  readonly version: number;
  /** Responses that are compressed for requests with a `Via` field. */
  readonly proxied: ReadonlySet<string>;
  /** User agents that receive no compressed responses. */
  readonly disabled: readonly Expression[];
  /** Whether these include Internet Explorer 4 to 6. */
  readonly disabledForMsie6: boolean;
}

export const GZIP = new SettingsKey<GzipSettings>('gzip', {
  vary: false,
  version: 11,
  proxied: new Set(['off']),
  disabled: [],
  disabledForMsie6: false,
});

/** The response depends on `Accept-Encoding`. */
export function markVaries(x: Exchange): void {
  x.response.varies = x.location.settings.get(GZIP).vary;
}
