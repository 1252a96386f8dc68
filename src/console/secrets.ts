/**
 * Values of redacted fields and arguments of one request, which may occur again where no name shows that they are confidential:
 * in variables, log lines, and other fields.
 */
import { unescapeArgs } from '../http/uri-escape.js';
import { REDACTED } from '../tap/credentials.js';
import type { RecordedHead } from '../tap/records.js';

/** Shorter values would replace parts of words. */
const MIN_LENGTH = 4;
const MAX_SECRETS = 100;
const ARGUMENT = /[?&#]([^=&#?\s]+)=([^&#\s]*)/g;

export interface Secrets {
  removedFrom(text: string): string;
}

/** `names`: names of redacted fields and arguments, in lower case. Byte strings. */
export function secretsOf(heads: readonly (RecordedHead | null)[], names: readonly string[]): Secrets {
  const found = new Set<string>();
  const isSecret = new Set(names);
  for (const head of heads) {
    if (head === null) continue;
    addArguments(found, head.line, isSecret);
    for (const [name, value] of head.fields) {
      if (isSecret.has(name.toLowerCase())) addValue(found, value);
      else addArguments(found, value, isSecret);
    }
  }
  // The longest first, because one may contain another.
  const values = [...found].sort((a, b) => b.length - a.length).slice(0, MAX_SECRETS);
  return {
    removedFrom: (text) =>
      values.reduce((rest, value) => (rest.includes(value) ? rest.replaceAll(value, REDACTED) : rest), text),
  };
}

function addArguments(found: Set<string>, text: string, names: ReadonlySet<string>): void {
  for (const [, name = '', value = ''] of text.matchAll(ARGUMENT)) {
    if (!names.has(unescapeArgs(name).toLowerCase())) continue;
    add(found, value);
    add(found, unescapeArgs(value));
  }
}

/** A value, and its parts: credentials after the scheme, the password of Basic, the values of cookies. */
function addValue(found: Set<string>, value: string): void {
  add(found, value);
  const [scheme, ...rest] = value.split(' ');
  const credentials = rest.join(' ').trim();
  if (/^[A-Za-z-]+$/.test(scheme ?? '') && credentials !== '') add(found, credentials);
  if (/^basic$/i.test(scheme ?? '')) {
    const text = Buffer.from(credentials, 'base64').latin1Slice();
    add(found, text);
    add(found, text.slice(text.indexOf(':') + 1));
  }
  for (const pair of value.split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && !ATTRIBUTE.test(pair.slice(0, at).trim())) add(found, pair.slice(at + 1).trim());
  }
}

/** Attributes of `Set-Cookie`, whose values are not secret. */
const ATTRIBUTE = /^(?:path|domain|expires|max-age|samesite)$/i;

function add(found: Set<string>, value: string): void {
  if (value.length >= MIN_LENGTH) found.add(value);
}
