/** Settings that the process itself reads from a configuration: directives of the main context. */

import { existsSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import type { ErrorLogData } from '../config/error-log-argument.js';
import type { TemporaryPath } from '../config/temporary-path-argument.js';
import { toText } from '../diagnostics/byte-string.js';

/** Settings of the process. */
export interface MainSettings {
  /** In the order written; may be empty. */
  readonly errorLogs: readonly ErrorLogData[];
  /** Path of the pid file; null if none is configured and the prefix has no `logs/`. */
  readonly pid: string | null;
  /** Run in the background. */
  readonly daemon: boolean;
  /** ms that connections may still take after QUIT; 0: without limit. */
  readonly shutdownTimeout: number;
  /** ms without a heartbeat after which a worker is replaced; 0: never. */
  readonly heartbeatTimeout: number;
  /** False: a single process serves, without workers. */
  readonly masterProcess: boolean;
  /** Number of workers, at least 1. */
  readonly workerProcesses: number;
  /** User of the workers of a root master; null if not configured. */
  readonly user: { readonly name: string; readonly group: string } | null;
  /** Scheduling priority of workers. */
  readonly priority: number;
  /** CPU affinity masks of workers; null: not set. */
  readonly affinity: { readonly auto: boolean; readonly masks: readonly bigint[] } | null;
  /** Environment variables that the processes set (`env NAME=value`). Bytes. */
  readonly environment: ReadonlyMap<string, string>;
  /** Limit of open files of a worker; null: that of the master. */
  readonly openFiles: number | null;
}

/** Default share of the memory that all workers together may use for buffered data. */
const BUFFERED_SHARE = 1 / 4;

/** `worker_buffer_limit`: bytes that a worker may use for buffered data. */
export function bufferLimit({ values }: CheckedConfig): number {
  const limit = values.worker_buffer_limit as number | undefined;
  if (limit === 0) return Number.POSITIVE_INFINITY;
  if (limit !== undefined) return limit;
  // Without a container limit this is 0 or far above the physical memory.
  const memory = Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
  const workers = values.master_process === false ? 1 : workerProcesses(values.worker_processes as number | 'auto');
  return Math.floor((memory * BUFFERED_SHARE) / workers);
}

/** Reads the settings. `prefix` ends in a slash. */
export function mainSettings(config: CheckedConfig, prefix: string): MainSettings {
  const { values } = config;
  return {
    errorLogs: (values.error_log as readonly ErrorLogData[] | undefined) ?? [],
    pid: (values.pid as string | undefined) ?? defaultFile(prefix, 'logs/nginx.pid'),
    daemon: values.daemon === true,
    shutdownTimeout: (values.worker_shutdown_timeout as number | undefined) ?? 0,
    heartbeatTimeout: (values.worker_heartbeat_timeout as number | undefined) ?? 10_000,
    masterProcess: values.master_process !== false,
    workerProcesses: workerProcesses(values.worker_processes as number | 'auto' | undefined),
    user: userOf(values.user as readonly [string, string?] | undefined),
    priority: (values.worker_priority as number | undefined) ?? 0,
    affinity: affinityOf(values.worker_cpu_affinity as readonly string[] | undefined),
    environment: environmentOf(values.env as readonly string[] | undefined),
    openFiles: (values.worker_rlimit_nofile as number | undefined) ?? null,
  };
}

function workerProcesses(value: number | 'auto' = 1): number {
  return value === 'auto' ? availableParallelism() : Math.max(1, value);
}

function environmentOf(entries: readonly string[] = []): ReadonlyMap<string, string> {
  return new Map(
    entries.flatMap((entry) => {
      const equals = entry.indexOf('=');
      return equals < 0 ? [] : [[entry.slice(0, equals), entry.slice(equals + 1)] as const];
    }),
  );
}

/** Sets the environment variables of a configuration in this process. */
export function applyEnvironment({ environment }: MainSettings): void {
  for (const [name, value] of environment) {
    process.env[toText(name)] = toText(value);
  }
}

/** The group defaults to the user's name. */
function userOf(words: readonly [string, string?] | undefined): MainSettings['user'] {
  return words === undefined ? null : { name: words[0], group: words[1] ?? words[0] };
}

/** Masks are binary numbers, as in nginx: the last digit is the first processor, spaces are ignored. */
function affinityOf(words: readonly string[] | undefined): MainSettings['affinity'] {
  if (words === undefined) return null;
  const auto = words[0] === 'auto';
  const masks = (auto ? words.slice(1) : words).map((word) => BigInt(`0b0${word.replaceAll(' ', '')}`));
  return { auto, masks: masks.length > 0 ? masks : [(1n << BigInt(cpus().length)) - 1n] };
}

/**
 * A default path below the prefix; null if its directory is missing, so that a start in an arbitrary directory leaves no
 * files there.
 */
export function defaultFile(prefix: string, path: string): string | null {
  const full = prefix + path;
  return existsSync(Buffer.from(join(full, '..'), 'latin1')) ? full : null;
}

/** Collects the directories for temporary and cached files that a configuration names. */
export function temporaryPaths(block: CheckedBlock, found = new Set<string>()): ReadonlySet<string> {
  for (const name of block.own) {
    if (!name.endsWith('_temp_path') && !name.endsWith('_cache_path')) continue;
    const places = block.values[name] as TemporaryPath | readonly TemporaryPath[] | undefined;
    for (const { path } of [places ?? []].flat()) found.add(path);
  }
  for (const inner of block.blocks) temporaryPaths(inner, found);
  return found;
}
