/** njs's `js_shared_dict_zone`: dictionaries that scripts of all workers share, `ngx.shared.NAME`. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { ArgumentContext } from '../config/directive.js';
import type { CheckContext } from '../config/module-declaration.js';
import { withoutStore } from '../config/store-argument.js';
import { parseMilliseconds } from '../config/units.js';
import { checkZone, parseZone } from '../config/zone-argument.js';
import { defineModule } from '../program/module.js';
import type { SharedDictionaryData } from '../scripting/shared-dictionary.js';

function parseDictionary(words: readonly Word[], c: ArgumentContext): SharedDictionaryData {
  let zone: { readonly name: string; readonly size: number } | null = null;
  let type: SharedDictionaryData['type'] = 'string';
  let timeout = 0;
  let evict: Word | null = null;
  let state: string | null = null;
  for (const word of words) {
    const equals = word.text.indexOf('=') + 1;
    const name = word.text.slice(0, equals);
    const value = word.text.slice(equals);
    if (name === 'zone=') {
      zone = parseZone(word, c);
      if (zone.name === '') c.fail(word, 'invalid-value', `invalid zone name "${word.text}"`);
    } else if (name === 'timeout=') {
      const ms = parseMilliseconds(value);
      if (ms === null) c.fail(word, 'invalid-value', `invalid timeout value "${word.text}"`);
      timeout = ms ?? 0;
    } else if (name === 'type=') {
      if (value !== 'string' && value !== 'number') {
        return c.fail(word, 'invalid-value', `invalid dict type "${value}"`, { help: 'string or number' });
      }
      type = value;
    } else if (name === 'state=' && value !== '') state = c.path(value, 'conf');
    else if (word.text === 'evict') evict = word;
    else c.fail(word, 'invalid-value', `invalid parameter "${word.text}"`, withoutStore(word));
  }
  if (zone === null) return c.fail(c.statement, 'invalid-value', `"${c.directive}" must have "zone" parameter`);
  if (evict !== null && timeout === 0) c.fail(evict, 'invalid-value', 'evict requires timeout=');
  return { ...zone, type, timeout, evict: evict !== null, state };
}

function checkZones(block: CheckedBlock, c: CheckContext): void {
  const values = (block.values.js_shared_dict_zone ?? []) as readonly SharedDictionaryData[];
  const files = new Map<string, string>();
  for (const { args } of c.statements('js_shared_dict_zone')) {
    const at = args.find(({ text }) => text.startsWith('zone='));
    const name = /^zone=([^:]*)/.exec(at?.text ?? '')?.[1];
    // A rejected declaration has its own finding.
    const data = values.find((each) => each.name === name);
    if (at === undefined || data === undefined) continue;
    const other = checkZone({ kind: 'js_shared_dict', name: data.name, size: data.size, key: data.type }, at, c);
    if (other !== null) c.report(at, 'duplicate-definition', `duplicate zone "${data.name}"`);
    if (data.state === null) continue;
    const user = files.get(data.state);
    if (user !== undefined && user !== data.name) {
      c.report(at, 'conflicting-directives', `state file "${data.state}" is used by zone "${user}" too`);
    }
    files.set(data.state, data.name);
  }
}

export default defineModule({
  name: 'js_shared_dict',
  doc: 'Dictionaries that the scripts of all workers share.',
  directives: {
    js_shared_dict_zone: {
      contexts: ['http'],
      takes: custom(
        'zone=name:size [timeout=time] [type=string | number] [evict] [state=file]',
        1,
        Number.POSITIVE_INFINITY,
        parseDictionary,
      ),
      repeat: true,
      links: ({ name }: SharedDictionaryData) => ({ name: `zone ${name}` }),
      doc: 'Declares a dictionary, which scripts use as `ngx.shared.name`: `get`, `set`, `add`, `replace`, `incr`, `has`, `delete`, `pop`, `ttl`, `keys`, `items`, `size`, `clear`, `freeSpace`. All workers share it, each call is atomic, and its contents survive reloads. Values are strings, or numbers with `type=number`. With `timeout`, an entry expires after that time unless a call gives it another one; with `evict`, the entries that expire first are removed to make room; without it, a call that needs more memory throws a `SharedMemoryError`. With `state`, the contents are saved in that file, as JSON, within a second of a change and at the end, and read at the start; an invalid file is reported in the error log and renamed.',
      example: 'js_shared_dict_zone zone=sessions:1m timeout=1h evict;',
    },
  },
  check(block, c) {
    if (block.context === 'http') checkZones(block, c);
  },
});
