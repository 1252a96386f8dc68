/** JSON schemas (2020-12) of parameters and bodies: as far as the API needs them, both for its document and for the check. */

export type Schema =
  | {
      readonly type: 'string';
      readonly description?: string;
      readonly enum?: readonly string[];
      readonly minLength?: number;
      readonly maxLength?: number;
      readonly pattern?: string;
      readonly examples?: readonly string[];
    }
  | { readonly type: 'integer'; readonly description?: string; readonly minimum?: number; readonly maximum?: number }
  | { readonly type: 'boolean' | 'null'; readonly description?: string }
  | { readonly type: 'array'; readonly description?: string; readonly items: Schema }
  | {
      readonly type: 'object';
      readonly description?: string;
      readonly properties?: Readonly<Record<string, Schema>>;
      readonly required?: readonly string[];
      readonly additionalProperties?: false | Schema;
      readonly minProperties?: number;
      readonly maxProperties?: number;
    }
  | { readonly anyOf: readonly Schema[]; readonly description?: string };

/** Returns the first violation, in words; null if the value is valid. */
export function violation(schema: Schema, value: unknown, name: string): string | null {
  if ('anyOf' in schema) {
    const found = schema.anyOf.map((each) => violation(each, value, name));
    return found.includes(null) ? null : `${name} has an invalid type or value`;
  }
  switch (schema.type) {
    case 'null':
      return value === null ? null : `${name} must be null`;
    case 'boolean':
      return typeof value === 'boolean' ? null : `${name} must be true or false`;
    case 'integer': {
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) return `${name} must be an integer`;
      const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
      if (value < minimum) return `${name} must be at least ${minimum}`;
      return value > maximum ? `${name} must be at most ${maximum}` : null;
    }
    case 'string':
      return stringViolation(schema, value, name);
    case 'array': {
      if (!Array.isArray(value)) return `${name} must be an array`;
      for (const each of value) {
        const found = violation(schema.items, each, `an element of ${name}`);
        if (found !== null) return found;
      }
      return null;
    }
    case 'object':
      return objectViolation(schema, value, name);
  }
}

function stringViolation(schema: Extract<Schema, { type: 'string' }>, value: unknown, name: string): string | null {
  if (typeof value !== 'string') return `${name} must be a string`;
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = schema;
  if (schema.enum !== undefined && !schema.enum.includes(value))
    return `${name} must be one of ${schema.enum.join(', ')}`;
  if (value.length < minLength) return `${name} must not be empty`;
  if (value.length > maxLength) return `${name} must not be longer than ${maxLength} characters`;
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) return `${name} has an invalid format`;
  return null;
}

function objectViolation(schema: Extract<Schema, { type: 'object' }>, value: unknown, name: string): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `${name} must be an object`;
  const { properties = {}, required = [], additionalProperties, minProperties = 0, maxProperties } = schema;
  const missing = required.find((key) => !Object.hasOwn(value, key));
  if (missing !== undefined) return `"${missing}" is required`;
  const entries = Object.entries(value);
  if (entries.length < minProperties) return `${name} must not be empty`;
  if (maxProperties !== undefined && entries.length > maxProperties)
    return `${name} must not have more than ${maxProperties} keys`;
  for (const [key, each] of entries) {
    const own = Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    if (own === false) return `unknown parameter "${key}"`;
    const found = own === undefined ? null : violation(own, each, `"${key}"`);
    if (found !== null) return found;
  }
  return null;
}
