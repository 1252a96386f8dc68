/** Header fields as scripts read and change them. */

import type { FieldList, FieldValue } from '../public-types.js';
import { checkFieldName, fieldValueOf, textOf } from '../text.js';

/** Storage of field lines; byte strings. */
export interface FieldStore {
  lines(): Iterable<readonly [name: string, value: string]>;
  replace(name: string, values: readonly string[]): void;
  add(name: string, value: string): void;
}

/** Fields that are set by the proxy, because they belong to the connection. */
const PROTECTED = new Set(['connection', 'content-length', 'keep-alive', 'trailer', 'transfer-encoding', 'upgrade']);

export class ScriptFields implements FieldList {
  constructor(private readonly store: FieldStore) {}

  *[Symbol.iterator](): Iterator<[name: string, value: string]> {
    for (const [name, value] of this.store.lines()) yield [textOf(name), textOf(value)];
  }

  get(name: string): string | null {
    const values = this.getAll(name);
    return values.length === 0 ? null : values.join(', ');
  }

  getAll(name: string): string[] {
    const lower = String(name).toLowerCase();
    const values: string[] = [];
    for (const [each, value] of this.store.lines()) if (each.toLowerCase() === lower) values.push(textOf(value));
    return values;
  }

  has(name: string): boolean {
    return this.getAll(name).length > 0;
  }

  set(name: string, value: FieldValue | readonly FieldValue[]): void {
    checkName(name);
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    this.store.replace(name, values.map(fieldValueOf));
  }

  append(name: string, value: FieldValue): void {
    checkName(name);
    this.store.add(name, fieldValueOf(value));
  }

  delete(name: string): void {
    checkName(name);
    this.store.replace(name, []);
  }
}

function checkName(name: string): void {
  checkFieldName(String(name));
  if (PROTECTED.has(name.toLowerCase())) throw new TypeError(`the field "${name}" is set by the proxy`);
}
