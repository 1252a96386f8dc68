/**
 * The field lines of a head: offsets into the received text. Names and values become strings only on demand, so that a
 * field forwarded unchanged never does.
 */
import { equalsIgnoreCase, Field, fieldName, fieldNumber } from './field-names.js';

/** Numbers stored per field: start and end of name, start and end of value, number of the name, state. */
const STRIDE = 6;
const PRESENT = 0;
const REMOVED = 1;
const REPLACED = 2;

/** Number of fields above which `clear` releases the memory. */
const MAX_FIELDS_KEPT = 64;

export class HeaderBlock {
  /** The head as received; while reading, the part from offset `base` on. */
  text = '';
  base = 0;
  /** Number of field lines, including removed ones. */
  count = 0;
  /** Whether every line is `Name: value CRLF`, so that runs of lines can be copied unchanged. */
  canonical = true;
  /** Whether a field was removed or replaced. */
  touched = false;
  /** Values of replaced fields. */
  private replacements: Map<number, string> | null = null;
  /** The set of names for which `duplicate` has found none. */
  private distinct: readonly boolean[] | null = null;
  /** Whether a field was dropped, so that the block does not contain all that was received. */
  private incomplete = false;
  private at: number[] = [];

  /** Removes all fields. */
  clear(): void {
    this.text = '';
    this.base = 0;
    this.count = 0;
    if (this.at.length > MAX_FIELDS_KEPT * STRIDE) this.at.length = 0;
    this.canonical = true;
    this.touched = false;
    this.replacements = null;
    this.distinct = null;
    this.incomplete = false;
  }

  /** Sets the text to which the offsets of `push` refer. */
  begin(text: string): void {
    this.clear();
    this.text = text;
  }

  /** Adds a field by its offsets in the current text; returns the number of its name. */
  push(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): number {
    const id = fieldNumber(this.text, nameStart, nameEnd);
    this.pushNumbered(nameStart, nameEnd, valueStart, valueEnd, id);
    return id;
  }

  /** Adds a field whose number is known. */
  pushNumbered(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number, id: number): void {
    const i = this.count++ * STRIDE;
    const { at, base } = this;
    this.distinct = null;
    at[i] = base + nameStart;
    at[i + 1] = base + nameEnd;
    at[i + 2] = base + valueStart;
    at[i + 3] = base + valueEnd;
    at[i + 4] = id;
    at[i + 5] = PRESENT;
  }

  /** Reverts the last `push`. */
  dropLast(): void {
    this.count--;
  }

  /** Sets the text of the whole head, whose fields were pushed in parts. */
  settle(text: string): void {
    this.text = text;
    this.base = 0;
  }

  /** Releases spare capacity (150 bytes or more) of a block that is kept for a long time. */
  compact(): void {
    this.at = this.at.slice(0, this.count * STRIDE);
  }

  /** Whether the parsed head can be reused for an identical one: it is complete and small. */
  get reusable(): boolean {
    return this.count <= MAX_FIELDS_KEPT && !this.incomplete;
  }

  /** Creates a block from pairs of strings (for a generated head). */
  static from(pairs: readonly (readonly [name: string, value: string])[]): HeaderBlock {
    const block = new HeaderBlock();
    block.begin(pairs.map(([name, value]) => `${name}: ${value}\r\n`).join(''));
    let offset = 0;
    for (const [name, value] of pairs) {
      const valueStart = offset + name.length + 2;
      block.push(offset, offset + name.length, valueStart, valueStart + value.length);
      offset = valueStart + value.length + 2;
    }
    return block;
  }

  /** A copy that stays as it is when the reader of this block reads another head. */
  copy(): HeaderBlock {
    const copy = new HeaderBlock();
    copy.text = this.text;
    copy.base = this.base;
    copy.count = this.count;
    copy.canonical = this.canonical;
    copy.touched = this.touched;
    copy.replacements = this.replacements === null ? null : new Map(this.replacements);
    copy.incomplete = this.incomplete;
    copy.at = this.at.slice(0, this.count * STRIDE);
    return copy;
  }

  /** A copy of a received block without the fields `without` (lower case), to which fields are added at the end. */
  with(added: readonly (readonly [name: string, value: string])[], without: readonly string[]): HeaderBlock {
    const { at, count } = this;
    const copy = new HeaderBlock();
    // If all lines end in CRLF, the added ones follow without a gap.
    const end = count === 0 ? 0 : (at[(count - 1) * STRIDE + 3] as number) + 2;
    let text = this.text.slice(0, end);
    copy.canonical = this.canonical;
    for (let i = 0; i < count; i++) {
      if (without.some((name) => this.is(i, name))) {
        copy.canonical = false;
        continue;
      }
      for (let k = i * STRIDE; k < (i + 1) * STRIDE; k++) copy.at.push(at[k] as number);
      copy.count++;
    }
    for (const [name, value] of added) text += `${name}: ${value}\r\n`;
    copy.text = text;
    let start = end;
    for (const [name, value] of added) {
      const valueStart = start + name.length + 2;
      copy.push(start, start + name.length, valueStart, valueStart + value.length);
      start = valueStart + value.length + 2;
    }
    return copy;
  }

  id(i: number): number {
    return this.at[i * STRIDE + 4] as number;
  }

  /** Returns the name as received. */
  name(i: number): string {
    return this.text.slice(this.at[i * STRIDE] as number, this.at[i * STRIDE + 1] as number);
  }

  value(i: number): string {
    return this.text.slice(this.at[i * STRIDE + 2] as number, this.at[i * STRIDE + 3] as number);
  }

  nameLength(i: number): number {
    return (this.at[i * STRIDE + 1] as number) - (this.at[i * STRIDE] as number);
  }

  /** Whether the name of field `i` is `lower` (given in lower case). */
  is(i: number, lower: string): boolean {
    return equalsIgnoreCase(this.text, this.at[i * STRIDE] as number, this.at[i * STRIDE + 1] as number, lower);
  }

  removed(i: number): boolean {
    return this.at[i * STRIDE + 5] === REMOVED;
  }

  /** Drops field `i` as if it had not been received; later fields move up by one. */
  drop(i: number): void {
    this.at.copyWithin(i * STRIDE, (i + 1) * STRIDE, this.count * STRIDE);
    this.count--;
    // Adjacent lines are no longer contiguous in the text.
    this.canonical = false;
    this.incomplete = true;
  }

  /** Excludes field `i` from `lines`; lookup by name still finds it, because it was received. */
  remove(i: number): void {
    this.at[i * STRIDE + 5] = REMOVED;
    this.touched = true;
  }

  /** Replaces the value of field `i` in `lines`; `value` is still the received one. */
  replace(i: number, value: string): void {
    this.replacements ??= new Map();
    this.replacements.set(i, value);
    this.at[i * STRIDE + 5] = REPLACED;
    this.touched = true;
  }

  /** Value of field `i` in `lines`: the received one, unless it was replaced. */
  forwardedValue(i: number): string {
    return (this.at[i * STRIDE + 5] === REPLACED ? this.replacements?.get(i) : undefined) ?? this.value(i);
  }

  /** Restores removed and replaced fields. */
  restore(): void {
    if (!this.touched) return;
    this.touched = false;
    this.replacements = null;
    for (let i = 0; i < this.count; i++) this.at[i * STRIDE + 5] = PRESENT;
  }

  /** Whether the value of field `i` equals `lower` case-insensitively (given in lower case). */
  valueIs(i: number, lower: string): boolean {
    return equalsIgnoreCase(this.text, this.at[i * STRIDE + 2] as number, this.at[i * STRIDE + 3] as number, lower);
  }

  /** Index of the first field with that number from `from` on, or -1. */
  indexOf(id: number, from = 0): number {
    const at = this.at;
    for (let i = from; i < this.count; i++) {
      if (at[i * STRIDE + 4] === id) return i;
    }
    return -1;
  }

  /** Index of the first field with that name (lower case) from `from` on, or -1. */
  find(lower: string, from = 0): number {
    for (let i = from; i < this.count; i++) {
      if (this.is(i, lower)) return i;
    }
    return -1;
  }

  /** Index of the first field whose number is in `unique` and occurred before, or -1. */
  duplicate(unique: readonly boolean[], from = 0): number {
    const at = this.at;
    if (this.distinct === unique) return -1;
    for (let i = from; i < this.count; i++) {
      const id = at[i * STRIDE + 4] as number;
      if (unique[id] === true && this.indexOf(id) < i) return i;
    }
    // A block whose head is repeated is not searched again.
    if (from === 0) this.distinct = unique;
    return -1;
  }

  /** Value of the first field with that number, or undefined. */
  valueOf(id: number): string | undefined {
    const i = this.indexOf(id);
    return i < 0 ? undefined : this.value(i);
  }

  /** Value of the first field with that name (lower case), or undefined. */
  get(lower: string): string | undefined {
    const i = this.find(lower);
    return i < 0 ? undefined : this.value(i);
  }

  /** All values of that name (lower case). */
  all(lower: string): string[] {
    const values: string[] = [];
    for (let i = this.find(lower); i >= 0; i = this.find(lower, i + 1)) values.push(this.value(i));
    return values;
  }

  /** Values of that name joined by `separator`, as in nginx's `$http_name`; undefined if there are none. */
  joined(lower: string, separator = ', '): string | undefined {
    const first = this.find(lower);
    if (first < 0) return undefined;
    let value = this.value(first);
    for (let i = this.find(lower, first + 1); i >= 0; i = this.find(lower, i + 1)) value += separator + this.value(i);
    return value;
  }

  /**
   * Returns the field lines for which `skip` is false, each terminated by CRLF, as one string. Adjacent lines are
   * copied as one slice of the text. With `current`, `Last-Modified`, `ETag` and `Location` have its values, at their places; they
   * are omitted if it has none.
   */
  lines(skip: FieldTest | null, current: CurrentValues | null = null): string {
    let out = '';
    let run = -1;
    const at = this.at;
    for (let i = 0; i < this.count; i++) {
      const o = i * STRIDE;
      const value = current === null ? null : this.currentValue(i, current);
      const state = at[o + 5];
      if (state === REMOVED || value === undefined || (value === null && skip?.matches(this, i))) {
        if (run >= 0) out += this.text.slice(run, at[o] as number);
        run = -1;
      } else if (!this.canonical || state === REPLACED || (value !== null && !this.hasValue(i, value))) {
        if (run >= 0) out += this.text.slice(run, at[o] as number);
        run = -1;
        out += `${this.name(i)}: ${value ?? this.forwardedValue(i)}\r\n`;
      } else if (run < 0) run = at[o] as number;
    }
    if (run >= 0) out += this.text.slice(run, (at[(this.count - 1) * STRIDE + 3] as number) + 2);
    return out;
  }

  /** Passes the fields that `lines` returns to a receiver, with names in lower case. */
  forward(skip: FieldTest | null, current: CurrentValues | null, to: FieldReceiver): void {
    const { at, count } = this;
    for (let i = 0; i < count; i++) {
      const value = current === null ? null : this.currentValue(i, current);
      if (at[i * STRIDE + 5] === REMOVED || value === undefined || (value === null && skip?.matches(this, i))) continue;
      const id = at[i * STRIDE + 4] as number;
      const name = id === Field.Other ? this.name(i).toLowerCase() : fieldName(id);
      to.field(name, value ?? this.forwardedValue(i), id);
    }
  }

  private hasValue(i: number, value: string): boolean {
    const start = this.at[i * STRIDE + 2] as number;
    return (this.at[i * STRIDE + 3] as number) - start === value.length && this.text.startsWith(value, start);
  }

  /** Value of field `i` if it may differ from the received one; undefined if it is not sent, null for other fields. */
  private currentValue(i: number, current: CurrentValues): string | null | undefined {
    const id = this.at[i * STRIDE + 4];
    return id === Field.ETag || id === Field.LastModified || id === Field.Location ? current.valueOf(id) : null;
  }
}

/** Receives fields; `number` is that of the name, as in `Field`. */
export interface FieldReceiver {
  field(name: string, value: string, number: number): void;
}

/** Values of fields that may have changed since they were received. */
export interface CurrentValues {
  valueOf(id: number): string | undefined;
}

/** Selects fields of a block. */
export interface FieldTest {
  matches(block: HeaderBlock, i: number): boolean;
}

/** A set of names, compared by known number, then by length, then by letters. */
export class NameSet implements FieldTest {
  private readonly ids: boolean[] = new Array<boolean>(64).fill(false);
  private readonly byLength: (string[] | undefined)[] = [];

  constructor(names: Iterable<string>) {
    for (const name of names) {
      const lower = name.toLowerCase();
      const id = fieldNumber(lower, 0, lower.length);
      if (id !== Field.Other) this.ids[id] = true;
      else this.byLength[lower.length] = [...(this.byLength[lower.length] ?? []), lower];
    }
  }

  matches(block: HeaderBlock, i: number): boolean {
    const id = block.id(i);
    if (id !== Field.Other) return this.ids[id] === true;
    const names = this.byLength[block.nameLength(i)];
    if (names === undefined) return false;
    for (let k = 0; k < names.length; k++) if (block.is(i, names[k] as string)) return true;
    return false;
  }
}
