/** Zones of `keyval_zone`: values by key, which variables look up and the API changes, with their state files. */
import { parseObjects, readEntries, type SavedState, StateFile } from '../files/state-file.js';
import type { ErrorLog } from '../logging/error-log.js';
import { type KeyType, KeyValueCopy } from '../zones/key-value-copy.js';
import { changeKeyValues, clearKeyValues, loadKeyValues, readKeyValues } from '../zones/key-value-operations.js';
import type { KeyChange, KeyChangeAnswer, KeyValue, KeyValueNews } from '../zones/key-values.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';
import type { Compiler, Shared } from './module.js';
import { openZone } from './zones.js';

/** A `keyval_zone` as declared. Plain data. */
export interface KeyvalZoneData {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Path of the state file; null for none. */
  readonly state: string | null;
  /** ms after which a key expires; 0: never. */
  readonly timeout: number;
  readonly type: KeyType;
}

export class KeyvalZone {
  private readonly copy: KeyValueCopy;
  private readonly zone: Zone;
  private readonly file: StateFile | null;

  constructor(
    readonly data: KeyvalZoneData,
    compiler: Compiler,
    private readonly backend: ZoneBackend = compiler.zones,
  ) {
    const { name, size, state, type } = data;
    this.copy = new KeyValueCopy(type);
    this.zone = openZone(compiler, { kind: 'keyval', name, size, key: '' }, 'keyval_zone', (news) =>
      this.copy.apply(news as KeyValueNews),
    );
    this.file = state === null ? null : new StateFile(state, () => this.savedState());
  }

  /** Reads the state file, unless the zone is in use already, and fills the copy of this process. */
  async load(errorLog: ErrorLog, onlyTest: boolean): Promise<void> {
    const { state } = this.data;
    const report = (message: string): void => errorLog.write('error', message);
    const found = await this.backend.ask(readKeyValues, { zone: this.zone.id });
    if (found?.loaded !== true) {
      const entries = state === null ? [] : readEntries(state, 'keyval_zone', parseEntries, onlyTest, report);
      await this.backend.ask(loadKeyValues, { zone: this.zone.id, entries });
    }
    const now = await this.backend.ask(readKeyValues, { zone: this.zone.id });
    this.copy.apply({ all: true, set: now?.entries ?? [], removed: [] });
  }

  /** The value of a key for a variable; undefined for none. */
  find(key: string): string | undefined {
    return this.copy.find(key);
  }

  /** Entries that have not expired; null if the master does not respond. */
  async entries(): Promise<readonly KeyValue[] | null> {
    return (await this.backend.ask(readKeyValues, { zone: this.zone.id }))?.entries ?? null;
  }

  /** Changes keys, all or none; without `left`, a key expires after `timeout=`. */
  async change(mode: 'add' | 'modify', changes: readonly KeyChange[]): Promise<KeyChangeAnswer> {
    return this.backend.ask(changeKeyValues, { zone: this.zone.id, mode, changes });
  }

  /** Removes all keys; false if the master does not respond. */
  async clear(): Promise<boolean> {
    return this.backend.ask(clearKeyValues, { zone: this.zone.id });
  }

  /** Writes the state file, if there is one. Rejects with StateFileError. */
  async save(): Promise<void> {
    await this.file?.save();
  }

  private async savedState(): Promise<SavedState | null> {
    const state = await this.backend.ask(readKeyValues, { zone: this.zone.id });
    if (state === null) return null;
    const now = Date.now();
    const lines = state.entries.map(({ key, value, left }) => {
      const entry = left === null ? { value } : { value, expires: Math.round(now + left) };
      return `  ${JSON.stringify(key)}: ${JSON.stringify(entry)}`;
    });
    return { version: state.version, text: lines.length === 0 ? '{}\n' : `{\n${lines.join(',\n')}\n}\n` };
  }
}

/** Parses the content of a state file: an object with the values by key; null if it is invalid. */
function parseEntries(text: string): KeyValue[] | null {
  const members = parseObjects(text);
  if (members === null) return null;
  const now = Date.now();
  const entries: KeyValue[] = [];
  for (const [key, { value, expires }] of members) {
    if (typeof value !== 'string') return null;
    if (expires !== undefined && !(typeof expires === 'number' && Number.isFinite(expires))) return null;
    entries.push({ key, value, left: expires === undefined ? null : expires - now });
  }
  return entries;
}

/** Shared object with the zones of a table, by name. */
const KEY = 'keyval zones';

/** The zones of `keyval_zone` of a table, by name, in the order written. */
export function keyvalZones(shared: Shared): Map<string, KeyvalZone> {
  return shared.get<Map<string, KeyvalZone>>(KEY) ?? shared.set(KEY, new Map());
}
