/** nginx Plus' `ngx_http_keyval_module`: variables with the values of keys that the API changes. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import { definedVariable } from '../config/assignment-argument.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { ArgumentContext, Directives } from '../config/directive.js';
import type { CheckContext } from '../config/module-declaration.js';
import { withoutStore } from '../config/store-argument.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { parseMilliseconds } from '../config/units.js';
import { checkZone, parseZone } from '../config/zone-argument.js';
import { nearest } from '../diagnostics/nearest.js';
import { KeyvalZone, type KeyvalZoneData, keyvalZones } from '../program/keyval-zone.js';
import { defineModule } from '../program/module.js';

const TYPES = ['string', 'ip', 'prefix'] as const;

function parseKeyvalZone(words: readonly Word[], c: ArgumentContext): KeyvalZoneData {
  let zone: { readonly name: string; readonly size: number } | null = null;
  let state: string | null = null;
  let timeout = 0;
  let type: KeyvalZoneData['type'] = 'string';
  for (const word of words) {
    const equals = word.text.indexOf('=') + 1;
    const name = word.text.slice(0, equals);
    const value = word.text.slice(equals);
    if (name === 'zone=') zone = parseZone(word, c);
    else if (name === 'state=' && value !== '') state = c.path(value, 'conf');
    else if (name === 'timeout=') {
      timeout = parseMilliseconds(value) ?? 0;
      if (timeout === 0) {
        c.fail(word, 'invalid-value', `invalid timeout "${value}"`, {
          help: 'a time that is not 0, such as 1h or 30s',
        });
      }
    } else if (name === 'type=') {
      const found = TYPES.find((each) => each === value);
      if (found === undefined) {
        return c.fail(word, 'invalid-value', `invalid type "${value}"`, { help: `one of ${TYPES.join(', ')}` });
      }
      type = found;
    } else if (word.text === 'sync') {
      c.unsupported(word, 'invalid parameter "sync"', {
        help: 'key-value zones are shared by the workers of one machine, not by several machines',
      });
    } else c.fail(word, 'invalid-value', `invalid parameter "${word.text}"`, withoutStore(word));
  }
  if (zone === null || zone.name === '') {
    return c.fail(c.statement, 'invalid-value', `"${c.directive}" must have "zone" parameter`);
  }
  return { ...zone, state, timeout, type };
}

interface KeyvalData {
  readonly key: TemplateData;
  readonly variable: string;
  readonly zone: string;
}

function parseKeyval(words: readonly Word[], c: ArgumentContext): KeyvalData {
  const [key, variable, zone] = words as readonly [Word, Word, Word]; // three words: `min` and `max`
  if (!/^zone=./s.test(zone.text)) {
    c.fail(zone, 'invalid-value', `invalid parameter "${zone.text}"`, { help: 'the syntax is zone=name' });
  }
  return {
    key: parseTemplate(key, c),
    variable: definedVariable(variable, c),
    zone: zone.text.slice('zone='.length),
  };
}

const directives = {
  keyval_zone: {
    contexts: ['http'],
    takes: custom(
      'zone=name:size [state=file] [timeout=time] [type=string | ip | prefix] [sync]',
      1,
      Number.POSITIVE_INFINITY,
      parseKeyvalZone,
    ),
    repeat: true,
    links: ({ name }: KeyvalZoneData) => ({ name: `zone ${name}` }),
    doc: 'Declares a key-value zone, which the API changes (`api`) and `keyval` looks up. All workers share it. With `state`, the zone is saved in that file, as JSON, whenever it changes; an invalid file is reported in the error log and renamed. With `timeout`, a key expires when it has not been changed for that time. `type` determines how keys match: with `string`, by equality; with `ip`, keys are addresses or networks in CIDR notation, and the smallest network that contains the address matches; with `prefix`, the longest key that is a prefix of the text matches.',
    example: 'keyval_zone zone=blocked:1m state=/var/lib/tsproxy/blocked.json timeout=1h type=ip;',
    differs: '`sync` is not supported.',
    differsFor: (words) => words.includes('sync'),
    differsSlightly: true,
  },
  keyval: {
    contexts: ['http'],
    takes: custom('key $variable zone=name', 3, 3, parseKeyval),
    repeat: true,
    links: ({ variable, zone }: KeyvalData) => ({ name: `$${variable}`, refers: [`zone ${zone}`] }),
    doc: 'Defines a variable: the value of the key in the zone, or empty if the zone has no such key.',
    example: 'keyval $remote_addr $blocked zone=blocked;',
    exampleNeeds: 'keyval_zone zone=blocked:1m type=ip;',
  },
} as const satisfies Directives;

function checkZones(block: CheckedBlock, c: CheckContext): void {
  const values = (block.values.keyval_zone ?? []) as readonly KeyvalZoneData[];
  for (const { args } of c.statements('keyval_zone')) {
    const at = args.find(({ text }) => text.startsWith('zone='));
    const name = /^zone=([^:]*)/.exec(at?.text ?? '')?.[1];
    // A rejected declaration has its own finding.
    const data = values.find((each) => each.name === name);
    if (at === undefined || data === undefined) continue;
    const other = checkZone({ kind: 'keyval', name: data.name, size: data.size, key: '' }, at, c);
    if (other !== null) c.report(at, 'duplicate-definition', `duplicate keyval_zone "${data.name}"`);
  }
  const files = new Map<string, string>();
  for (const { name, state } of values) {
    const other = state === null ? undefined : files.get(state);
    const at = c
      .statements('keyval_zone')
      .find(({ args }) => args.some(({ text }) => text.startsWith(`zone=${name}:`)));
    if (other !== undefined && at !== undefined) {
      c.report(at, 'conflicting-directives', `state file "${state}" is used by zone "${other}" too`);
    }
    if (state !== null) files.set(state, name);
  }
}

function checkReferences(block: CheckedBlock, c: CheckContext): void {
  const declared = new Set(
    c.statements('keyval_zone').flatMap(({ args }) => {
      return args.flatMap(({ text }) => /^zone=([^:]+)/.exec(text)?.[1] ?? []);
    }),
  );
  const values = (block.values.keyval ?? []) as readonly KeyvalData[];
  for (const { args } of c.statements('keyval')) {
    const at = args[2];
    const name = at?.text.slice('zone='.length) ?? '';
    if (at === undefined || declared.has(name) || !values.some(({ zone }) => zone === name)) continue;
    const [meant] = nearest(name, [...declared]);
    c.report(at, 'invalid-reference', `zero size shared memory zone "${name}"`, {
      help:
        meant === undefined
          ? `no zone of that name is declared: keyval_zone zone=${name}:1m;`
          : `did you mean "${meant}"?`,
    });
  }
}

export default defineModule({
  name: 'keyval',
  doc: 'Defines variables whose values are looked up in key-value zones, which change at run time.',
  directives,
  check(block, c) {
    if (block.context !== 'http') return;
    checkZones(block, c);
    checkReferences(block, c);
  },
  http(conf, _block, compiler) {
    const zones = keyvalZones(compiler.shared);
    for (const data of conf.keyval_zone) {
      const zone = new KeyvalZone(data, compiler);
      zones.set(data.name, zone);
      compiler.await(zone.load(compiler.errorLog, compiler.onlyTest));
    }
    for (const { key, variable, zone: name } of conf.keyval) {
      const zone = zones.get(name);
      // References to undeclared zones are rejected by the configuration checks.
      if (zone === undefined) throw new Error(`no keyval_zone "${name}"`);
      const template = compiler.template(key);
      compiler.define(variable, (x) => zone.find(template.of(x)), false);
    }
  },
});
