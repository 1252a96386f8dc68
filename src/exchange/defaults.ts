/** The values that hold where nothing is written. */
import { defaultOf } from '../config/default-value.js';
import type { Module } from './module.js';

const kept = new WeakMap<Module, Readonly<Record<string, unknown>>>();

/** Each directive of a module with its default: parsed, an empty list for `repeat`, or undefined. */
export function defaultsOf(module: Module): Readonly<Record<string, unknown>> {
  let values = kept.get(module);
  if (values === undefined) {
    values = Object.fromEntries(Object.entries(module.directives).map(([name, spec]) => [name, defaultOf(name, spec)]));
    kept.set(module, values);
  }
  return values;
}
