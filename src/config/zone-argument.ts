/** Zones in a configuration: the parameter `zone=name:size`, and the constraints on all zones together. */

import type { Span, Statement, Word } from '../../grammar/syntax-tree.js';
import { nearest } from '../diagnostics/nearest.js';
import type { CheckedBlock, CheckedConfig } from './checked-config.js';
import type { ArgumentContext } from './directive.js';
import type { CheckContext } from './module-declaration.js';
import { checkStoreNames, StoreParameters } from './store-argument.js';
import type { TemplateData } from './template.js';
import { parseTemplate } from './template-parser.js';
import { parseSize } from './units.js';
import type { ZoneDeclaration, ZoneKind } from './zone-declaration.js';

/** Minimum size in bytes: nginx requires eight pages. */
const MIN_SIZE = 8 * 4096;

/** Parses a size in bytes; `subject` is the text shown in nginx's messages. */
export function parseZoneSize(
  text: string,
  at: Word,
  subject: { size: string; name: string },
  c: ArgumentContext,
): number {
  const size = parseSize(text);
  if (size === null) {
    return c.fail(at, 'invalid-value', `invalid zone size "${subject.size}"`, { help: 'a size is written 64k or 10m' });
  }
  if (size < MIN_SIZE) {
    c.fail(at, 'invalid-value', `zone "${subject.name}" is too small`, { help: 'the minimum is 32k' });
  }
  return size;
}

/** Parses the parameter `zone=name:size` of a directive that declares a zone. */
export function parseZone(word: Word, c: ArgumentContext): { readonly name: string; readonly size: number } {
  const [, name = '', size] = /^zone=([^:]*)(?::(.*))?$/s.exec(word.text) ?? [];
  if (size === undefined) {
    return c.fail(word, 'invalid-value', `invalid zone size "${word.text}"`, { help: 'the syntax is zone=name:size' });
  }
  return { name, size: parseZoneSize(size, word, { size: word.text, name: word.text }, c) };
}

/** A zone with the place of its declaration. */
interface Declared {
  readonly zone: ZoneDeclaration;
  readonly at: Span;
}

const zonesByConfig = new WeakMap<CheckedConfig, Map<string, Declared>>();

/** Zones found so far by the checks of a configuration. */
function zonesOf(config: CheckedConfig): Map<string, Declared> {
  let zones = zonesByConfig.get(config);
  if (zones === undefined) zonesByConfig.set(config, (zones = new Map()));
  return zones;
}

const invalidByConfig = new WeakMap<CheckedConfig, Set<string>>();

/** Zones with an invalid declaration, by kind and name. */
function invalidZones(config: CheckedConfig): Set<string> {
  let zones = invalidByConfig.get(config);
  if (zones === undefined) invalidByConfig.set(config, (zones = new Set()));
  return zones;
}

/** Records a zone, or reports the other one with which it conflicts and returns that. */
export function checkZone(zone: ZoneDeclaration, at: Span, c: CheckContext): ZoneDeclaration | null {
  const zones = zonesOf(c.config);
  const other = zones.get(zone.name);
  if (other === undefined) {
    zones.set(zone.name, { zone, at });
    return null;
  }
  const related = { related: [{ at: other.at, message: 'first declared here' }] };
  if (other.zone.kind !== zone.kind) {
    c.report(at, 'duplicate-definition', differentUse(zone.name), related);
  } else if (zone.size !== 0 && other.zone.size !== 0 && zone.size !== other.zone.size) {
    const sizes = `the size ${zone.size} of shared memory zone "${zone.name}" conflicts with already declared size ${other.zone.size}`;
    c.report(at, 'duplicate-definition', sizes, related);
  } else {
    if (other.zone.size === 0) zones.set(zone.name, { zone, at });
    return other.zone;
  }
  return null;
}

/** Value of a directive that declares a zone with a key. Plain data. */
export interface KeyedZoneData {
  readonly zone: ZoneDeclaration;
  readonly key: TemplateData;
}

/**
 * Parses `key zone=name:size [store=name] …`; `parameter` receives each further word, and returns whether it is known.
 * `leases`: whether `store_lease=` applies.
 */
export function parseKeyedZone(
  kind: ZoneKind,
  words: readonly Word[],
  c: ArgumentContext,
  parameter: (word: Word) => boolean = () => false,
  leases = false,
): KeyedZoneData {
  const [key, ...parameters] = words as readonly [Word, ...Word[]]; // two words at least: `min`
  const template = parseTemplate(key, c);
  let found = { name: '', size: 0 };
  const store = new StoreParameters(c, leases);
  for (const word of parameters) {
    if (word.text.startsWith('zone=')) found = parseZone(word, c);
    else if (!store.parse(word) && !parameter(word)) c.fail(word, 'invalid-value', `invalid parameter "${word.text}"`);
  }
  if (found.name === '') c.fail(c.statement, 'invalid-value', `"${c.directive}" must have "zone" parameter`);
  return { zone: { kind, ...found, key: key.text, ...store.value }, key: template };
}

/** Checks the zones declared by a directive, against each other and against those of other directives. */
export function checkKeyedZones(kind: ZoneKind, directive: string, block: CheckedBlock, c: CheckContext): void {
  const values = (block.values[directive] ?? []) as readonly KeyedZoneData[];
  const declared = new Set(values.map(({ zone }) => zoneKey(zone)));
  checkStoreNames(directive, c);
  for (const { args } of c.statements(directive)) {
    const at = args.find(({ text }) => text.startsWith('zone='));
    const [, name = '', written = ''] = /^zone=([^:]*)(?::(.*))?$/s.exec(at?.text ?? '') ?? [];
    const zone = { kind, name, size: parseSize(written) ?? 0, key: args[0]?.text ?? '' };
    // A rejected declaration has its own finding.
    if (at === undefined || !declared.has(zoneKey(zone))) {
      const misspelt = args.flatMap(({ text }) => /^\w+=([^:]+):/.exec(text)?.[1] ?? [])[0];
      invalidZones(c.config).add(`${kind} ${at === undefined ? misspelt : name}`);
      continue;
    }
    const other = checkZone(zone, at, c);
    if (other !== null) {
      c.report(at, 'duplicate-definition', `${directive} "${name}" is already bound to key "${other.key}"`);
    }
  }
}

function zoneKey({ name, size, key }: ZoneDeclaration): string {
  return JSON.stringify([name, size, key]);
}

/** The parameter `zone=name` of a statement that refers to a zone, for `checkZoneReferences`. */
export function zoneParameter({ args }: Statement): { readonly name: string; readonly at: Word } | undefined {
  const at = args.findLast(({ text }) => text.startsWith('zone='));
  return at && { name: at.text.slice('zone='.length), at };
}

/**
 * Checks the zones referenced by a directive of a block: each must be declared by `${kind}_zone`, and be named once.
 * `nameOf` returns the name in a statement.
 */
export function checkZoneReferences(
  kind: ZoneKind,
  directive: string,
  block: CheckedBlock,
  nameOf: (statement: Statement) => { readonly name: string; readonly at: Span } | undefined,
  c: CheckContext,
): void {
  // Rejected statements have their own findings: of the statements that name a zone, only as many of the last are
  // checked as were valid.
  const passed = new Map<string, number>();
  if (block.own.includes(directive)) {
    for (const { zone } of (block.values[directive] ?? []) as readonly { readonly zone: string | null }[]) {
      if (zone !== null) passed.set(zone, (passed.get(zone) ?? 0) + 1);
    }
  }
  const declared = new Set(
    c.all('http').flatMap(({ values }) => {
      const list = (values[`${kind}_zone`] ?? []) as readonly KeyedZoneData[];
      return list.map(({ zone }) => zone.name);
    }),
  );
  for (const statement of [...c.statements(directive)].reverse()) {
    const found = nameOf(statement);
    const left = found === undefined ? 0 : (passed.get(found.name) ?? 0);
    if (found === undefined || left === 0) continue;
    const { name, at } = found;
    passed.set(name, left - 1);
    if (left > 1) c.report(statement, 'duplicate-directive', `"${directive}" directive is duplicate`);
    else if (!declared.has(name)) reportUnknown(name, kind, at, c, [...declared]);
  }
}

function reportUnknown(name: string, kind: ZoneKind, at: Span, c: CheckContext, declared: readonly string[]): void {
  if (invalidZones(c.config).has(`${kind} ${name}`)) return;
  const other = zonesOf(c.config).get(name);
  if (other !== undefined && other.zone.kind !== kind) {
    c.report(at, 'invalid-reference', differentUse(name), { related: [{ at: other.at, message: 'declared here' }] });
    return;
  }
  const [meant] = nearest(name, declared);
  c.report(at, 'invalid-reference', `zero size shared memory zone "${name}"`, {
    help:
      meant !== undefined
        ? `did you mean "${meant}"?`
        : `no zone of that name is declared; at http level: ${kind}_zone ... zone=${name}:10m;`,
  });
}

function differentUse(name: string): string {
  return `the shared memory zone "${name}" is already declared for a different use`;
}
