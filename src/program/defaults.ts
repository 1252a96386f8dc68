/** Default values of directives. */
import { defaultOf } from '../config/default-value.js';
import type { Module } from './module.js';

const cache = new WeakMap<Module, Readonly<Record<string, unknown>>>();

/** Returns each directive of a module with its default: parsed, an empty list for `repeat`, or undefined. */
export function defaultsOf(module: Module): Readonly<Record<string, unknown>> {
  let values = cache.get(module);
  if (values === undefined) {
    values = Object.fromEntries(Object.entries(module.directives).map(([name, spec]) => [name, defaultOf(name, spec)]));
    cache.set(module, values);
  }
  return values;
}
