/**
 * njs's `Headers`: unlike WHATWG's, names keep their case, each field is also a property, `getAll` returns the values of a
 * name, and `forEach` passes the name first.
 */
import { checkFieldName } from '../text.js';

/** `immutable`: of a received response. */
export type HeadersGuard = 'none' | 'immutable';

export type HeadersInit = Headers | Readonly<Record<string, unknown>> | readonly (readonly unknown[])[];

interface Field {
  /** As it was first written. */
  readonly name: string;
  values: string[];
}

/** Fields by name in lower case, in the order in which they were added. */
interface State {
  readonly fields: Map<string, Field>;
  guard: HeadersGuard;
}

/** State of each object; the keys are the proxies that scripts see. */
const states = new WeakMap<object, State>();

/** RFC 9110: visible characters, spaces, tabs, and bytes above 0x7f. */
const INVALID_VALUE = /[\0-\x08\n-\x1f\x7f]/;

function stateOf(headers: object): State {
  const state = states.get(headers);
  if (state === undefined) throw new TypeError('"this" is not fetch headers object');
  return state;
}

function checkedName(name: unknown): string {
  const text = String(name);
  checkFieldName(text);
  return text;
}

function checkedValue(value: unknown): string {
  const text = String(value).replace(/^[ \t]+|[ \t]+$/g, '');
  if (INVALID_VALUE.test(text)) throw new TypeError('invalid header value');
  return text;
}

function checkMutable({ guard }: State): void {
  if (guard === 'immutable') throw new TypeError('cannot modify immutable object');
}

function add({ fields }: State, name: string, value: string): void {
  const field = fields.get(name.toLowerCase());
  if (field === undefined) fields.set(name.toLowerCase(), { name, values: [value] });
  else field.values.push(value);
}

function sortedFields({ fields }: State): Field[] {
  return [...fields.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Names that are properties of every object, so not those of fields. */
function isField(headers: object, key: string | symbol): key is string {
  return typeof key === 'string' && stateOf(headers).fields.has(key.toLowerCase());
}

export class Headers {
  constructor(init?: HeadersInit) {
    const state: State = { fields: new Map(), guard: 'none' };
    // The target of the proxy has the same state, for the traps.
    states.set(this, state);
    const exposed = new Proxy<Headers>(this, FIELDS_AS_PROPERTIES);
    states.set(exposed, state);
    if (typeof init === 'object' && init !== null) fill(exposed, init);
    // biome-ignore lint/correctness/noConstructorReturn: scripts must see the proxy
    return exposed;
  }

  append(name: unknown, value: unknown): void {
    const state = stateOf(this);
    const field = checkedName(name);
    const text = checkedValue(value);
    checkMutable(state);
    add(state, field, text);
  }

  delete(name: unknown): void {
    const state = stateOf(this);
    const field = checkedName(name);
    checkMutable(state);
    state.fields.delete(field.toLowerCase());
  }

  get(name: unknown): string | null {
    return stateOf(this).fields.get(String(name).toLowerCase())?.values.join(', ') ?? null;
  }

  getAll(name: unknown): string[] {
    return [...(stateOf(this).fields.get(String(name).toLowerCase())?.values ?? [])];
  }

  /** In the order of the names. */
  forEach(callback: (name: string, value: string) => void): void {
    if (typeof callback !== 'function') throw new TypeError('"callback" is not a function');
    for (const { name, values } of sortedFields(stateOf(this))) callback(name, values.join(', '));
  }

  has(name: unknown): boolean {
    return stateOf(this).fields.has(String(name).toLowerCase());
  }

  set(name: unknown, value: unknown): void {
    const state = stateOf(this);
    const field = checkedName(name);
    const text = checkedValue(value);
    checkMutable(state);
    const known = state.fields.get(field.toLowerCase());
    if (known === undefined) state.fields.set(field.toLowerCase(), { name: field, values: [text] });
    else known.values = [text];
  }

  get [Symbol.toStringTag](): string {
    return 'Headers';
  }
}

const FIELDS_AS_PROPERTIES: ProxyHandler<Headers> = {
  get(target, key, receiver): unknown {
    return key in target || !isField(target, key) ? Reflect.get(target, key, receiver) : target.get(key);
  },
  has: (target, key) => key in target || isField(target, key),
  ownKeys: (target) => [...sortedFields(stateOf(target)).map(({ name }) => name), ...Reflect.ownKeys(target)],
  getOwnPropertyDescriptor(target, key): PropertyDescriptor | undefined {
    if (!isField(target, key)) return Reflect.getOwnPropertyDescriptor(target, key);
    return { value: target.get(key), enumerable: true, configurable: true, writable: false };
  },
  // Fields are set by methods only; an object may have other properties.
  set: (target, key, value) => !isField(target, key) && Reflect.set(target, key, value),
  defineProperty: (target, key, descriptor) => !isField(target, key) && Reflect.defineProperty(target, key, descriptor),
  deleteProperty: (target, key) => !isField(target, key) && Reflect.deleteProperty(target, key),
};

function fill(headers: Headers, init: HeadersInit): void {
  const state = states.get(init);
  if (state !== undefined) {
    for (const { name, values } of state.fields.values()) for (const value of values) headers.append(name, value);
  } else if (Array.isArray(init)) {
    for (const pair of init as readonly unknown[]) {
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw new TypeError('header does not contain exactly two items');
      }
      headers.append(pair[0], pair[1]);
    }
  } else {
    for (const [name, value] of Object.entries(init)) headers.append(name, value);
  }
}

/** Headers of the given option of `Request`, `Response` and `fetch`. */
export function headersOf(init: unknown): Headers {
  if (init === undefined) return new Headers();
  if (typeof init !== 'object' || init === null) throw new TypeError('Headers is not an object');
  return new Headers(init as HeadersInit);
}

/** Fields of a received response: unchecked, in the order received. Scripts cannot change them. */
export function receivedHeaders(fields: Iterable<readonly [name: string, value: string]>): Headers {
  const headers = new Headers();
  const state = stateOf(headers);
  for (const [name, value] of fields) add(state, name, value);
  state.guard = 'immutable';
  return headers;
}

/** All fields, one per value, in the order in which their names were added. */
export function fieldsOf(headers: Headers): [name: string, value: string][] {
  return [...stateOf(headers).fields.values()].flatMap(({ name, values }) =>
    values.map((value): [string, string] => [name, value]),
  );
}
