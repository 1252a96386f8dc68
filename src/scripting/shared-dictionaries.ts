/** Dictionaries of a table, opened before user modules are evaluated, because top-level statements may use them. */
import type { CheckedBlock } from '../config/checked-config.js';
import { toText } from '../diagnostics/byte-string.js';
import type { Compiler } from '../program/module.js';
import { openZone } from '../program/zones.js';
import { DictionaryState } from './dictionary-state.js';
import { SharedDictionary, type SharedDictionaryData } from './shared-dictionary.js';

/** Opens the dictionaries that `http` declares; by name. */
export async function openDictionaries(compiler: Compiler, http: CheckedBlock): Promise<object> {
  const dictionaries = Object.create(null) as Record<string, SharedDictionary>;
  for (const data of (http.values.js_shared_dict_zone ?? []) as readonly SharedDictionaryData[]) {
    dictionaries[toText(data.name)] = await opened(compiler, data);
  }
  return Object.freeze(dictionaries);
}

async function opened(compiler: Compiler, data: SharedDictionaryData): Promise<SharedDictionary> {
  const { zones: backend, errorLog } = compiler;
  const { simulates } = compiler.observer;
  const { name, size, type, state } = data;
  const saving: { file: DictionaryState | null; close(): void } = {
    file: null,
    close() {
      this.file?.close();
    },
  };
  // Before the zone, which is closed after it.
  if (state !== null) compiler.shared.set(`state of js_shared_dict_zone ${name}`, saving);
  const zone = openZone(compiler, { kind: 'js_shared_dict', name, size, key: type }, 'js_shared_dict_zone');
  if (state !== null) {
    saving.file = new DictionaryState(state, data, backend, zone, errorLog);
    await saving.file.load(compiler.onlyTest || simulates);
  }
  return new SharedDictionary(data, backend, zone, () => {
    if (!simulates) saving.file?.changed();
  });
}
