/** Arguments of `sticky`. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom } from '../../config/argument-types.js';
import type { ArgumentContext, ArgumentType } from '../../config/directive.js';
import type { TemplateData } from '../../config/template.js';
import { parseTemplate, spanInWord } from '../../config/template-parser.js';
import { parseMilliseconds, parseSeconds, parseSize } from '../../config/units.js';
import type { StoredZone } from '../../config/zone-declaration.js';

export interface CookieData {
  readonly kind: 'cookie';
  readonly name: string;
  readonly domain: TemplateData | null;
  /** Null if not set. */
  readonly path: string | null;
  /** Seconds; null for a session cookie. */
  readonly expires: number | 'max' | null;
  readonly httponly: boolean;
  readonly secure: boolean;
  readonly samesite: TemplateData | null;
}

interface RouteData {
  readonly kind: 'route';
  /** Names of variables. */
  readonly lookup: readonly string[];
}

export interface LearnData {
  readonly kind: 'learn';
  readonly zone: string;
  /** Bytes. */
  readonly size: number;
  /** ms. */
  readonly timeout: number;
  /** Names of variables. */
  readonly lookup: readonly string[];
  readonly create: readonly string[];
  /** Whether sessions are learned from response heads, not from complete responses. */
  readonly header: boolean;
  /** Store that keeps the sessions for several machines; null: they are kept on this one. */
  readonly store: StoredZone | null;
}

export type StickyData = CookieData | RouteData | LearnData;
type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** nginx requires eight pages. */
const MIN_ZONE = 8 * 4096;
const DEFAULT_TIMEOUT = 600_000;
/** Values of the cookie's attribute, in lower case. */
export const SAMESITE: ReadonlySet<string> = new Set(['strict', 'lax', 'none']);

/** Fails with a message that nginx prints after the name of the directive. */
function refuse(at: Word, message: string, c: ArgumentContext, help?: string): never {
  return c.fail(at, 'invalid-value', `"sticky" directive ${message}`, help === undefined ? {} : { help });
}

function unknown(word: Word, c: ArgumentContext): never {
  return c.fail(word, 'invalid-value', `unknown parameter "${word.text}"`);
}

/** Splits `name=value`; without `=` the value is null. */
function parameter({ text }: Word): readonly [name: string, value: string | null] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, null] : [text.slice(0, equals), text.slice(equals + 1)];
}

function parseCookie(words: readonly Word[], c: ArgumentContext): CookieData {
  const [name, ...parameters] = words as readonly [Word, ...Word[]]; // `sticky` takes two words at least
  if (name.text === '') refuse(name, 'empty cookie name', c);
  const draft: Draft<CookieData> = {
    kind: 'cookie',
    name: name.text,
    domain: null,
    path: null,
    expires: null,
    httponly: false,
    secure: false,
    samesite: null,
  };
  const seen = new Set<string>();
  for (const word of parameters) {
    const [key, value] = parameter(word);
    const isFlag = key === 'httponly' || key === 'secure';
    if (!Object.hasOwn(COOKIE_PARAMETERS, key) || isFlag !== (value === null)) unknown(word, c);
    if (seen.has(key)) refuse(word, `parameter "${key}" is duplicate`, c);
    seen.add(key);
    COOKIE_PARAMETERS[key as keyof typeof COOKIE_PARAMETERS](draft, word, value ?? '', c);
  }
  return draft;
}

const COOKIE_PARAMETERS = {
  domain(draft: Draft<CookieData>, word: Word, value: string, c: ArgumentContext) {
    if (value === '') refuse(word, 'no value for "domain"', c);
    draft.domain = parseTemplate(word, c, 'domain='.length);
  },
  path(draft: Draft<CookieData>, word: Word, value: string, c: ArgumentContext) {
    if (value === '') refuse(word, 'no value for "path"', c);
    draft.path = value;
  },
  expires(draft: Draft<CookieData>, word: Word, value: string, c: ArgumentContext) {
    const help = 'a time such as 1h, or max: until 2037';
    if (value === 'max') draft.expires = 'max';
    else draft.expires = parseSeconds(value) ?? refuse(word, 'invalid "expires" parameter value', c, help);
  },
  httponly(draft: Draft<CookieData>) {
    draft.httponly = true;
  },
  secure(draft: Draft<CookieData>) {
    draft.secure = true;
  },
  samesite(draft: Draft<CookieData>, word: Word, _value: string, c: ArgumentContext) {
    const template = parseTemplate(word, c, 'samesite='.length);
    if (typeof template === 'string' && !SAMESITE.has(template.toLowerCase())) {
      refuse(word, 'invalid "samesite" parameter value', c, 'one of strict, lax and none, or a variable');
    }
    draft.samesite = template;
  },
};

/** Parses the variable's name that follows `from` bytes and a `$`. */
function parseVariable(word: Word, from: number, c: ArgumentContext): string {
  const name = word.text.slice(from + 1).toLowerCase();
  c.uses(name, spanInWord(word, from, word.text.length));
  return name;
}

function parseRoute(words: readonly Word[], c: ArgumentContext): RouteData {
  const lookup = words.map((word) => {
    if (!word.text.startsWith('$')) c.fail(word, 'invalid-variable', `invalid variable name "${word.text}"`);
    return parseVariable(word, 0, c);
  });
  return { kind: 'route', lookup };
}

function parseLearn(words: readonly Word[], c: ArgumentContext): LearnData {
  const lookup: string[] = [];
  const create: string[] = [];
  let zone: { readonly name: string; readonly size: number } | null = null;
  let timeout: number | null = null;
  let header = false;
  let store: StoredZone | null = null;
  for (const word of words) {
    const [key, value] = parameter(word);
    if (value === null) {
      if (key !== 'header') unknown(word, c);
      header = true;
    } else if (key === 'zone') {
      if (zone !== null) refuse(word, 'duplicate zone', c);
      zone = parseZone(word, value, c);
    } else if (key === 'timeout') {
      if (timeout !== null) refuse(word, 'duplicate timeout', c);
      const time = parseMilliseconds(value) ?? 0;
      if (time === 0) refuse(word, 'invalid timeout', c);
      timeout = time;
    } else if (key === 'create' || key === 'lookup') {
      if (!value.startsWith('$')) refuse(word, `missing variable in the "${key}" parameter`, c);
      (key === 'create' ? create : lookup).push(parseVariable(word, key.length + 1, c));
    } else if (key === 'store') {
      if (store !== null) refuse(word, 'duplicate store', c);
      if (value === '') refuse(word, 'invalid store', c);
      store = { name: value, failure: 'local', lease: 1 };
    } else unknown(word, c);
  }
  const { name } = c.statement;
  if (lookup.length === 0) refuse(name, '"lookup" parameter is not specified', c);
  if (create.length === 0) refuse(name, '"create" parameter is not specified', c);
  if (zone === null) return refuse(name, '"zone" parameter is not specified', c);
  return {
    kind: 'learn',
    zone: zone.name,
    size: zone.size,
    timeout: timeout ?? DEFAULT_TIMEOUT,
    lookup,
    create,
    header,
    store,
  };
}

function parseZone(word: Word, value: string, c: ArgumentContext): { readonly name: string; readonly size: number } {
  const colon = value.indexOf(':');
  if (colon < 0) refuse(word, 'zone size is not specified', c, 'the syntax is zone=name:size');
  if (colon === 0) refuse(word, 'zone name is not specified', c, 'the syntax is zone=name:size');
  const size =
    parseSize(value.slice(colon + 1)) ?? refuse(word, 'invalid zone size', c, 'a size is written 64k or 10m');
  if (size < MIN_ZONE) refuse(word, 'zone is too small', c, 'the minimum is 32k');
  return { name: value.slice(0, colon), size };
}

const KINDS: Readonly<Record<string, (words: readonly Word[], c: ArgumentContext) => StickyData>> = {
  cookie: parseCookie,
  route: parseRoute,
  learn: parseLearn,
};

export const stickyArgument: ArgumentType<StickyData> = custom(
  'cookie name [expires=time | max] [domain=string] [httponly] [samesite=strict|lax|none|$variable] [secure] [path=string] | route $variable ... | learn create=$variable ... lookup=$variable ... zone=name:size [timeout=time] [header] [store=name]',
  2,
  Number.POSITIVE_INFINITY,
  ([kind, ...words], c) => {
    if (kind === undefined) throw new Error('sticky was given no words');
    const parse = Object.hasOwn(KINDS, kind.text) ? KINDS[kind.text] : undefined;
    return parse === undefined ? unknown(kind, c) : parse(words, c);
  },
);
