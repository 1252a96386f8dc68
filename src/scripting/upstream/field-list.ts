/** Header fields as scripts read and change them. */
import { checkFieldName, fieldValueOf, textOf } from '../text.js';

export type FieldValue = string | number;

/** Header fields, by case-insensitive names. Iterating yields a name and a value for each line. */
export interface FieldList extends Iterable<[name: string, value: string]> {
  /** Value of a field, several lines joined by `, `; null if there is none. */
  get(name: string): string | null;
  /** Values of all lines with that name. */
  getAll(name: string): string[];
  has(name: string): boolean;
  /**
   * Replaces all lines with that name by one, or one for each value. Throws TypeError if the name is no token, a value contains a
   * line break, or the field belongs to the connection and is set by the proxy: `Connection`, `Content-Length`,
   * `Transfer-Encoding`, `Upgrade`, `Keep-Alive`, `Trailer`.
   */
  set(name: string, value: FieldValue | readonly FieldValue[]): void;
  /** Adds a line. Throws as `set`. */
  append(name: string, value: FieldValue): void;
  delete(name: string): void;
}

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
