/** Canonical texts of the values in a checked configuration: two values are equivalent if their texts are equal. */
import type { Place } from '../config/place.js';

const texts = new WeakMap<object, string>();

/** The order of keys and the places of directives are ignored. */
export function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  let text = texts.get(value);
  if (text === undefined) texts.set(value, (text = textOf(value)));
  return text;
}

function textOf(value: object): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const parts: string[] = [];
  for (const [key, each] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (each !== undefined && !isPlace(each)) parts.push(`${JSON.stringify(key)}:${canonical(each)}`);
  }
  return `{${parts.join(',')}}`;
}

export function isPlace(value: unknown): value is Place {
  return typeof value === 'object' && value !== null && 'file' in value && 'line' in value && 'column' in value;
}

const variables = new WeakMap<object, readonly string[]>();

/** Variables that a value uses, and the named groups of its regular expressions: `x` for `$x`. */
export function variablesIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  let names = variables.get(value);
  if (names === undefined) {
    const own = 'variable' in value && typeof value.variable === 'string' ? [value.variable] : [];
    const groups = 'names' in value && Array.isArray(value.names) ? (value.names as unknown[]).filter(isText) : [];
    names = [...new Set([...own, ...groups, ...Object.values(value).flatMap(variablesIn)])];
    variables.set(value, names);
  }
  return names;
}

/** The named groups of the regular expressions in a value. */
export function groupsIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = 'names' in value && 'source' in value && Array.isArray(value.names) ? (value.names as unknown[]) : [];
  return [...own.filter(isText), ...Object.values(value).flatMap(groupsIn)];
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
