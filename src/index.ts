/**
 * tsproxy as a library.
 *
 * ```ts
 * import { createProxy } from 'tsproxy';
 *
 * const proxy = createProxy({ config: 'http { server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:8010; } } }' });
 * await proxy.start();
 * console.log(proxy.addresses); // [ '127.0.0.1:43017' ]
 * await proxy.reload({ config: '…' });
 * await proxy.close({ drain: true });
 * ```
 */

import { toBytes, toText } from './diagnostics/byte-string.js';
import { IgnoreComments } from './diagnostics/ignore-comments.js';
import { findingsToJson, type JsonFinding } from './diagnostics/json.js';
import { renderFindings } from './diagnostics/render.js';
import type { Explanation } from './explain/explanation.js';
import type { RequestInput } from './explain/request-input.js';
import type { ConfigInput } from './library/config.js';
import { configError, modulesOf, placeOf, sourceOf } from './library/config-input.js';
import { giveTools } from './library/configuration-tools.js';
import type { ProxyOptions } from './library/proxy.js';
import { lint } from './lints/engine/run.js';
import { lints } from './lints/index.js';
import { checkWithModuleFiles, withoutModuleFiles } from './process/checked-modules.js';
import { checkWithSuppressed, confDirectoryOf } from './process/configuration.js';

export type {
  Candidate as ConsideredLocation,
  DirectiveInForce,
  ExplainedAnswer,
  ExplainedListener,
  ExplainedPeer,
  ExplainedRequest,
  ExplainedServer,
  ExplainedStream,
  ExplainedUpstream,
  Explanation,
  Step as ExplainedStep,
  Written,
  WrittenPlace,
} from './explain/explanation.js';
export * from './library/proxy.js';

giveTools(async () => (await import('./explain/configuration-tools.js')).configurationTools);

/** Result of a check. */
export interface CheckedText {
  /** True if a proxy would start with it. */
  readonly ok: boolean;
  /** All findings, in the order of the text. */
  readonly findings: readonly JsonFinding[];
  /** The findings as text with code frames; empty if there are none. */
  readonly rendered: string;
}

/** Checks a configuration without starting anything. Comments `# tsproxy-ignore: CODE` suppress warnings and hints. */
export function checkConfig(
  input: string | ConfigInput,
  options: Omit<ProxyOptions, keyof ConfigInput> = {},
): CheckedText {
  const source = sourceOf(typeof input === 'string' ? { config: input } : input, placeOf(options));
  const result = withoutModuleFiles(checkWithSuppressed(source, modulesOf(options.modules, options.hooks)));
  const { config, findings: all, sources } = lint(result, lints, { directory: confDirectoryOf(source) });
  const findings = new IgnoreComments(sources).unsuppressed(all);
  return { ok: config !== null, findings: findingsToJson(findings), rendered: renderFindings(findings) };
}

/** A request to explain. */
export interface ExplainRequest {
  /**
   * The request line, as a person writes it: `GET /path`, `/path`, `POST http://host:port/path`, `wss://host/path`; a
   * version of HTTP may follow. `ws` and `wss` add the fields of a WebSocket handshake.
   */
  readonly request: string;
  /** Further fields: name and value. */
  readonly headers?: Readonly<Record<string, string>> | readonly (readonly [name: string, value: string])[];
  /** The `Host` field, instead of the URL's host. Default: `localhost`. */
  readonly host?: string;
  /** The client's address, with an optional port. Default: the loopback address. */
  readonly from?: string;
  /** The address that the client connects to, in nginx's notation, if the configuration listens on several. */
  readonly listen?: string;
  /** The body, or its size in bytes. Default: none. */
  readonly body?: string | number;
  /** The upstream's response. Default: 101 for an upgrade, otherwise 200, with some usual fields. */
  readonly answer?: { readonly status?: number; readonly headers?: ExplainRequest['headers'] };
}

/**
 * Explains how a configuration processes a request: the listener, the server and the location, rewrites and internal
 * redirects, the directives in force with their places, the upstream with the request head sent to it, and the response. The
 * compiled configuration itself is evaluated, without listening, connecting or logging; only names are resolved.
 *
 * Rejects with ConfigError if the configuration is refused, and with TypeError if the request is malformed or no listener
 * matches it.
 */
export async function explain(
  input: string | ConfigInput,
  request: string | ExplainRequest,
  options: Omit<ProxyOptions, keyof ConfigInput> = {},
): Promise<Explanation> {
  const source = sourceOf(typeof input === 'string' ? { config: input } : input, placeOf(options));
  const [{ Explainer }, { CannotExplain }, { asText }] = await Promise.all([
    import('./explain/explainer.js'),
    import('./explain/cannot-explain.js'),
    import('./explain/as-text.js'),
  ]);
  try {
    const { result, modules } = await checkWithModuleFiles(source, modulesOf(options.modules, options.hooks));
    const explainer = await Explainer.open(result, modules, source.prefix);
    try {
      return asText(await explainer.explain(requestInput(typeof request === 'string' ? { request } : request)));
    } finally {
      explainer.close();
    }
  } catch (error) {
    if (!(error instanceof CannotExplain)) throw error;
    if (error.fault === 'request') throw new TypeError(toText(error.message));
    throw configError(error.message, error.findings);
  }
}

function requestInput({ request, headers, host, from, listen, body, answer }: ExplainRequest): RequestInput {
  return {
    line: toBytes(request),
    fields: fieldLines(headers),
    ...(host !== undefined && { host: toBytes(host) }),
    ...(from !== undefined && { from: toBytes(from) }),
    ...(listen !== undefined && { listen: toBytes(listen) }),
    ...(body !== undefined && { body: typeof body === 'string' ? toBytes(body) : body }),
    answer: {
      ...(answer?.status !== undefined && { status: answer.status }),
      fields: fieldLines(answer?.headers),
    },
  };
}

function fieldLines(headers: ExplainRequest['headers'] = {}): string[] {
  const fields = Array.isArray(headers) ? headers : Object.entries(headers);
  return fields.map(([name, value]) => toBytes(`${name}: ${value}`));
}
