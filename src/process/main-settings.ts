/** What the process itself reads of a configuration: directives of the main context. */
import { existsSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import type { TemporaryPath } from '../config/temporary-path-argument.js';
import type { ErrorLogData } from '../exchange/error-log-argument.js';

/** Settings of the process. */
export interface MainSettings {
  /** In the order written; empty where there is none. */
  readonly errorLogs: readonly ErrorLogData[];
  /** Path of the pid file; null where none is configured and the prefix has no `logs/`. */
  readonly pid: string | null;
  /** Run in the background. */
  readonly daemon: boolean;
  /** How long connections may still take after QUIT, in ms; 0: as long as they want. */
  readonly shutdownTimeout: number;
  /** ms for which a worker may be silent before it is replaced; 0: any time. */
  readonly heartbeatTimeout: number;
  /** False: one process does all, and there are no workers. */
  readonly masterProcess: boolean;
  /** How many workers; at least 1. */
  readonly workerProcesses: number;
  /** The user of a root master's workers; null where the configuration does not say. */
  readonly user: { readonly name: string; readonly group: string } | null;
  /** Scheduling priority of workers. */
  readonly priority: number;
  /** On which processors workers run, a bit for each; null: on all. */
  readonly affinity: { readonly auto: boolean; readonly masks: readonly bigint[] } | null;
  /** How many files a worker may have open; null: as many as the master. */
  readonly openFiles: number | null;
}

/** Part of the memory that all workers together may use for buffered data where the configuration gives no limit. */
const BUFFERED_PART = 1 / 4;

/** `worker_buffer_limit`: bytes that a worker may use for buffered data. */
export function bufferLimit({ values }: CheckedConfig): number {
  const limit = values.worker_buffer_limit as number | undefined;
  if (limit === 0) return Number.POSITIVE_INFINITY;
  if (limit !== undefined) return limit;
  // Without a limit of a container this is 0, or far more than there is.
  const memory = Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
  const workers = values.master_process === false ? 1 : workerProcesses(values.worker_processes as number | 'auto');
  return Math.floor((memory * BUFFERED_PART) / workers);
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
    openFiles: (values.worker_rlimit_nofile as number | undefined) ?? null,
  };
}

function workerProcesses(value: number | 'auto' = 1): number {
  return value === 'auto' ? availableParallelism() : Math.max(1, value);
}

/** The group is called as the user where none is given. */
function userOf(words: readonly [string, string?] | undefined): MainSettings['user'] {
  return words === undefined ? null : { name: words[0], group: words[1] ?? words[0] };
}

/** Masks are binary numbers, as nginx reads them: the last digit is the first processor; spaces do not count. */
function affinityOf(words: readonly string[] | undefined): MainSettings['affinity'] {
  if (words === undefined) return null;
  const auto = words[0] === 'auto';
  const masks = (auto ? words.slice(1) : words).map((word) => BigInt(`0b0${word.replaceAll(' ', '')}`));
  return { auto, masks: masks.length > 0 ? masks : [(1n << BigInt(cpus().length)) - 1n] };
}

/**
 * A default path below the prefix, or null where its directory is not there: whoever starts a configuration in a directory
 * of their own does not want it littered.
 */
export function defaultFile(prefix: string, path: string): string | null {
  const full = prefix + path;
  return existsSync(Buffer.from(join(full, '..'), 'latin1')) ? full : null;
}

/** The directories for temporary files that a configuration names. */
export function temporaryPaths(block: CheckedBlock, found = new Set<string>()): ReadonlySet<string> {
  for (const name of block.own) {
    if (!name.endsWith('_temp_path')) continue;
    const place = block.values[name] as TemporaryPath | undefined;
    if (place !== undefined) found.add(place.path);
  }
  for (const inner of block.blocks) temporaryPaths(inner, found);
  return found;
}
