/** Protection from mistakes in modules of files: their declarations are checked, and errors of their hooks have places. */
import { ParsingAborted } from '../config/arguments.js';
import { defaultOf } from '../config/default-value.js';
import type { ArgumentType, DirectiveSpec } from '../config/directive.js';
import { StartError } from '../program/compiler.js';
import type { Module } from '../program/module.js';
import { PHASES } from '../program/phases.js';

type Fields = Readonly<Record<string, unknown>>;

/** The first mistake in the export of a file, or null if it is a module. */
export function mistakeIn(exported: unknown): string | null {
  if (!isObject(exported) || typeof exported.name !== 'string' || !isObject(exported.directives)) {
    return 'not created by defineModule';
  }
  const { name, doc, directives, variables, phases, headerFilter, bodyFilter } = exported;
  if (!/^\w+$/.test(name)) return `invalid name "${name}"`;
  if (typeof doc !== 'string') return '"doc" is no text';
  for (const [directive, spec] of Object.entries(directives)) {
    const mistake = mistakeInDirective(directive, spec);
    if (mistake !== null) return `directive "${directive}": ${mistake}`;
  }
  for (const [variable, spec] of Object.entries(isObject(variables) ? variables : {})) {
    const getter = isObject(spec) ? spec[variable.endsWith('*') ? 'family' : 'get'] : null;
    if (typeof getter !== 'function' && !(isObject(spec) && typeof spec.set === 'function')) {
      return `variable "${variable}" has no function "${variable.endsWith('*') ? 'family' : 'get'}"`;
    }
  }
  const known = new Set<string>(PHASES.filter(({ level }) => level !== null).map((phase) => phase.name));
  const handlers = { ...(isObject(phases) ? phases : {}), headerFilter, bodyFilter };
  for (const [phase, handler] of Object.entries(handlers)) {
    if (handler === undefined) continue;
    if (!known.has(phase) && phase !== 'headerFilter' && phase !== 'bodyFilter') return `there is no phase "${phase}"`;
    if (!isObject(handler) || typeof handler.order !== 'number' || typeof handler.compile !== 'function') {
      return `"${phase}" must have a number "order" and a function "compile"`;
    }
  }
  return null;
}

function mistakeInDirective(name: string, spec: unknown): string | null {
  if (!isObject(spec)) return 'no declaration';
  const { contexts, takes, doc, example } = spec;
  if (!Array.isArray(contexts) || contexts.length === 0) return '"contexts" is no list';
  if (!isObject(takes) || typeof takes.parse !== 'function' || typeof takes.min !== 'number') {
    return '"takes" is no argument type';
  }
  if (typeof doc !== 'string' || typeof example !== 'string') return '"doc" and "example" must be texts';
  try {
    defaultOf(name, spec as unknown as DirectiveSpec); // its fields were checked
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/** The module with hooks whose unexpected errors name it; `describe` adds the place of an error. */
export function guarded(module: Module, describe: (error: unknown) => string): Module {
  const guard = <A extends unknown[], R>(hook: string, run: (...args: A) => R): ((...args: A) => R) => {
    const rejected = (error: unknown): never => {
      if (error instanceof StartError || error instanceof ParsingAborted) throw error;
      throw new StartError(`module "${module.name}" failed in "${hook}" (${describe(error)})`, null);
    };
    return (...args) => {
      try {
        const result = run.apply(module, args);
        return result instanceof Promise ? (result.catch(rejected) as R) : result;
      } catch (error) {
        return rejected(error);
      }
    };
  };
  const handler = <H extends { readonly compile: (...args: never[]) => unknown }>(phase: string, spec: H): H => ({
    ...spec,
    compile: guard(phase, spec.compile.bind(spec) as (...args: unknown[]) => unknown),
  });
  const { phases, headerFilter, bodyFilter, http, settings } = module;
  return {
    ...module,
    directives: mapped(module.directives, (_name, spec) => ({ ...spec, takes: plain(spec.takes, describe) })),
    ...(http && { http: guard('http', http) }),
    ...(settings && { settings: guard('settings', settings) }),
    ...(phases && { phases: mapped(phases, (name, spec) => handler(name, spec)) }),
    ...(headerFilter && { headerFilter: handler('headerFilter', headerFilter) }),
    ...(bodyFilter && { bodyFilter: handler('bodyFilter', bodyFilter) }),
  };
}

/** The argument type with errors as findings; its values must be plain data, which workers can be sent. */
function plain<T>(type: ArgumentType<T>, describe: (error: unknown) => string): ArgumentType<T> {
  return {
    ...type,
    parse(words, c) {
      try {
        return structuredClone(type.parse(words, c));
      } catch (error) {
        if (error instanceof ParsingAborted) throw error;
        return c.fail(c.statement.name, 'invalid-value', `"${c.directive}" cannot be read (${describe(error)})`);
      }
    },
  };
}

function mapped<R extends object>(values: R, map: (name: string, value: R[keyof R] & object) => unknown): R {
  const entries = Object.entries(values) as [string, R[keyof R] & object][];
  return Object.fromEntries(entries.map(([name, value]) => [name, map(name, value)])) as R;
}
