/** Zones of a compiled configuration. */
import type { KeyedZoneData } from '../config/zone-argument.js';
import type { ZoneDeclaration } from '../config/zone-declaration.js';
import type { Zone } from '../zones/zone.js';
import { logError } from './error-context.js';
import type { Compiler } from './module.js';
import type { Session } from './session.js';
import type { Template } from './template.js';

/**
 * Opens a zone, once per table, which closes it when unused. The content of a zone of the same kind, name and size
 * survives a reload; a different key is rejected with nginx's message, which begins with `subject`.
 */
export function openZone(
  compiler: Compiler,
  declaration: ZoneDeclaration,
  subject: string,
  listener?: (news: unknown) => void,
): Zone {
  const { name, kind, size, key } = declaration;
  const sharedKey = `zone ${name}`;
  const previous = compiler.previous?.get<Zone>(sharedKey)?.declaration;
  if (previous !== undefined && previous.kind === kind && previous.size === size && previous.key !== key) {
    return compiler.fail(
      `${subject} "${name}" uses the "${key}" key while previously it used the "${previous.key}" key`,
      null,
    );
  }
  return compiler.shared.set(sharedKey, compiler.zones.open(declaration, listener));
}

/** A zone whose entries are identified by the value of an expression. */
export interface KeyedZone {
  readonly zone: Zone;
  readonly key: Template;
}

/** Opens the zones that a directive declares. */
export function openKeyedZones(compiler: Compiler, zones: readonly KeyedZoneData[], subject: string): void {
  for (const { zone, key } of zones) {
    openZone(compiler, zone, subject);
    compiler.shared.set(`key of zone ${zone.name}`, compiler.template(key));
  }
}

/** Returns the zone of that name, which the table has opened. */
export function keyedZone(compiler: Compiler, name: string): KeyedZone {
  const zone = compiler.shared.get<Zone>(`zone ${name}`);
  const key = compiler.shared.get<Template>(`key of zone ${name}`);
  // References to undeclared zones are rejected by the configuration checks.
  if (zone === undefined || key === undefined) throw new Error(`zone "${name}" is not open`);
  return { zone, key };
}

/**
 * Returns the key of a session; null if it is empty (it is not counted) or too long, which is logged. `maxLength`
 * in bytes.
 */
export function keyOf(x: Session, { zone, key }: KeyedZone, maxLength: number): string | null {
  const value = key.of(x);
  if (value === '') return null;
  if (value.length <= maxLength) return value;
  const { key: expression } = zone.declaration;
  logError(x, 'error', `the value of the "${expression}" key is more than ${maxLength} bytes: "${value}"`);
  return null;
}
