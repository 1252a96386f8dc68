/**
 * Filters of lists: words that all have to match. `word` occurs in any field, `field:word` in one, `field>number` and
 * `field<number` compare, `-` before them negates, and quotes contain spaces. `status:5xx` matches the class.
 */

/** Fields of a row: texts, or numbers that can be compared. */
export interface FilterField<T> {
  readonly name: string;
  readonly of: (row: T) => string | number | null;
  /** Whether words without a field are searched in it. */
  readonly searched: boolean;
}

export type Predicate<T> = (row: T) => boolean;

const TERM = /(-?)(?:([a-z]+)([:<>]))?(?:"([^"]*)"?|(\S+))/gi;
const UNITS: Readonly<Record<string, number>> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3, s: 1000 };

/** Null if the text is empty; unknown fields are searched as words. */
export function compileFilter<T>(text: string, fields: readonly FilterField<T>[]): Predicate<T> | null {
  const terms: Predicate<T>[] = [];
  for (const match of text.matchAll(TERM)) {
    const [whole, minus = '', name, operator, quoted, plain] = match;
    const value = quoted ?? plain ?? '';
    const field = name === undefined ? undefined : fields.find((each) => each.name === name.toLowerCase());
    const term =
      field === undefined
        ? anywhere(name === undefined ? value : whole.slice(minus.length), fields)
        : inField(field, operator ?? ':', value);
    if (term !== null) terms.push(minus === '' ? term : (row) => !term(row));
  }
  const [first, second] = terms;
  if (first === undefined) return null;
  if (second === undefined) return first;
  return (row) => terms.every((term) => term(row));
}

function anywhere<T>(word: string, fields: readonly FilterField<T>[]): Predicate<T> | null {
  if (word === '') return null;
  const wanted = word.toLowerCase();
  const searched = fields.filter((each) => each.searched);
  return (row) =>
    searched.some((field) =>
      String(field.of(row) ?? '')
        .toLowerCase()
        .includes(wanted),
    );
}

function inField<T>(field: FilterField<T>, operator: string, value: string): Predicate<T> | null {
  // The value is still being typed.
  if (value === '') return null;
  if (operator !== ':') {
    const limit = numberOf(value);
    if (limit === null) return null;
    return (row) => {
      const number = field.of(row);
      return typeof number === 'number' && (operator === '<' ? number < limit : number > limit);
    };
  }
  const wanted = value.toLowerCase();
  if (/^[1-5]x+$/.test(wanted)) {
    const digit = wanted.charAt(0);
    return (row) => {
      const status = String(field.of(row) ?? '');
      return status.length === 3 && status.startsWith(digit);
    };
  }
  return (row) => {
    const own = field.of(row);
    return typeof own === 'number' ? String(own) === wanted : (own ?? '').toLowerCase().includes(wanted);
  };
}

function numberOf(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|[kmgs]?)b?$/i.exec(text);
  if (match === null) return null;
  const [, digits = '', unit = ''] = match;
  return Number(digits) * (UNITS[unit.toLowerCase()] ?? 1);
}
