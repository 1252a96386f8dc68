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
import { resolve } from 'node:path';
import type { Level } from './config/log-level.js';
import { textReader } from './config/reader.js';
import type { Finding } from './diagnostics/finding.js';
import { IgnoreComments } from './diagnostics/ignore-comments.js';
import { findingsToJson, type JsonFinding } from './diagnostics/json.js';
import { renderFindings } from './diagnostics/render.js';
import type { Explanation } from './explain/explanation.js';
import type { RequestInput } from './explain/request-input.js';
import { lint } from './lints/engine/run.js';
import { lints } from './lints/index.js';
import type { LogEntry as ByteLogEntry } from './logging/destination-log.js';
import { memoryLogs as memoryLogBytes } from './logging/memory-log.js';
import { modules as builtIn } from './modules/index.js';
import { checkWithModuleFiles, withoutModuleFiles } from './process/checked-modules.js';
import { type ConfigSource, checkWithSuppressed, confDirectoryOf } from './process/configuration.js';
import { type Applied, RefusedConfig } from './process/instance.js';
import { ownInstance } from './process/own-instance.js';
import type { Module } from './program/module.js';
import type { ModuleDefinition } from './program/module-definition.js';

export type { Level } from './config/log-level.js';
export type { JsonFinding, JsonPlace } from './diagnostics/json.js';
export type {
  Candidate as ConsideredLocation,
  DirectiveInForce,
  ExplainedAnswer,
  ExplainedListener,
  ExplainedPeer,
  ExplainedRequest,
  ExplainedServer,
  ExplainedUpstream,
  Explanation,
  Step as ExplainedStep,
  Written,
  WrittenPlace,
} from './explain/explanation.js';
export type { ModuleDefinition as Module } from './program/module-definition.js';

/** Source of a configuration: exactly one of `config` and `file`. */
export interface ConfigInput {
  /** The text of a configuration. */
  readonly config?: string;
  /** The path of a configuration file; it is read again by each reload. */
  readonly file?: string;
  /** Texts for `include`, by path (relative ones start from the prefix). Without it files are read from disk. */
  readonly includes?: Readonly<Record<string, string>>;
}

/** A line of the error log. */
export interface LogEntry {
  readonly level: Level;
  /** The message with its context, without time and process id. */
  readonly message: string;
  /** ms since 1970. */
  readonly time: number;
}

export interface ProxyOptions extends ConfigInput {
  /** nginx's prefix: base of relative paths. Default: the working directory. */
  readonly prefix?: string;
  /** Directives of the main context that are read before the configuration, like nginx's `-g`. */
  readonly globals?: string;
  /**
   * Destination of the error log until the configuration names one: a path, `stderr` (the default), or a function, which
   * receives every level.
   */
  readonly errorLog?: string | ((entry: LogEntry) => void);
  /** Custom modules, in addition to the built-in ones. */
  readonly modules?: readonly ModuleDefinition[];
}

/** Result of a start or a reload. */
export interface Change {
  /** From 1. */
  readonly generation: number;
  /** Warnings and hints about the configuration. */
  readonly findings: readonly JsonFinding[];
  /** Settles when the last request or tunnel that began under the previous configuration has ended. */
  readonly predecessorEnded: Promise<void>;
}

/** Figures about a running proxy. */
export interface Status {
  /** Open client connections, including tunnels. */
  readonly connections: number;
  /** Active requests and tunnels, of all generations. */
  readonly active: number;
  /** The number of the configuration in force; 0 before the start. */
  readonly generation: number;
  /** Generations with active requests or tunnels, including the one in force. */
  readonly generations: number;
  /** ms since 1970 when the configuration in force was applied. */
  readonly since: number;
}

/** A proxy, running or not. */
export interface ReverseProxy {
  /** Checks, compiles and listens. Rejects with ConfigError; then nothing is listening. */
  start(): Promise<Change>;
  /**
   * Applies another configuration, or the same file as it is now. Active requests and tunnels continue. Rejects with
   * ConfigError and then has changed nothing. Reloads are processed in order.
   */
  reload(next?: ConfigInput): Promise<Change>;
  /** Stops: at once, or (`drain`) when active requests and tunnels have ended. */
  close(options?: { readonly drain?: boolean }): Promise<void>;
  /** Reopens all log files, after they were moved away. */
  reopenLogs(): void;
  /**
   * Listening addresses in nginx's notation (`127.0.0.1:8020`, `[::]:80`, `unix:/run/x.sock`), with the actual ports for
   * port 0.
   */
  readonly addresses: readonly string[];
  readonly status: Status;
}

/** A configuration that was refused. */
export class ConfigError extends Error {
  constructor(
    /** nginx's message for the first error; or all findings with their places, if there are any. */
    message: string,
    /** Findings, in the order of the text; empty if the configuration is valid and the start failed. */
    readonly findings: readonly JsonFinding[],
  ) {
    super(message);
    this.name = 'ConfigError';
  }
}

/** Creates a proxy; nothing happens before `start`. Throws TypeError unless exactly one of a text and a file is given. */
export function createProxy(options: ProxyOptions): ReverseProxy {
  const place = placeOf(options);
  const { errorLog = 'stderr' } = options;
  const instance = ownInstance({
    modules: modulesOf(options.modules),
    source: sourceOf(options, place),
    defaultErrorLog: typeof errorLog === 'function' ? toEntries(errorLog) : logPath(errorLog, place.prefix),
    warn: (message) => process.emitWarning(message),
  });
  return {
    start: () => change(instance.start()),
    reload: (next) => change(next === undefined ? instance.reload() : instance.reload(sourceOf(next, place))),
    close: async ({ drain = false } = {}) => (drain ? instance.quit() : instance.stop()),
    reopenLogs: () => instance.reopenLogs(),
    get addresses() {
      return instance.addresses.map(toText);
    },
    get status() {
      const { generation, since } = instance.state;
      const { connections = 0, state: { living, users } = { living: 0, users: 0 } } = instance.workers ?? {};
      return { connections, active: users, generation, generations: living, since };
    },
  };
}

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
  const result = withoutModuleFiles(checkWithSuppressed(source, modulesOf(options.modules)));
  const { config, findings: all, sources } = lint(result, lints, { directory: confDirectoryOf(source) });
  const findings = new IgnoreComments(sources).heard(all);
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
    const { result, modules } = await checkWithModuleFiles(source, modulesOf(options.modules));
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

/** Contents of the `error_log memory:size` logs of all proxies of this process, one text each, the oldest line first. */
export function memoryLogs(): string[] {
  return memoryLogBytes().map(toText);
}

/** Properties that stay the same over reloads. Bytes. */
interface Place {
  readonly prefix: string;
  readonly globals: string | undefined;
}

function placeOf({ prefix = '.', globals }: Pick<ProxyOptions, 'prefix' | 'globals'>): Place {
  const directory = resolve(prefix);
  return {
    prefix: toBytes(directory.endsWith('/') ? directory : `${directory}/`),
    globals: globals === undefined ? undefined : toBytes(globals),
  };
}

function sourceOf({ config, file, includes }: ConfigInput, { prefix, globals }: Place): ConfigSource {
  if ((config === undefined) === (file === undefined)) {
    throw new TypeError('give a configuration by one of the options "config" and "file"');
  }
  const common = {
    prefix,
    ...(globals !== undefined && { globals }),
    ...(includes !== undefined && { reader: textReader(includedTexts(includes, prefix)) }),
  };
  if (file !== undefined) return { ...common, name: toBytes(resolve(toText(prefix), file)), text: null };
  return { ...common, name: '<inline>', text: toBytes(config ?? ''), confDirectory: prefix };
}

function includedTexts(includes: Readonly<Record<string, string>>, prefix: string): Map<string, string> {
  const entries = Object.entries(includes);
  return new Map(
    entries.map(([path, text]) => [toBytes(path.startsWith('/') ? path : toText(prefix) + path), toBytes(text)]),
  );
}

function logPath(path: string, prefix: string): string {
  return path === 'stderr' ? '' : toBytes(resolve(toText(prefix), path));
}

function toEntries(write: (entry: LogEntry) => void): (entry: ByteLogEntry) => void {
  return (entry) => write({ ...entry, message: toText(entry.message) });
}

function modulesOf(own: readonly ModuleDefinition[] = []): readonly Module[] {
  return own.length === 0 ? builtIn : [...builtIn, ...own];
}

async function change(applied: Promise<Applied>): Promise<Change> {
  try {
    const { findings, ...rest } = await applied;
    return { ...rest, findings: findingsToJson(findings) };
  } catch (error) {
    if (!(error instanceof RefusedConfig)) throw error;
    throw configError(error.message, error.findings);
  }
}

function configError(message: string, findings: readonly Finding[]): ConfigError {
  if (findings.length === 0) return new ConfigError(toText(message), []);
  return new ConfigError(`${toText(message)}\n\n${renderFindings(findings)}`, findingsToJson(findings));
}

function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
