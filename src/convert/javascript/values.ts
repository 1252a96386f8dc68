/** Values of JavaScript that can be read without executing it. */

/** A function. */
export interface FunctionValue {
  readonly kind: 'function';
  readonly line: number;
  /** Calls of `replace` on the parameter, if the function returns their result; otherwise null. */
  readonly replacements: readonly { readonly pattern: PatternValue | string; readonly to: string }[] | null;
}

/** A regular expression. */
export interface PatternValue {
  readonly kind: 'pattern';
  readonly source: string;
  readonly flags: string;
}

/** An expression whose value is not known. */
export interface UnknownValue {
  readonly kind: 'unknown';
  readonly line: number;
  /** The expression as written, on one line, shortened. */
  readonly text: string;
}

export interface Property {
  readonly name: string;
  readonly line: number;
  readonly value: Value;
}

export interface ObjectValue {
  readonly kind: 'object';
  readonly line: number;
  readonly properties: readonly Property[];
}

export type Value =
  | string
  | number
  | boolean
  | null
  | PatternValue
  | FunctionValue
  | UnknownValue
  | ObjectValue
  | readonly Value[];

/** Whether a value is neither a primitive one nor a list. */
function isKind(value: Value | undefined): value is Extract<Value, { kind: string }> {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

export function isObject(value: Value | undefined): value is ObjectValue {
  return isKind(value) && value.kind === 'object';
}

export function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}

export function isFunction(value: Value | undefined): value is FunctionValue {
  return isKind(value) && value.kind === 'function';
}

export function isUnknown(value: Value | undefined): value is UnknownValue {
  return isKind(value) && value.kind === 'unknown';
}

export function isPattern(value: Value | undefined): value is PatternValue {
  return isKind(value) && value.kind === 'pattern';
}

/** The last property of that name. */
export function propertyOf(object: ObjectValue, name: string): Property | undefined {
  return object.properties.findLast((each) => each.name === name);
}

export function settingOf(object: ObjectValue, name: string): Value | undefined {
  return propertyOf(object, name)?.value;
}
