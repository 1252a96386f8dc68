/** Dictionaries of structured fields (RFC 9651 3.2), as used by targeted cache control (RFC 9213). */

/** A bare item of the types that occur: integers and decimals are numbers; tokens and strings are marked. */
export type BareItem = number | boolean | { readonly token: string } | { readonly string: string };

const KEY = /[a-z*][a-z0-9_\-.*]*/y;
const NUMBER = /-?(?:\d{1,12}\.\d{1,3}|\d{1,15})(?![\d.])/y;
const STRING = /"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/y;
const TOKEN = /[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*/y;
const BOOLEAN = /\?[01]/y;
const BYTES = /:[A-Za-z0-9+/=]*:/y;

class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  /** The members by key, of which the last of a name counts; null for invalid text. Members that are inner lists are null. */
  dictionary(): Map<string, BareItem | null> | null {
    const members = new Map<string, BareItem | null>();
    this.spaces(' ');
    while (this.at < this.text.length) {
      const key = this.match(KEY);
      if (key === null) return null;
      let value: BareItem | null | undefined = true;
      if (this.text[this.at] === '=') {
        this.at++;
        value = this.text[this.at] === '(' ? this.innerList() : this.bareItem();
        if (value === undefined) return null;
      }
      if (!this.parameters()) return null;
      members.delete(key);
      members.set(key, value);
      this.spaces(' \t');
      if (this.at === this.text.length) return members;
      if (this.text[this.at] !== ',') return null;
      this.at++;
      this.spaces(' \t');
      // A trailing comma is an error.
      if (this.at === this.text.length) return null;
    }
    return members;
  }

  /** Skips an inner list: null, or undefined if it is invalid. */
  private innerList(): null | undefined {
    this.at++;
    for (;;) {
      const from = this.at;
      this.spaces(' ');
      if (this.text[this.at] === ')') {
        this.at++;
        return null;
      }
      const isFirst = this.text[from - 1] === '(';
      if (!isFirst && this.at === from) return undefined;
      if (this.bareItem() === undefined || !this.parameters()) return undefined;
    }
  }

  /** undefined: invalid. */
  private bareItem(): BareItem | undefined {
    const boolean = this.match(BOOLEAN);
    if (boolean !== null) return boolean === '?1';
    const number = this.match(NUMBER);
    if (number !== null) return Number(number);
    const string = this.match(STRING);
    if (string !== null) return { string: string.slice(1, -1).replace(/\\(.)/g, '$1') };
    const token = this.match(TOKEN) ?? this.match(BYTES);
    return token === null ? undefined : { token };
  }

  private parameters(): boolean {
    while (this.text[this.at] === ';') {
      this.at++;
      this.spaces(' ');
      if (this.match(KEY) === null) return false;
      if (this.text[this.at] !== '=') continue;
      this.at++;
      if (this.bareItem() === undefined) return false;
    }
    return true;
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return null;
    this.at = pattern.lastIndex;
    return found[0];
  }

  private spaces(which: string): void {
    while (this.at < this.text.length && which.includes(this.text.charAt(this.at))) this.at++;
  }
}

/** Parses a dictionary, the field's lines joined by commas; null if it is invalid. */
export function parseDictionary(text: string): ReadonlyMap<string, BareItem | null> | null {
  return new Parser(text.replace(/ +$/, '')).dictionary();
}
