/** State files of `js_shared_dict_zone`: read at the start, and written at most once a second while the dictionary changes. */
import { toBytes, toText } from '../diagnostics/byte-string.js';
import {
  parseObjects,
  readEntries,
  type SavedState,
  StateFile,
  StateFileError,
  writeStateFileNow,
} from '../files/state-file.js';
import type { ErrorLog } from '../logging/error-log.js';
import type { DictionaryEntry } from '../zones/dictionary.js';
import { type DictionaryContents, loadDictionary, readDictionary } from '../zones/dictionary-operations.js';
import { type Zone, type ZoneBackend, ZoneUnavailable } from '../zones/zone.js';
import type { SharedDictionaryData } from './shared-dictionary.js';

/** ms between a change and the time at which the file is written: within a second, as in njs. */
const SAVE_INTERVAL = 800;

export class DictionaryState {
  private readonly file: StateFile;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly path: string,
    private readonly data: SharedDictionaryData,
    private readonly backend: ZoneBackend,
    private readonly zone: Zone,
    private readonly errorLog: ErrorLog,
  ) {
    this.file = new StateFile(path, () => this.savedState());
  }

  /** Reads the file, unless the dictionary is in use already. */
  async load(onlyTest: boolean): Promise<void> {
    const question = { zone: this.zone.id };
    if ((await this.backend.ask(readDictionary, question))?.loaded === true) return;
    const parse = (text: string) => parseDictionary(toText(text), this.data);
    const report = (message: string): void => this.errorLog.write('error', message);
    const entries = readEntries(this.path, 'js_shared_dict_zone', parse, onlyTest, report);
    await this.backend.ask(loadDictionary, { ...question, entries });
    // Writes the file again without expired entries, and with the expiry of entries that had none.
    const defaultTimeout = this.data.timeout;
    if (!onlyTest && defaultTimeout > 0 && entries.some(({ left }) => left === defaultTimeout || (left ?? 0) <= 0))
      this.changed();
  }

  /** Schedules a write after a change in this process. */
  changed(): void {
    this.timer ??= setTimeout(() => this.save(), SAVE_INTERVAL).unref();
  }

  /** Writes pending changes before it returns: the process may be about to end. */
  close(): void {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.timer = null;
    try {
      const contents = this.backend.askNow(this.zone, readDictionary, { zone: this.zone.id });
      if (contents !== null) writeStateFileNow(this.path, textOf(contents));
    } catch (error) {
      if (!(error instanceof StateFileError) && !(error instanceof ZoneUnavailable)) throw error;
      this.errorLog.write('error', error.message);
    }
  }

  private save(): void {
    this.timer = null;
    this.file.save().catch((error: unknown) => {
      if (!(error instanceof StateFileError)) throw error;
      this.errorLog.write('error', error.message);
    });
  }

  private async savedState(): Promise<SavedState | null> {
    const contents = await this.backend.ask(readDictionary, { zone: this.zone.id });
    return contents === null ? null : { version: contents.version, text: textOf(contents) };
  }
}

/** The content of a state file, a byte string. */
function textOf({ entries }: DictionaryContents): string {
  const now = Date.now();
  const content = entries.map(({ key, value, left }) => [
    key,
    left === null ? { value } : { value, expire: Math.round(now + left) },
  ]);
  return toBytes(JSON.stringify(Object.fromEntries(content)));
}

/**
 * Entries of a state file: an object with `value` and `expire` (ms since 1970; 0: the default timeout applies) by key. njs's
 * parser accepts a comma after the last entry. Null: invalid.
 */
export function parseDictionary(text: string, { type, timeout }: SharedDictionaryData): DictionaryEntry[] | null {
  const members = parseObjects(text.replace(/,(\s*\}\s*)$/, '$1'));
  if (members === null) return null;
  const now = Date.now();
  const entries: DictionaryEntry[] = [];
  for (const [key, { value, expire = 0 }] of members) {
    if (typeof value !== type || typeof expire !== 'number' || !Number.isFinite(expire)) return null;
    const defaultTimeout = timeout === 0 ? null : timeout;
    const left = timeout === 0 || expire === 0 ? defaultTimeout : expire - now;
    entries.push({ key, value: value as string | number, left }); // the type was checked above
  }
  return entries;
}
