/** Functions of the template programs that write nginx configurations: Go's own, Sprig's, and those of docker-gen and frep. */
import { createHash } from 'node:crypto';
import { type Dictionary, printed, type TemplateFunction, truth, type Value } from './go-template.js';

function list(value: Value | undefined): readonly Value[] {
  if (Array.isArray(value)) return value;
  return value instanceof Map ? [...value.values()] : [];
}
function dictionary(value: Value | undefined): Dictionary {
  return value instanceof Map ? value : new Map();
}
function text(value: Value | undefined): string {
  return printed(value ?? null);
}
/** Value at a path of fields: `Env.VIRTUAL_HOST`; null if there is none. */
function at(value: Value, path: string): Value {
  let found: Value = value;
  for (const field of path.split('.')) found = dictionary(found).get(field) ?? null;
  return found;
}
/** Groups by the keys of each element; elements without one are left out. */
function grouped(values: Value | undefined, keysOf: (each: Value) => readonly string[]): Dictionary {
  const groups: Dictionary = new Map();
  for (const each of list(values)) for (const key of keysOf(each)) groups.set(key, [...list(groups.get(key)), each]);
  return groups;
}
function by(path: Value | undefined, otherwise?: Value): (each: Value) => string[] {
  return (each) => {
    const key = at(each, text(path)) ?? otherwise ?? null;
    return key === null ? [] : [text(key)];
  };
}
function sortedKeys(value: Value): string[] {
  return [...dictionary(value).keys()].sort();
}
function plain(value: Value): unknown {
  if (value instanceof Map)
    return Object.fromEntries(sortedKeys(value).map((key) => [key, plain(value.get(key) ?? null)]));
  return Array.isArray(value) ? value.map(plain) : value;
}
/** JSON as a template's value. */
export function fromJson(value: unknown): Value {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value === 'object' && value !== null)
    return new Map(Object.entries(value).map(([key, each]) => [key, fromJson(each)]));
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
function dict(...words: readonly Value[]): Dictionary {
  const made: Dictionary = new Map();
  for (let i = 0; i < words.length; i += 2) made.set(text(words[i]), words[i + 1] ?? null);
  return made;
}
function parseBool(value: Value | undefined): boolean {
  return /^(1|t|true)$/i.test(text(value));
}
function size(value: Value | undefined): number {
  return value instanceof Map ? value.size : Array.isArray(value) ? value.length : text(value).length;
}
function splitInto(parts: readonly string[]): Dictionary {
  return new Map(parts.map((part, i) => [`_${i}`, part]));
}

/** All functions. `exists`: whether a file of the container exists. */
export function templateFunctions(exists: (path: string) => boolean): Readonly<Record<string, TemplateFunction>> {
  return {
    and: (...words) => words.find((word) => !truth(word)) ?? words[words.length - 1] ?? null,
    or: (...words) => words.find(truth) ?? words[words.length - 1] ?? null,
    not: (a) => !truth(a ?? null),
    eq: (a, ...rest) => rest.some((b) => a === b),
    ne: (a, b) => a !== b,
    lt: (a, b) => Number(a) < Number(b),
    gt: (a, b) => Number(a) > Number(b),
    len: size,
    index: (from, key) => (Array.isArray(from) ? from[Number(key)] : dictionary(from).get(text(key))) ?? null,
    printf: (format, ...words) => {
      let next = 0;
      return text(format).replace(/%[sdv]/g, () => text(words[next++]));
    },
    add1: (a) => Number(a) + 1,
    mul: (a, b) => Number(a) * Number(b),
    default: (otherwise, value) => (truth(value ?? null) ? (value ?? null) : (otherwise ?? null)),
    empty: (a) => !truth(a ?? null),
    ternary: (yes, no, condition) => (truth(condition ?? null) ? yes : no) ?? null,
    when: (condition, yes, no) => (truth(condition ?? null) ? yes : no) ?? null,
    plural: (one, many, count) => (count === 1 ? one : many) ?? null,
    parseBool,
    toBool: parseBool,
    toString: text,
    toJson: (a) => JSON.stringify(plain(a ?? null)),
    // YAML in the form of JSON only.
    fromYaml: (a) => fromJson(JSON.parse(text(a))),
    trim: (a) => text(a).trim(),
    replace: (whole, from, to) => text(whole).replaceAll(text(from), text(to)),
    hasPrefix: (prefix, a) => text(a).startsWith(text(prefix)),
    join: (separator, a) => list(a).map(printed).join(text(separator)),
    sprigSplit: (separator, a) => splitInto(text(a).split(text(separator))),
    sprigSplitn: (separator, count, a) => {
      const parts = text(a).split(text(separator));
      const kept = Number(count) - 1;
      return splitInto([...parts.slice(0, kept), parts.slice(kept).join(text(separator))]);
    },
    sha1: (a) => createHash('sha1').update(text(a)).digest('hex'),
    dict,
    get: (from, key) => dictionary(from).get(text(key)) ?? null,
    set: (into, key, value) => dictionary(into).set(text(key), value ?? null),
    unset: (from, key) => {
      dictionary(from).delete(text(key));
      return from ?? null;
    },
    hasKey: (from, key) => dictionary(from).has(text(key)),
    contains: (from, key) => dictionary(from).has(text(key)),
    keys: (a) => sortedKeys(a ?? null),
    merge: (into, from) => {
      for (const [key, value] of dictionary(from))
        if (!truth(dictionary(into).get(key) ?? null)) dictionary(into).set(key, value);
      return into ?? null;
    },
    deepCopy: (a) => fromJson(plain(a ?? null)),
    list: (...words) => words,
    append: (a, value) => [...list(a), value ?? null],
    concat: (...lists) => lists.flatMap(list),
    without: (a, value) => list(a).filter((each) => each !== value),
    has: (value, a) => list(a).includes(value ?? null),
    first: (a) => list(a)[0] ?? null,
    where: (a, path, value) => list(a).filter((each) => at(each, text(path)) === value),
    whereLabelExists: (a, label) => list(a).filter((each) => dictionary(at(each, 'Labels')).has(text(label))),
    sortObjectsByKeysAsc: (a, path) =>
      [...list(a)].sort((one, other) => (text(at(one, text(path))) < text(at(other, text(path))) ? -1 : 1)),
    groupBy: (a, path) => grouped(a, by(path)),
    groupByWithDefault: (a, path, otherwise) => grouped(a, by(path, otherwise)),
    groupByKeys: (a, path) => sortedKeys(grouped(a, by(path))),
    groupByMulti: (a, path, separator) =>
      grouped(a, (each) => by(path)(each).flatMap((keys) => keys.split(text(separator)))),
    groupByLabel: (a, label) =>
      grouped(a, (each) => {
        const value = dictionary(at(each, 'Labels')).get(text(label));
        return value === undefined ? [] : [text(value)];
      }),
    exists: (path) => exists(text(path)),
  };
}
