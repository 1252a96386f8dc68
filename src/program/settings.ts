/** Settings of a location. */
import type { ErrorLog } from '../logging/error-log.js';
import { type Settings, type SettingsKey, sameValues } from './settings-key.js';
import type { Template } from './template.js';

/** An `error_page` for one status. */
export interface ErrorPage {
  /** Response status; -1: the error's own; 0 (`=`): the one that results from processing the page. */
  readonly responseStatus: number;
  /** A URI, a redirect URL, or a named location (`@name`). */
  readonly target: Template;
}

/** Shared by locations without settings by key. */
const NO_SLOTS: readonly unknown[] = [];

/**
 * Settings of a location. Fields: those that several layers or each request read; times in ms, sizes in bytes. Other
 * features have a key each.
 */
export class LocationSettings implements Settings {
  private slots: readonly unknown[] = NO_SLOTS;
  defaultType = 'text/plain';
  /** Media types by file extension (lower case). */
  types: ReadonlyMap<string, string> = new Map();
  clientMaxBodySize = 1 << 20;
  clientBodyBufferSize = 16 << 10;
  clientBodyTimeout = 60_000;
  sendTimeout = 60_000;
  /** 0: no keep-alive. */
  keepaliveTimeout = 75_000;
  /** Seconds announced in a `Keep-Alive` field; 0: no field. */
  keepaliveHeader = 0;
  keepaliveRequests = 1000;
  keepaliveTime = 3_600_000;
  lingeringClose: 'off' | 'on' | 'always' = 'on';
  lingeringTime = 30_000;
  lingeringTimeout = 5_000;
  resetTimedoutConnection = false;
  chunkedTransferEncoding = true;
  serverTokens: 'on' | 'off' | 'build' | string = 'on';
  satisfy: 'all' | 'any' = 'all';
  internal = false;
  recursiveErrorPages = false;
  errorPages: ReadonlyMap<number, ErrorPage> | null = null;
  /** URI or named location of `post_action`, or null. */
  postAction: string | null = null;
  /** Also used at server level. */
  errorLog: ErrorLog;
  constructor(errorLog: ErrorLog) {
    this.errorLog = errorLog;
  }

  get<T>(key: SettingsKey<T>): T {
    const { slots } = this;
    const value = key.index < slots.length ? slots[key.index] : undefined;
    return value === undefined ? key.initial : (value as T); // set for this key
  }

  /** Called by `settings` hooks only. Values that are the same as the initial ones need no memory. */
  set<T>(key: SettingsKey<T>, value: T): void {
    if (this.slots[key.index] === undefined && sameValues(value, key.initial)) return;
    const slots = [...this.slots];
    while (slots.length <= key.index) slots.push(undefined);
    slots[key.index] = value;
    this.slots = slots;
  }
}
