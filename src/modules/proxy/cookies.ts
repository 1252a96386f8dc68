/** Rewriting of `Set-Cookie` fields of an upstream: domain, path and flags (`proxy_cookie_*`). */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom } from '../../config/argument-types.js';
import type { ArgumentType } from '../../config/directive.js';
import { parsePattern } from '../../config/pattern.js';
import type { PatternData, TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import type { Exchange } from '../../program/exchange.js';
import type { CompiledPattern, Compiler } from '../../program/module.js';
import type { Template } from '../../program/template.js';
import type { Rewrites } from './rewrites.js';

export type CookieFlagsData =
  | 'off'
  | { readonly cookie: TemplateData | { readonly regex: PatternData }; readonly flags: readonly TemplateData[] };

/** `off`, or a cookie name (`~` regex) and flags. */
export const cookieFlags: ArgumentType<CookieFlagsData> = custom<CookieFlagsData>(
  'off | cookie flag ...',
  1,
  Number.POSITIVE_INFINITY,
  (words, c) => {
    const [cookie, ...flags] = words as readonly [Word, ...Word[]]; // one word at least: `min`
    if (flags.length === 0) {
      if (cookie.text !== 'off') c.fail(cookie, 'invalid-value', `invalid parameter "${cookie.text}"`);
      return 'off';
    }
    return {
      cookie: cookie.text.startsWith('~')
        ? { regex: parsePattern(cookie, c, { caseless: true, from: 1 }) }
        : parseTemplate(cookie, c),
      flags: flags.map((flag) => parseTemplate(flag, c)),
    };
  },
);

interface Attribute {
  name: string;
  /** Null if there is no `=`. */
  value: string | null;
}

interface FlagRule {
  readonly pattern: CompiledPattern | null;
  readonly name: Template | null;
  readonly flags: readonly Template[];
}

const FLAGS: ReadonlySet<string> = new Set([
  'secure',
  'nosecure',
  'httponly',
  'nohttponly',
  'samesite=strict',
  'samesite=lax',
  'samesite=none',
  'nosamesite',
]);

/** Cookie rewriting rules of a location. */
export class CookieRewrite {
  private readonly rules: FlagRule[];

  constructor(
    private readonly domains: Rewrites,
    private readonly paths: Rewrites,
    flags: readonly CookieFlagsData[],
    compiler: Compiler,
  ) {
    this.rules = flags.flatMap((data) => {
      if (data === 'off') return [];
      const { cookie } = data;
      const regex = typeof cookie === 'object' && 'regex' in cookie ? compiler.pattern(cookie.regex) : null;
      return [
        {
          pattern: regex,
          name: regex === null ? compiler.template(cookie as TemplateData) : null,
          flags: data.flags.map((flag) => compiler.template(flag)),
        },
      ];
    });
  }

  /** Whether no rule is configured. */
  get empty(): boolean {
    return this.domains.empty && this.paths.empty && this.rules.length === 0;
  }

  /** Rewrites the value of a Set-Cookie field; returns it unchanged if no rule applies. */
  apply(x: Exchange, value: string): string {
    const attributes = parse(value);
    const [cookie] = attributes;
    if (cookie === undefined || cookie.value === null) return value;
    let changed = false;
    for (const attribute of attributes.slice(1)) {
      if (attribute.value === null) continue;
      const name = attribute.name.toLowerCase();
      const rewrites = name === 'domain' ? this.domains : name === 'path' ? this.paths : null;
      const rewritten = rewrites?.apply(x, attribute.value) ?? null;
      if (rewritten !== null) {
        attribute.value = rewritten;
        changed = true;
      }
    }
    const flags = this.flagsFor(x, cookie.name);
    const kept = flags.size > 0 ? setFlags(attributes, flags) : attributes;
    if (!changed && flags.size === 0) return value;
    return kept.map(({ name, value }) => (value === null ? name : `${name}=${value}`)).join('; ');
  }

  /** Flags of the first rule that matches the cookie name. */
  private flagsFor(x: Exchange, name: string): Set<string> {
    for (const rule of this.rules) {
      const matches =
        rule.pattern !== null ? rule.pattern.test(x, name) : rule.name?.of(x).toLowerCase() === name.toLowerCase();
      if (matches) return new Set(rule.flags.map((flag) => flag.of(x).toLowerCase()).filter((flag) => FLAGS.has(flag)));
    }
    return new Set();
  }
}

/** Splits at semicolons and trims spaces around names and values. */
function parse(value: string): Attribute[] {
  return value.split(';').map((part) => {
    const equals = part.indexOf('=');
    if (equals < 0) return { name: trim(part), value: null };
    return { name: trim(part.slice(0, equals)), value: trim(part.slice(equals + 1)) };
  });
}

function trim(text: string): string {
  return text.replace(/^ +| +$/g, '');
}

/** Adds or removes flags of a cookie; flags that it already has are not repeated. */
function setFlags(attributes: readonly Attribute[], flags: Set<string>): Attribute[] {
  const sameSite = flags.has('samesite=strict')
    ? 'Strict'
    : flags.has('samesite=lax')
      ? 'Lax'
      : flags.has('samesite=none')
        ? 'None'
        : null;
  let secure = flags.has('secure');
  let httpOnly = flags.has('httponly');
  let site = sameSite;
  const kept = attributes.filter((attribute, i) => {
    if (i === 0) return true;
    const name = attribute.name.toLowerCase();
    if (name === 'secure') {
      if (secure) secure = false;
      else if (flags.has('nosecure')) return false;
    } else if (name === 'httponly') {
      if (httpOnly) httpOnly = false;
      else if (flags.has('nohttponly')) return false;
    } else if (name === 'samesite') {
      if (site !== null) {
        if (attribute.value?.toLowerCase() !== site.toLowerCase()) {
          attribute.name = 'SameSite';
          attribute.value = site;
        }
        site = null;
      } else if (sameSite === null && flags.has('nosamesite')) return false;
    }
    return true;
  });
  if (secure) kept.push({ name: 'Secure', value: null });
  if (httpOnly) kept.push({ name: 'HttpOnly', value: null });
  if (site !== null) kept.push({ name: 'SameSite', value: site });
  return kept;
}
