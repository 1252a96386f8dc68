/** Arguments of TLS directives, for clients and upstreams. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom, word } from '../config/argument-types.js';
import type { ArgumentContext } from '../config/directive.js';
import type { Place } from '../config/place.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { parseInteger, parseSeconds, parseSize } from '../config/units.js';
import type { Session } from '../program/session.js';
import type { Template } from '../program/template.js';

/** Names of protocols that are accepted without effect (`noEffectParameters`). */
export const OLD_PROTOCOLS = {
  SSLv2: 'The OpenSSL of Node.js does not have this protocol.',
  SSLv3: 'The OpenSSL of Node.js does not have this protocol.',
} as const;

/** A file that OpenSSL reads, or data in its place. Plain data. */
export interface FileData {
  /** Absolute, unless it has variables or is not a file (`data:`). */
  readonly name: TemplateData;
  /** Directory of relative names with variables, with a slash at its end. */
  readonly directory: string;
  readonly at: Place;
}

/** Whether a certificate or key is not in a file: `data:`, `engine:`, `store:`. */
export function isInline(name: string): boolean {
  return /^(?:data|engine|store):/.test(name);
}

/** Evaluates the name of a file; relative names are in the directory of the configuration. */
export function fileName({ directory }: FileData, template: Template): (x: Session) => string {
  return (x) => {
    const name = template.of(x);
    return name === '' || isInline(name) || name.startsWith('/') ? name : directory + name;
  };
}

/** The name as in the configuration. */
export function writtenName({ name }: FileData): string {
  if (typeof name === 'string') return name;
  return name.map((piece) => (typeof piece === 'string' ? piece : `$${piece.variable}`)).join('');
}

function parseFile(w: Word, c: ArgumentContext, keys: boolean): FileData {
  const name = parseTemplate(w, c);
  const directory = c.path('', 'conf');
  if (keys && /^(engine|store):/.test(w.text)) {
    const [scheme] = w.text.split(':', 1);
    c.fail(w, 'invalid-value', `loading "${scheme}:..." certificate keys is not supported`, {
      help: 'Node.js has no interface to the engines and stores of OpenSSL; use a file or data:',
    });
  }
  const absolute = typeof name === 'string' && !isInline(name) && name !== '' ? c.path(name, 'conf') : name;
  return { name: absolute, directory, at: c.place(w) };
}

/** The files that a value of `certificateFile` or `keyFile` names. */
export function namedFiles(value: unknown): readonly string[] {
  const { name } = value as FileData;
  return typeof name === 'string' && name !== '' && !isInline(name) ? [name] : [];
}

/** The files that a value of `plainFile` names. */
export function plainFiles(value: unknown): readonly string[] {
  const { path } = value as { readonly path: string };
  return path === '' ? [] : [path];
}

/** A certificate, and a key: a file or `data:…`, possibly with variables. */
export const certificateFile = word('file', (w, c) => parseFile(w, c, false));
export const keyFile = word('file', (w, c) => parseFile(w, c, true));

/** A file without variables. */
export const plainFile = word('file', (w, c): { readonly path: string; readonly at: Place } => ({
  path: w.text === '' ? '' : c.path(w.text, 'conf'),
  at: c.place(w),
}));

/** `ssl_session_cache`. Plain data. */
export interface SessionCacheData {
  /** `none`: as `off`, but clients are not told that sessions cannot be reused. */
  readonly builtin: 'off' | 'none' | number | null;
  readonly shared: { readonly name: string; readonly size: number } | null;
}

/** Sessions in nginx's built-in cache if no number is given. */
const DEFAULT_BUILTIN = 20_480;
/** nginx requires eight pages. */
const MIN_ZONE = 8 * 4096;

function parseSharedZone(text: string, w: Word, kind: string, c: ArgumentContext): { name: string; size: number } {
  const [, name, written = ''] = /^shared:([^:]+):(.*)$/s.exec(text) ?? [];
  const size = parseSize(written);
  if (name === undefined || size === null) return c.fail(w, 'invalid-value', `invalid ${kind} "${text}"`);
  if (size < MIN_ZONE) c.fail(w, 'invalid-value', `${kind} "${text}" is too small`, { help: 'the minimum is 32k' });
  return { name, size };
}

export const sessionCache = custom(
  'off | none | [builtin[:size]] [shared:name:size]',
  1,
  2,
  (words, c): SessionCacheData => {
    let builtin: SessionCacheData['builtin'] = null;
    let shared: SessionCacheData['shared'] = null;
    for (const w of words) {
      const { text } = w;
      if (text === 'off' || text === 'none') builtin = text;
      else if (text === 'builtin') builtin = DEFAULT_BUILTIN;
      else if (text.startsWith('builtin:') && text.length > 8) {
        builtin = parseInteger(text.slice(8)) ?? c.fail(w, 'invalid-value', `invalid session cache "${text}"`);
      } else if (text.startsWith('shared:')) shared = parseSharedZone(text, w, 'session cache', c);
      else c.fail(w, 'invalid-value', `invalid session cache "${text}"`);
    }
    return { builtin, shared };
  },
);

/** `ssl_ocsp_cache`; null: `off`. */
export const ocspCache = word('off | shared:name:size', (w, c) =>
  w.text === 'off' ? null : parseSharedZone(w.text, w, 'OCSP cache', c),
);

/** `ssl_certificate_cache`; null: `off`. Times in s. */
export interface CertificateCacheData {
  readonly max: number;
  readonly inactive: number;
  readonly valid: number;
  readonly at: Place;
}

export const certificateCache = custom(
  'off | max=N [inactive=time] [valid=time]',
  1,
  3,
  (words, c): CertificateCacheData | null => {
    let [max, inactive, valid, off] = [0, 10, 60, false];
    for (const w of words) {
      const [name = '', value = ''] = /^([^=]*=)(.*)$/s.exec(w.text)?.slice(1) ?? [w.text];
      const invalid = (): never => c.fail(w, 'invalid-value', `invalid parameter "${w.text}"`);
      if (name === 'max=') max = parseInteger(value) || invalid();
      else if (name === 'inactive=') inactive = parseSeconds(value) ?? invalid();
      else if (name === 'valid=') valid = parseSeconds(value) ?? invalid();
      else if (name === 'off') off = true;
      else invalid();
    }
    if (off) return null;
    if (max === 0) c.fail(c.statement, 'argument-count', `"${c.directive}" must have the "max" parameter`);
    return { max, inactive, valid, at: c.place(c.statement) };
  },
);

/** `ssl_conf_command`. Plain data. */
export interface ConfCommand {
  readonly name: string;
  readonly value: string;
  /** The value as the name of a file. */
  readonly path: string;
  readonly at: Place;
}

export const confCommand = custom('name value', 2, 2, (words, c): ConfCommand => {
  const [name, value] = words as readonly [Word, Word]; // two words: `min` and `max`
  return { name: name.text, value: value.text, path: c.path(value.text, 'conf'), at: c.place(name) };
});
