/** HTML forms in request bodies: `application/x-www-form-urlencoded`, and `multipart/form-data` (RFC 7578). Byte strings. */

import { unescapeArgs } from '../http/uri-escape.js';
import { textOf } from './text.js';

/** A part that is a file; its content is not available. `name` comes from the client. */
interface FormFile {
  readonly name: string;
}

type FormValue = string | FormFile;

/** Limits of njs. */
const MAX_KEYS = 128;
const MAX_BOUNDARY = 200;
const MAX_PART_HEADERS = 32;
const MAX_PART_HEADER_LINE = 4096;
const MAX_PART_HEADER_SIZE = 16_384;

interface FormOptions {
  readonly maxKeys?: unknown;
}

export class RequestForm {
  readonly #entries: readonly (readonly [string, FormValue])[];

  constructor(entries: readonly (readonly [string, FormValue])[]) {
    this.#entries = entries;
  }

  get [Symbol.toStringTag](): string {
    return 'RequestForm';
  }

  get(name: unknown): FormValue | null {
    return this.#entries.find(([key]) => key === String(name))?.[1] ?? null;
  }

  getAll(name: unknown): FormValue[] {
    return this.#entries.filter(([key]) => key === String(name)).map(([, value]) => value);
  }

  has(name: unknown): boolean {
    return this.#entries.some(([key]) => key === String(name));
  }

  forEach(callback: unknown, thisArg?: unknown): void {
    if (typeof callback !== 'function') throw new TypeError('"callback" is not a function');
    for (const [key, value] of this.#entries) callback.call(thisArg, value, key, this);
  }

  hasFiles(): boolean {
    return this.#entries.some(([, value]) => typeof value !== 'string');
  }
}

/** Maximum number of fields. Throws for invalid options. */
export function maxKeysOf(options: unknown): number {
  if (options === undefined) return MAX_KEYS;
  if (typeof options !== 'object' || options === null) throw new TypeError('"options" must be an object');
  const { maxKeys } = options as FormOptions;
  if (maxKeys === undefined) return MAX_KEYS;
  const number = Number(maxKeys);
  if (!Number.isFinite(number) || number < 1) throw new TypeError('"maxKeys" must be a positive integer');
  return Math.trunc(number);
}

/** Parses a body by its type. Throws TypeError. */
export function parseForm(contentType: string | undefined, body: string, maxKeys: number): RequestForm {
  if (contentType === undefined || contentType === '') throw new TypeError('request content type is required');
  const semicolon = contentType.indexOf(';');
  const type = contentType
    .slice(0, semicolon < 0 ? undefined : semicolon)
    .trim()
    .toLowerCase();
  const isMultipart = type === 'multipart/form-data';
  if (!isMultipart && type !== 'application/x-www-form-urlencoded') throw new TypeError('unsupported content type');
  let boundary: string | null = null;
  for (const { name, value } of parameters(
    semicolon < 0 ? '' : contentType.slice(semicolon),
    'malformed content type',
  )) {
    if (name.toLowerCase() !== 'boundary') continue;
    if (boundary !== null) throw new TypeError('duplicate boundary parameter');
    if (value === '' || value.length > MAX_BOUNDARY) throw new TypeError('invalid multipart boundary');
    boundary = value;
  }
  if (!isMultipart) return new RequestForm(urlencoded(body, maxKeys));
  if (boundary === null) throw new TypeError('multipart boundary is required');
  return new RequestForm(new Multipart(body, boundary, maxKeys).entries());
}

interface Parameter {
  readonly name: string;
  readonly value: string;
}

const PARAMETER = /;[ \t]*([^=; \t]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^; \t"][^; \t]*))[ \t]*/sy;

/** Parameters that follow a value: `; name=value; name="value"`. */
function parameters(text: string, invalid: string): Parameter[] {
  const found: Parameter[] = [];
  PARAMETER.lastIndex = 0;
  for (let at = 0; at < text.length; at = PARAMETER.lastIndex) {
    if (text[at] !== ';') throw new TypeError(invalid);
    const match = PARAMETER.exec(text);
    if (match === null) throw new TypeError(parameterMistake(text.slice(at + 1).trimStart()));
    const [, name = '', quoted, plain = ''] = match;
    found.push({ name, value: quoted === undefined ? plain : quoted.replace(/\\(.)/gs, '$1') });
  }
  return found;
}

function parameterMistake(text: string): string {
  const value = /^[^=; \t]+[ \t]*=[ \t]*(.*)$/s.exec(text)?.[1];
  if (value === undefined) return 'malformed parameter';
  return value.startsWith('"') ? 'unterminated quoted parameter' : 'empty parameter value';
}

function urlencoded(body: string, maxKeys: number): [string, FormValue][] {
  const entries: [string, FormValue][] = [];
  for (const part of body.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decoded(equals < 0 ? part : part.slice(0, equals));
    add(entries, name, equals < 0 ? '' : decoded(part.slice(equals + 1)), maxKeys);
  }
  return entries;
}

function decoded(bytes: string): string {
  if (/%(?![0-9a-fA-F]{2})/.test(bytes)) throw new TypeError('malformed percent escape');
  return textOf(unescapeArgs(bytes));
}

function add(entries: [string, FormValue][], name: string, value: FormValue, maxKeys: number): void {
  if (entries.length >= maxKeys) throw new TypeError('maxKeys limit exceeded');
  entries.push([name, value]);
}

class Multipart {
  private position = 0;

  constructor(
    private readonly body: string,
    private readonly boundary: string,
    private readonly maxKeys: number,
  ) {}

  entries(): [string, FormValue][] {
    const { body, boundary } = this;
    const delimiter = `--${boundary}`;
    const first = body.indexOf(delimiter);
    if (first < 0) throw new TypeError('malformed multipart body');
    this.position = first + delimiter.length;
    const entries: [string, FormValue][] = [];
    while (!this.atEnd()) {
      const { name, filename } = this.partHead();
      const end = body.indexOf(`\r\n${delimiter}`, this.position);
      if (end < 0) throw new TypeError('truncated multipart body');
      const value = filename === null ? textOf(body.slice(this.position, end)) : { name: textOf(filename) };
      add(entries, textOf(name), value, this.maxKeys);
      this.position = end + 2 + delimiter.length;
    }
    return entries;
  }

  /** Reads what follows a delimiter; true for `--`, which ends the body. */
  private atEnd(): boolean {
    const next = this.body.slice(this.position, this.position + 2);
    if (next === '--') return true;
    if (next !== '\r\n') throw new TypeError('malformed multipart boundary');
    this.position += 2;
    return false;
  }

  private partHead(): { readonly name: string; readonly filename: string | null } {
    const end = this.body.indexOf('\r\n\r\n', this.position);
    if (end < 0) throw new TypeError('missing multipart header separator');
    const head = this.body.slice(this.position, end);
    if (head.length > MAX_PART_HEADER_SIZE) throw new TypeError('multipart headers are too large');
    this.position = end + 4;
    const lines = head.split('\r\n');
    let disposition: string | null = null;
    for (const [i, line] of lines.entries()) {
      if (line.length > MAX_PART_HEADER_LINE) throw new TypeError('multipart header line is too long');
      if (i >= MAX_PART_HEADERS) throw new TypeError('too many multipart headers');
      const colon = line.indexOf(':');
      if (colon < 0) throw new TypeError('malformed multipart header');
      if (line.slice(0, colon).toLowerCase() !== 'content-disposition') continue;
      if (disposition !== null) throw new TypeError('duplicate Content-Disposition header');
      disposition = line.slice(colon + 1).trim();
    }
    if (disposition === null) throw new TypeError('missing Content-Disposition header');
    return parsedDisposition(disposition);
  }
}

function parsedDisposition(disposition: string): { readonly name: string; readonly filename: string | null } {
  const type = /^[^;]*/.exec(disposition)?.[0] ?? '';
  if (type.toLowerCase() !== 'form-data') throw new TypeError('unsupported disposition type');
  let name: string | null = null;
  let filename: string | null = null;
  for (const each of parameters(disposition.slice(type.length), 'malformed Content-Disposition')) {
    switch (each.name.toLowerCase()) {
      case 'name':
        if (name !== null) throw new TypeError('duplicate name parameter');
        name = each.value;
        break;
      case 'filename':
        if (filename !== null) throw new TypeError('duplicate filename parameter');
        filename = each.value;
        break;
    }
  }
  if (name === null) throw new TypeError('multipart field name is required');
  return { name, filename };
}
