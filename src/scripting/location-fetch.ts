/** `ngx.fetch` with the settings of the location whose request a script handles (`js_fetch_*`). */
import { rootCertificates } from 'node:tls';
import type { CheckedBlock } from '../config/checked-config.js';
import type { Place } from '../config/place.js';
import type { TemplateData } from '../config/template.js';
import { toBytes } from '../diagnostics/byte-string.js';
import { CLIENT_CONTEXT, type ContextSpec, createContext, TLS_VERSIONS } from '../net/tls-context.js';
import { loadCertificates, TlsFileError, withContents } from '../net/tls-files.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { Compiler } from '../program/module.js';
import { RESOLVER } from '../program/name-resolver.js';
import { SettingsKey } from '../program/settings-key.js';
import type { Template } from '../program/template.js';
import { currentSession } from './current-session.js';
import { scriptFetch } from './njs/fetch.js';
import { FetchConnections } from './njs/fetch-connections.js';
import { FetchFailed } from './njs/fetch-failed.js';
import { type FetchProxy, parseProxyUrl } from './njs/fetch-proxy.js';
import type { Response } from './njs/response.js';
import { pendingOf } from './pending-work.js';

/** Values of the directives `js_fetch_*` of a block. */
export interface FetchData {
  /** Bytes. */
  readonly js_fetch_buffer_size: number;
  readonly js_fetch_max_response_buffer_size: number;
  /** ms. */
  readonly js_fetch_timeout: number;
  readonly js_fetch_ciphers: string;
  readonly js_fetch_protocols: readonly string[];
  readonly js_fetch_verify: boolean;
  readonly js_fetch_verify_depth: number;
  readonly js_fetch_trusted_certificate?: { readonly path: string } | undefined;
  readonly js_fetch_keepalive: number;
  readonly js_fetch_keepalive_requests: number;
  readonly js_fetch_keepalive_time: number;
  readonly js_fetch_keepalive_timeout: number;
  readonly js_fetch_proxy?: TemplateData | undefined;
}

/** The values without directives. */
export const FETCH_DEFAULTS: FetchData = {
  js_fetch_buffer_size: 16_384,
  js_fetch_max_response_buffer_size: 1_048_576,
  js_fetch_timeout: 60_000,
  js_fetch_ciphers: 'DEFAULT',
  js_fetch_protocols: ['TLSv1.2', 'TLSv1.3'],
  js_fetch_verify: true,
  js_fetch_verify_depth: 100,
  js_fetch_keepalive: 0,
  js_fetch_keepalive_requests: 1000,
  js_fetch_keepalive_time: 3_600_000,
  js_fetch_keepalive_timeout: 60_000,
};

/** Settings of `ngx.fetch` in a location; null: those without directives. */
export const LOCATION_FETCH = new SettingsKey<LocationFetch | null>('js_fetch', null);

export class LocationFetch {
  readonly connections: FetchConnections;
  private readonly proxy: Template | null;

  /** Throws TlsFileError for a file that cannot be used. */
  constructor(
    private readonly data: FetchData,
    compiler: Compiler,
  ) {
    const trusted = data.js_fetch_trusted_certificate;
    const proxy = data.js_fetch_proxy;
    this.proxy = proxy === undefined ? null : compiler.template(proxy);
    this.connections = new FetchConnections({
      // As in nginx, whose cache does not distinguish proxies: none is kept if the proxy may differ between requests.
      keepalive: this.proxy === null || this.proxy.constant !== null ? data.js_fetch_keepalive : 0,
      maxRequests: data.js_fetch_keepalive_requests,
      maxAge: data.js_fetch_keepalive_time,
      idleTimeout: data.js_fetch_keepalive_timeout,
      verifyDepth: data.js_fetch_verify_depth,
      secureContext: contextOf(data, trusted === undefined ? null : loadCertificates(trusted.path).blocks),
    });
  }

  /** @param x the exchange for which a script sends the request; null: none */
  fetch(
    x: Exchange | null,
    input: unknown,
    options: unknown,
    caller: (...args: never[]) => unknown,
  ): Promise<Response> {
    const { data, connections } = this;
    const route = {
      timeout: data.js_fetch_timeout,
      headSize: data.js_fetch_buffer_size,
      maxBody: data.js_fetch_max_response_buffer_size,
      verify: data.js_fetch_verify,
      connections,
      hop: {
        proxy: this.proxyFor(x),
        resolver: x?.location.settings.get(RESOLVER) ?? RESOLVER.initial,
        log: (message: string) => {
          if (x !== null) logError(x, 'error', message);
        },
      },
    };
    return scriptFetch(input, options as Parameters<typeof scriptFetch>[1], route, caller);
  }

  private proxyFor(x: Exchange | null): FetchProxy | null {
    const { proxy } = this;
    if (proxy === null) return null;
    const url = proxy.constant ?? (x === null ? '' : proxy.of(x));
    const parsed = parseProxyUrl(url);
    if (parsed === null || !('mistake' in parsed)) return parsed;
    if (x !== null) logError(x, 'error', parsed.mistake);
    throw new FetchFailed('failed to evaluate proxy URL');
  }
}

/** The TLS context, created on first use: most scripts do not use https. */
function contextOf(data: FetchData, trusted: readonly string[] | null): () => ReturnType<typeof createContext> {
  let context: ReturnType<typeof createContext> | null = null;
  const spec = (): ContextSpec => ({
    ...CLIENT_CONTEXT,
    certificates: [],
    trusted: trusted ?? rootCertificates,
    crls: [],
    protocols: TLS_VERSIONS.filter((each) => data.js_fetch_protocols.includes(each)),
    ciphers: data.js_fetch_ciphers,
  });
  // Created at once if directives may be invalid, so that the error is reported when the configuration is loaded.
  if (trusted !== null || data.js_fetch_ciphers !== FETCH_DEFAULTS.js_fetch_ciphers) context = createContext(spec());
  return () => (context ??= createContext(spec()));
}

/** Compiles the directives of a block; fails with nginx's message if a file or value cannot be used. */
export function compileFetch(block: CheckedBlock, compiler: Compiler): LocationFetch {
  try {
    return withContents(compiler.files, () => new LocationFetch(fetchDataOf(block), compiler));
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    const file = block.values.js_fetch_trusted_certificate as { readonly at: Place } | undefined;
    return compiler.fail(error.message, file?.at ?? block.at);
  }
}

/** Values of the directives of a block, with the defaults. */
function fetchDataOf({ values }: CheckedBlock): FetchData {
  return { ...FETCH_DEFAULTS, ...(values as Partial<FetchData>) };
}

/**
 * `ngx.fetch` of a table.
 *
 * @param fallback the settings outside of locations, and in locations without these directives
 * @param simulates whether requests are only logged, and fail (`tsproxy explain`)
 */
export function ngxFetch(
  fallback: LocationFetch,
  simulates: boolean,
): (input: unknown, options?: unknown) => Promise<Response> {
  return async function fetch(input, options) {
    const x = currentSession();
    if (simulates) {
      const url = typeof input === 'string' ? input : String((input as { readonly url?: unknown } | null)?.url);
      if (x !== null) logError(x, 'info', `ngx.fetch("${toBytes(url)}") is not sent`);
      throw new FetchFailed('not sent: the request is only explained');
    }
    const done = x === null ? undefined : pendingOf(x)?.begin();
    try {
      const location = x?.location.settings.get(LOCATION_FETCH) ?? fallback;
      return await location.fetch(x, input, options, fetch);
    } finally {
      done?.();
    }
  };
}
