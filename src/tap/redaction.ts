/** Redaction of rows for one subscriber. Byte strings. */
import { Expression } from '../config/pcre/expression.js';
import { MatchFailed } from '../config/pcre/match-failed.js';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { unescapeArgs } from '../http/uri-escape.js';
import { REDACTED } from './credentials.js';
import { hasDuplicates, type JsonPath, replaceAt } from './json-path.js';
import type { FieldLine, Withheld } from './rows.js';
import type { RedactionSettings } from './settings.js';

/** Fields whose values are URLs. */
const URLS: ReadonlySet<string> = new Set(['referer', 'location', 'content-location', 'refresh']);
const ARGUMENT = /([?&#])([^=&#?]+)=[^&#]*/g;
const ARGUMENT_IN_TEXT = /([?&#])([^=&#?\s"']+)=[^&#\s"']*/g;

const NOT_JSON = 'not JSON';
const NOT_REDACTED = 'not redacted';

export class Redaction {
  private readonly fields: ReadonlySet<string>;
  private readonly jsonPaths: readonly JsonPath[];
  private readonly patterns: readonly Expression[];

  constructor({ fields, jsonPaths, patterns }: RedactionSettings) {
    this.fields = new Set(fields);
    this.jsonPaths = jsonPaths;
    this.patterns = patterns.map((pattern) => new Expression(pattern));
  }

  /** Whether payloads are redacted, so that only complete ones can be given. */
  get ofPayloads(): boolean {
    return this.jsonPaths.length > 0 || this.patterns.length > 0;
  }

  /** A text without the matches of the expressions; if a search exceeds its limits, nothing of it. */
  text(text: string): string {
    return this.matchesReplaced(text) ?? REDACTED;
  }

  private matchesReplaced(text: string): string | null {
    try {
      let result = text;
      for (const pattern of this.patterns) result = pattern.replaceAll(result, REDACTED);
      return result;
    } catch (error) {
      if (error instanceof MatchFailed) return null;
      throw error;
    }
  }

  headers(lines: readonly FieldLine[]): FieldLine[] {
    return lines.map(([name, value]) => {
      const lower = name.toLowerCase();
      if (this.fields.has(lower)) return [name, REDACTED];
      return [name, URLS.has(lower) ? this.target(value) : this.text(value)];
    });
  }

  /** A URL or its target: arguments by their names, also those in a fragment, then the expressions. */
  target(target: string): string {
    if (this.fields.size === 0 || !target.includes('=')) return this.text(target);
    const redacted = target.replace(ARGUMENT, (argument, mark: string, name: string) =>
      this.fields.has(decoded(name)) ? `${mark}${name}=${REDACTED}` : argument,
    );
    return this.text(redacted);
  }

  /** Arguments of URLs in any text. */
  urls(text: string): string {
    if (!text.includes('=')) return text;
    return text.replace(ARGUMENT_IN_TEXT, (argument, mark: string, name: string) =>
      this.isRedacted(decoded(name)) ? `${mark}${name}=${REDACTED}` : argument,
    );
  }

  /** Whether the values of a field or argument are redacted. `name`: in lower case. */
  isRedacted(name: string): boolean {
    return this.fields.has(name);
  }

  /** A whole message, or the reason for which it is withheld. */
  message(payload: Buffer): Buffer | Withheld {
    if (this.jsonPaths.length === 0) return this.payload(payload.latin1Slice());
    const json = this.json(payload.toString('utf8'));
    if (json === NOT_JSON || json === NOT_REDACTED) return json;
    return this.payload(json.text === null ? payload.latin1Slice() : toBytes(json.text));
  }

  /** A whole event, whose data is redacted like a message, or the reason for which it is withheld. */
  event(payload: Buffer): Buffer | Withheld {
    const text = payload.latin1Slice();
    const lines = text.split(/\r\n|\r|\n/);
    const data = lines.filter((line) => isData(line)).map((line) => line.slice(5).replace(/^ /, ''));
    if (this.jsonPaths.length === 0 || data.length === 0) return this.payload(text);
    const json = this.json(toText(data.join('\n')));
    if (json === NOT_JSON || json === NOT_REDACTED) return json;
    if (json.text === null) return this.payload(text);
    const others = lines.filter((line) => !isData(line) && line !== '');
    return this.payload([...others, `data: ${toBytes(json.text)}`, '', ''].join('\n'));
  }

  /** The payload of a control frame, which is not a message. */
  control(payload: Buffer): Buffer | Withheld {
    return this.payload(payload.latin1Slice());
  }

  private payload(text: string): Buffer | Withheld {
    const result = this.matchesReplaced(text);
    return result === null ? NOT_REDACTED : Buffer.from(result, 'latin1');
  }

  /** The JSON text with redacted members, and without duplicates; null if it has neither. */
  private json(text: string): { readonly text: string | null } | typeof NOT_JSON | typeof NOT_REDACTED {
    try {
      const value: unknown = JSON.parse(text);
      let found = false;
      for (const path of this.jsonPaths) if (replaceAt(value, path, REDACTED)) found = true;
      // Of several members with the same name, a receiver may use one that was not redacted.
      return { text: found || hasDuplicates(text, value) ? JSON.stringify(value) : null };
    } catch (error) {
      // The depth of a value may exceed the stack.
      return error instanceof SyntaxError ? NOT_JSON : NOT_REDACTED;
    }
  }
}

function isData(line: string): boolean {
  return line === 'data' || line.startsWith('data:');
}

/** The name of an argument as bytes, in lower case. */
function decoded(name: string): string {
  return toBytes(toText(unescapeArgs(name)).toLowerCase());
}
