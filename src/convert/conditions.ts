/** Conditions of routes, with their simplification when some of their parts are known. */

/** A value with nginx's variables; strings are literal. */
export type Template = readonly (string | { readonly variable: string })[];

export type Test = 'exact' | 'prefix' | 'suffix' | 'part' | 'regex';

/** A part that is true or false for a request. */
export type Atom =
  /** The decoded path. */
  | {
      readonly is: 'path';
      readonly how: 'exact' | 'prefix' | 'regex';
      readonly value: string;
      readonly ignoreCase?: true;
    }
  /** The host, as one of the names in the notation of `server_name`. */
  | { readonly is: 'host'; readonly names: readonly string[] }
  | {
      readonly is: 'value';
      readonly of: Template;
      readonly how: Test;
      readonly value: string;
      readonly ignoreCase?: true;
    }
  /** The client's address, in one of the ranges. */
  | { readonly is: 'address'; readonly ranges: readonly string[] };

export type Condition =
  | { readonly is: 'always' }
  | { readonly is: 'never' }
  | Atom
  | { readonly is: 'all' | 'any'; readonly of: readonly Condition[] }
  | { readonly is: 'not'; readonly of: Condition }
  /** Gives its part a name, for the variable that is written for it. */
  | { readonly is: 'named'; readonly name: string; readonly of: Condition };

export const ALWAYS: Condition = { is: 'always' };
export const NEVER: Condition = { is: 'never' };

export function all(conditions: readonly Condition[]): Condition {
  return combined('all', conditions, ALWAYS, NEVER);
}

export function any(conditions: readonly Condition[]): Condition {
  return combined('any', conditions, NEVER, ALWAYS);
}

/**
 * @param neutral the constant that changes nothing, also the result of no conditions
 * @param decisive the constant that decides the result
 */
function combined(
  is: 'all' | 'any',
  conditions: readonly Condition[],
  neutral: Condition,
  decisive: Condition,
): Condition {
  const parts = conditions
    .flatMap((each) => (each.is === is && 'of' in each ? each.of : [each]))
    .filter((each) => each.is !== neutral.is);
  if (parts.some((each) => each.is === decisive.is)) return decisive;
  const distinct = withoutRepeats(parts);
  const [first = neutral] = distinct;
  return distinct.length < 2 ? first : { is, of: distinct };
}

export function not(condition: Condition): Condition {
  switch (condition.is) {
    case 'always':
      return NEVER;
    case 'never':
      return ALWAYS;
    case 'not':
      return condition.of;
    default:
      return { is: 'not', of: condition };
  }
}

export function named(name: string, of: Condition): Condition {
  return isConstant(of) || of.is === 'named' ? of : { is: 'named', name, of };
}

function isConstant({ is }: Condition): boolean {
  return is === 'always' || is === 'never';
}

function withoutRepeats(conditions: readonly Condition[]): readonly Condition[] {
  const keys = new Set<string>();
  return conditions.filter((each) => keys.size !== keys.add(keyOf(each)).size);
}

/** The same for equal conditions; names do not count. */
export function keyOf(condition: Condition): string {
  return JSON.stringify(condition, (name, value: unknown) => {
    if (name === 'name') return undefined;
    return typeof value === 'object' && value !== null && 'is' in value && value.is === 'named' && 'of' in value
      ? value.of
      : value;
  });
}

/** All atoms of a condition. */
export function atomsOf(condition: Condition): readonly Atom[] {
  switch (condition.is) {
    case 'always':
    case 'never':
      return [];
    case 'all':
    case 'any':
      return condition.of.flatMap(atomsOf);
    case 'not':
    case 'named':
      return atomsOf(condition.of);
    default:
      return [condition];
  }
}

/** Simplifies a condition; `known` returns the value of an atom, or null if it is not known. */
export function assuming(condition: Condition, known: (atom: Atom) => boolean | null): Condition {
  switch (condition.is) {
    case 'always':
    case 'never':
      return condition;
    case 'all':
      return all(condition.of.map((each) => assuming(each, known)));
    case 'any':
      return any(condition.of.map((each) => assuming(each, known)));
    case 'not':
      return not(assuming(condition.of, known));
    case 'named': {
      const inner = assuming(condition.of, known);
      // A part of it is something else.
      return keyOf(inner) === keyOf(condition.of) ? named(condition.name, inner) : inner;
    }
    default: {
      const value = known(condition);
      return value === null ? condition : value ? ALWAYS : NEVER;
    }
  }
}
