/** Paths into JSON values, in a part of the notation of RFC 9535: `$.user.password`, `$..token`, `$.cards[*]['number']`. */

/** A name, an index, or `*`; `deep`: at any depth below. */
export interface JsonPathStep {
  readonly key: string | number | null;
  readonly deep: boolean;
}

export type JsonPath = readonly JsonPathStep[];

const STEP = /(\.\.|\.)?(?:([A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff-]*)|(\*)|\[(?:(\d+)|(\*)|'([^']*)'|"([^"]*)")\])/y;

/** Returns null if the text is not a path. */
export function parseJsonPath(text: string): JsonPath | null {
  if (!text.startsWith('$') || text.length < 2) return null;
  const path: JsonPathStep[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text);
    if (match === null) return null;
    const [, dots, name, star, index, bracketStar, single, double] = match;
    const bracketed = name === undefined && star === undefined;
    // `$name` and `$.['x']` are not paths.
    if (dots === undefined ? !bracketed : bracketed && dots === '.') return null;
    const key = index !== undefined ? Number(index) : (name ?? single ?? double ?? null);
    path.push({ key: star !== undefined || bracketStar !== undefined ? null : key, deep: dots === '..' });
  }
  return path;
}

/** Replaces all values at a path in place. Returns whether there were any. */
export function replaceAt(root: unknown, path: JsonPath, replacement: string): boolean {
  // Values whose children the next step selects; without recursion, because a client determines the depth.
  let selected: object[] = isObject(root) ? [root] : [];
  let found = false;
  for (const [i, { key, deep }] of path.entries()) {
    const holders = deep ? withDescendants(selected) : selected;
    const next: object[] = [];
    for (const holder of holders) {
      for (const name of keysOf(holder, key)) {
        const values = holder as Record<string, unknown>;
        if (i === path.length - 1) {
          values[name] = replacement;
          found = true;
        } else if (isObject(values[name])) next.push(values[name]);
      }
    }
    selected = next;
  }
  return found;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function keysOf(holder: object, key: string | number | null): string[] {
  if (key === null) return Object.keys(holder);
  return Object.hasOwn(holder, key) && Array.isArray(holder) === (typeof key === 'number') ? [String(key)] : [];
}

function withDescendants(roots: readonly object[]): object[] {
  const all = new Set<object>(roots);
  for (const each of all) for (const value of Object.values(each)) if (isObject(value)) all.add(value);
  return [...all];
}

/** Whether a JSON text has an object with two members of one name, of which `root`, its value, has only the last. */
export function hasDuplicates(text: string, root: unknown): boolean {
  let members = 0;
  for (const each of isObject(root) ? withDescendants([root]) : []) {
    if (!Array.isArray(each)) members += Object.keys(each).length;
  }
  // A colon outside of strings belongs to a member.
  return text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"/g, '').split(':').length - 1 !== members;
}
