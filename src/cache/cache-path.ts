/** The argument of `proxy_cache_path`: a directory for cached responses, and its zone. nginx: ngx_http_file_cache_set_slot. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { ArgumentContext } from '../config/directive.js';
import { parseInteger, parseMilliseconds, parseOffset, parseSize } from '../config/units.js';

/** Least size of a zone in bytes: nginx requires two pages here, and eight when it allocates the zone. */
const MIN_SIZE = 2 * 4096;
const MAX_LEVELS = 3;

/** Limits of a background task: loader, manager or purger. */
export interface TaskLimits {
  /** Files after which there is a pause. */
  readonly files: number;
  /** ms of that pause. */
  readonly sleep: number;
  /** Longest time between two pauses, ms. */
  readonly threshold: number;
}

/** A directory of cached responses. Plain data. */
export interface CachePathData {
  /** Without a trailing slash. */
  readonly path: string;
  /** Number of digits in the names of subdirectories, the outermost first; empty for none. */
  readonly levels: readonly number[];
  /** Whether responses are written below `proxy_temp_path` first, or beside their targets. */
  readonly usesTemporaryPath: boolean;
  /** Name of the zone. */
  readonly zone: string;
  /** Bytes. */
  readonly size: number;
  /** Entries without an access for this time are removed, ms. */
  readonly inactive: number;
  /** Maximum bytes on the disk; null: unlimited. */
  readonly maxSize: number | null;
  /** Minimum bytes that are free on the file system. */
  readonly minFree: number;
  readonly loader: TaskLimits;
  readonly manager: TaskLimits;
  /** Limits of the walk that removes purged files; null: `purger=off`. */
  readonly purger: TaskLimits | null;
}

function parseLevels(word: Word, value: string, c: ArgumentContext): number[] {
  const levels = value.split(':');
  if (levels.length > MAX_LEVELS || levels.some((level) => level !== '1' && level !== '2')) {
    c.fail(word, 'invalid-value', `invalid "levels" "${word.text}"`, {
      help: 'one to three levels of one or two digits each: levels=1:2',
    });
  }
  return levels.map(Number);
}

function parseKeysZone(
  word: Word,
  value: string,
  c: ArgumentContext,
): { readonly zone: string; readonly size: number } {
  const colon = value.indexOf(':');
  const size = colon < 0 ? null : parseSize(value.slice(colon + 1));
  if (size === null) {
    return c.fail(word, 'invalid-value', `invalid keys zone size "${word.text}"`, {
      help: 'the syntax is keys_zone=name:size, such as keys_zone=one:10m',
    });
  }
  if (size < MIN_SIZE) c.fail(word, 'invalid-value', `keys zone "${word.text}" is too small`);
  return { zone: value.slice(0, colon), size };
}

function parsePath(words: readonly Word[], c: ArgumentContext): CachePathData {
  const [path, ...parameters] = words as [Word, ...Word[]]; // two words at least: `min`
  let levels: readonly number[] = [];
  let zone = { zone: '', size: 0 };
  let usesTemporaryPath = true;
  let inactive = 600_000;
  let maxSize: number | null = null;
  let minFree = 0;
  let purges = false;
  const limits = {
    loader: { files: 100, sleep: 50, threshold: 200 },
    manager: { files: 100, sleep: 50, threshold: 200 },
    purger: { files: 10, sleep: 50, threshold: 50 },
  };
  for (const word of parameters) {
    const equals = word.text.indexOf('=');
    const name = equals < 0 ? '' : word.text.slice(0, equals);
    const value = word.text.slice(equals + 1);
    const required = (parsed: number | null): number =>
      parsed ?? c.fail(word, 'invalid-value', `invalid ${name} value "${word.text}"`);
    switch (name) {
      case 'levels':
        levels = parseLevels(word, value, c);
        break;
      case 'use_temp_path':
        if (value !== 'on' && value !== 'off') {
          const message = `invalid use_temp_path value "${word.text}", it must be "on" or "off"`;
          c.fail(word, 'invalid-value', message);
        }
        usesTemporaryPath = value === 'on';
        break;
      case 'keys_zone':
        zone = parseKeysZone(word, value, c);
        break;
      case 'inactive':
        inactive = required(parseMilliseconds(value));
        break;
      case 'max_size':
        maxSize = required(parseOffset(value));
        break;
      case 'min_free':
        minFree = required(parseOffset(value));
        break;
      case 'loader_files':
      case 'manager_files':
        limits[name === 'loader_files' ? 'loader' : 'manager'].files = required(parseInteger(value));
        break;
      case 'loader_sleep':
      case 'manager_sleep':
        limits[name === 'loader_sleep' ? 'loader' : 'manager'].sleep = required(parseMilliseconds(value));
        break;
      case 'loader_threshold':
      case 'manager_threshold':
        limits[name === 'loader_threshold' ? 'loader' : 'manager'].threshold = required(parseMilliseconds(value));
        break;
      case 'purger':
        if (value !== 'on' && value !== 'off') {
          c.fail(word, 'invalid-value', `invalid purger value "${word.text}", it must be "on" or "off"`);
        }
        purges = value === 'on';
        break;
      case 'purger_files':
        limits.purger.files = required(parseInteger(value));
        break;
      case 'purger_sleep':
        limits.purger.sleep = required(parseMilliseconds(value));
        break;
      case 'purger_threshold':
        limits.purger.threshold = required(parseMilliseconds(value));
        break;
      default:
        c.fail(word, 'invalid-value', `invalid parameter "${word.text}"`);
    }
  }
  if (zone.zone === '' || zone.size === 0) {
    c.fail(c.statement, 'invalid-value', `"${c.directive}" must have "keys_zone" parameter`, {
      help: 'such as keys_zone=one:10m',
    });
  }
  const directory = path.text.length > 1 ? path.text.replace(/\/$/, '') : path.text;
  return {
    path: c.path(directory, 'prefix'),
    levels,
    usesTemporaryPath,
    ...zone,
    inactive,
    maxSize,
    minFree,
    ...limits,
    purger: purges ? limits.purger : null,
  };
}

export const cachePath = custom(
  'path [levels=levels] [use_temp_path=on|off] keys_zone=name:size [inactive=time] [max_size=size] [min_free=size] [manager_files=number] [manager_sleep=time] [manager_threshold=time] [loader_files=number] [loader_sleep=time] [loader_threshold=time] [purger=on|off] [purger_files=number] [purger_sleep=time] [purger_threshold=time]',
  2,
  Number.POSITIVE_INFINITY,
  parsePath,
);
