/** `r.variables` and `r.rawVariables`: nginx variables of a request. */
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { Scripts } from './scripts.js';
import { bytesOf, textOf } from './text.js';

/** @param convert converts a value, which is a byte string */
function variables<T>(x: Exchange, scripts: Scripts, convert: (value: string) => T): Record<string, T | undefined> {
  const read = (name: string | symbol): T | undefined => {
    if (typeof name !== 'string') return undefined;
    const value = variableOf(x, scripts, name);
    return value === undefined ? undefined : convert(value);
  };
  return new Proxy(Object.create(null) as Record<string, T>, {
    get: (_, name) => read(name),
    has: (_, name) => read(name) !== undefined,
    getOwnPropertyDescriptor: (_, name) => {
      const value = read(name);
      return value === undefined ? undefined : { value, enumerable: false, configurable: true, writable: true };
    },
    set: (_, name, value) => {
      if (typeof name === 'string') assign(x, scripts, name, bytesOf(value));
      return true;
    },
    defineProperty: (_, name, { value }) => {
      if (typeof name === 'string') assign(x, scripts, name, bytesOf(value));
      return true;
    },
    deleteProperty: () => false,
  });
}

export function textVariables(x: Exchange, scripts: Scripts): Record<string, string | undefined> {
  return variables(x, scripts, textOf);
}

export function rawVariables(x: Exchange, scripts: Scripts): Record<string, Buffer | undefined> {
  return variables(x, scripts, (value) => Buffer.from(value, 'latin1'));
}

function variableOf(x: Exchange, scripts: Scripts, name: string): string | undefined {
  if (/^\d+$/.test(name)) return x.captures?.[Number(name)];
  return scripts.getter(name.toLowerCase())?.(x);
}

function assign(x: Exchange, scripts: Scripts, name: string, value: string): void {
  const lower = name.toLowerCase();
  const variable = scripts.variable(lower);
  if (variable === null) {
    throw new TypeError(scripts.getter(lower) === null ? 'variable not found' : 'variable is not writable');
  }
  if (variable.setter === null && variable.slot < 0) throw new TypeError('variable is not writable');
  if (value.length > MAX_VALUE) {
    logError(x, 'error', `too long value of the variable "${lower}"`);
    throw new RangeError('value is too long');
  }
  variable.assign(x, value);
}

/** Maximum length of an assigned value, bytes. */
const MAX_VALUE = 16 << 20;
