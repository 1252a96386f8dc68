/**
 * A proxy inside another program, without the tools that check and explain configurations (`tsproxy/proxy`).
 */
import { resolve } from 'node:path';
import type { Level } from '../config/log-level.js';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { findingsToJson, type JsonFinding } from '../diagnostics/json.js';
import type { LogEntry as ByteLogEntry } from '../logging/destination-log.js';
import { memoryLogs as memoryLogBytes } from '../logging/memory-log.js';
import type { Applied } from '../process/instance.js';
import { ownInstance } from '../process/own-instance.js';
import { RefusedConfig } from '../process/refused-config.js';
import type { ModuleDefinition } from '../program/module-definition.js';
import { type BoundAddress, unboundBinder } from '../server/binder.js';
import type { ConfigInput } from './config.js';
import { configError, modulesOf, placeOf, sourceOf } from './config-input.js';
import { givenTools } from './configuration-tools.js';
import { type FastifyPlugin, fastifyPlugin } from './fastify.js';
import type { MiddlewareOptions, ProxyMiddleware } from './middleware.js';
import { createMiddleware } from './node-middleware.js';
import type { TapListener, TapOptions, TapSubscription } from './tap.js';
import { subscribeListener, tapSettings } from './tap-subscription.js';

export type { Level } from '../config/log-level.js';
export type { JsonFinding, JsonPlace } from '../diagnostics/json.js';
export type { ModuleDefinition as Module } from '../program/module-definition.js';
export type * from '../scripting/public-types.js';
export type { Request } from '../scripting/request.js';
export { ConfigError, type ConfigInput } from './config.js';
export type { FastifyHost, FastifyPlugin } from './fastify.js';
export type { MiddlewareOptions, ProxyMiddleware } from './middleware.js';
export type * from './tap.js';

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
  /**
   * Functions that directives of scripts name `hooks.NAME`, as if a module of that name were imported: `js_content hooks.hello;`,
   * `js_websocket_message hooks.filter;`. They stay the same over reloads.
   */
  readonly hooks?: object;
  /**
   * Whether it listens on the addresses of the configuration. With false, only `middleware` passes requests to it. Default:
   * true.
   */
  readonly listen?: boolean;
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
   * Delivers requests, WebSocket frames and server-sent events to a listener until the subscription is closed: before and
   * after the start, and across reloads. Without subscriptions this costs nothing. An exception of the listener ends the
   * subscription and is logged. Throws TypeError if an option is invalid.
   */
  tap(options: TapOptions, listener: TapListener): TapSubscription;
  /**
   * Listening addresses in nginx's notation (`127.0.0.1:8020`, `[::]:80`, `unix:/run/x.sock`), with the actual ports for
   * port 0.
   */
  readonly addresses: readonly string[];
  /** URL of the first address that is not a unix socket: `http://127.0.0.1:43017`; empty if there is none. */
  readonly url: string;
  readonly status: Status;
  /**
   * A middleware for Express, Connect, Vite and other servers on `node:http`, which passes requests to this proxy without a
   * socket. It may be created before the start; until then it calls `next` with an error.
   */
  middleware(options?: MiddlewareOptions): ProxyMiddleware;
  /**
   * A plugin for Fastify: all requests and upgrades below its `prefix` are passed to this proxy, with bodies that are not
   * parsed.
   */
  fastify(options?: MiddlewareOptions): FastifyPlugin;
  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Creates a proxy; nothing happens before `start`. Throws TypeError unless exactly one of a text and a file is given. */
export function createProxy(options: ProxyOptions): ReverseProxy {
  const place = placeOf(options);
  const { errorLog = 'stderr' } = options;
  const tools = givenTools();
  const instance = ownInstance(
    {
      modules: modulesOf(options.modules, options.hooks),
      source: sourceOf(options, place),
      defaultErrorLog: typeof errorLog === 'function' ? toEntries(errorLog) : logPath(errorLog, place.prefix),
      warn: (message) => process.emitWarning(message),
      ...(tools !== null && { tools }),
    },
    options.listen === false ? unboundBinder : undefined,
  );
  const close = async (drain: boolean): Promise<void> => (drain ? instance.quit() : instance.stop());
  const middleware = (middlewareOptions?: MiddlewareOptions): ProxyMiddleware =>
    createMiddleware((owner, client, key) => {
      const { workers } = instance;
      if (workers === null) throw new Error('the proxy is not running');
      return workers.connectInMemory(owner, client, key === null ? null : toBytes(key));
    }, middlewareOptions);
  return {
    start: () => change(instance.start()),
    reload: (next) => change(next === undefined ? instance.reload() : instance.reload(sourceOf(next, place))),
    close: ({ drain = false } = {}) => close(drain),
    [Symbol.asyncDispose]: () => close(false),
    middleware,
    fastify: (pluginOptions) => fastifyPlugin(middleware, pluginOptions),
    reopenLogs: () => instance.reopenLogs(),
    tap: (tapOptions, listener) =>
      subscribeListener(
        tapSettings(tapOptions),
        listener,
        (subscriber) => instance.subscribe(subscriber),
        (error) => instance.errorLog.write('alert', toBytes(`listener of the traffic tap failed: ${String(error)}`)),
      ),
    get addresses() {
      return instance.addresses.map(toText);
    },
    get url() {
      return options.listen === false ? '' : urlOf(instance.bound);
    },
    get status() {
      const { generation, since } = instance.state;
      const { connections = 0, state: { living, users } = { living: 0, users: 0 } } = instance.workers ?? {};
      return { connections, active: users, generation, generations: living, since };
    },
  };
}

/** URL of the first address with a port; that of the loopback interface for an address that stands for all. */
function urlOf(bound: readonly BoundAddress[]): string {
  const first = bound.find(({ address }) => !address.startsWith('unix:'));
  if (first === undefined) return '';
  const address = first.address.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
  return `${first.secure ? 'https' : 'http'}://${toText(address)}`;
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

/** Contents of the `error_log memory:size` logs of all proxies of this process, one text each, the oldest line first. */
export function memoryLogs(): string[] {
  return memoryLogBytes().map(toText);
}

function logPath(path: string, prefix: string): string {
  return path === 'stderr' ? '' : toBytes(resolve(toText(prefix), path));
}

function toEntries(write: (entry: LogEntry) => void): (entry: ByteLogEntry) => void {
  return (entry) => write({ ...entry, message: toText(entry.message) });
}
