/** `add_header`, `add_trailer`, `expires`: fields that the proxy itself puts into answers. nginx: headers_filter. */
import type { Word } from '../../grammar/syntax-tree.js';
import { choice, custom } from '../config/argument-types.js';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import type { ArgumentContext, Context } from '../config/directive.js';
import { enclosingBlocks } from '../config/enclosing.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { parseSeconds } from '../config/units.js';
import type { Chunk } from '../exchange/client-side.js';
import { httpDateNow, now } from '../exchange/clock.js';
import type { BodyFilter, Exchange } from '../exchange/exchange.js';
import { modifiedSeconds } from '../exchange/modified.js';
import { type BodyFilterFactory, type Compiler, defineModule, type HeaderFilter } from '../exchange/module.js';
import type { Template } from '../exchange/template.js';
import { formatHttpDate } from '../http/http-date.js';

const CONTEXTS = ['http', 'server', 'location', 'if in location'] as const satisfies readonly Context[];

// -- add_header and add_trailer

interface Addition {
  readonly name: string;
  readonly value: TemplateData;
  /** With every status, not only with those of success and redirection. */
  readonly always: boolean;
}

function parseAddition(words: readonly Word[], c: ArgumentContext): Addition {
  const [name, value, always] = words as readonly [Word, Word, Word?]; // 2 or 3 words: `min` and `max`
  if (always !== undefined && always.text !== 'always') {
    c.fail(always, 'invalid-value', `invalid parameter "${always.text}"`, {
      help: 'after the value may stand "always"; a value with spaces needs quotes',
    });
  }
  return { name: name.text, value: parseTemplate(value, c), always: always !== undefined };
}

interface CompiledAddition {
  readonly name: string;
  readonly value: Template;
  readonly always: boolean;
}

/** The fields that hold in a block, by nginx's rule: those of the innermost block that has any, unless they are merged. */
function additions(
  kind: 'add_header' | 'add_trailer',
  block: CheckedBlock,
  config: CheckedConfig,
): readonly Addition[] {
  const rule = block.values[`${kind}_inherit`] ?? 'on';
  // The list of a repeated directive that is written in this very block is its own alone.
  const own = block.own.includes(kind) ? (block.values[kind] as readonly Addition[]) : [];
  const around = rule === 'off' ? undefined : enclosingBlocks(config).get(block);
  if (around === undefined || (own.length > 0 && rule !== 'merge')) return own;
  return [...own, ...additions(kind, around, config)];
}

function compileAdditions(kind: 'add_header' | 'add_trailer', block: CheckedBlock, c: Compiler): CompiledAddition[] {
  return additions(kind, block, c.config).map((each) => ({ ...each, value: c.template(each.value) }));
}

/** Statuses with which fields are added without `always`. */
function isSafe(status: number): boolean {
  switch (status) {
    case 200:
    case 201:
    case 204:
    case 206:
    case 301:
    case 302:
    case 303:
    case 304:
    case 307:
    case 308:
      return true;
    default:
      return false;
  }
}

function addField(x: Exchange, name: string, value: string): void {
  const { response } = x;
  const lower = name.toLowerCase();
  if (lower === 'etag') {
    response.set(name, value === '' ? null : value);
  } else if (lower === 'last-modified') {
    response.set(name, value === '' ? null : value);
    // The place of its own is for content; nginx sends the field with every status, when it was asked for.
    if (value !== '' && response.status !== 200 && response.status !== 206 && response.status !== 304) {
      response.lastModified = null;
      response.add(name, value);
    }
  } else if (value !== '') {
    response.add(name, value);
  }
}

/** Adds the trailers when the body has ended; their variables may tell of the whole answer. */
class TrailerFilter implements BodyFilter {
  constructor(
    private readonly x: Exchange,
    private readonly trailers: readonly CompiledAddition[],
  ) {}

  push(chunk: Chunk | null, next: (chunk: Chunk | null) => boolean): boolean {
    if (chunk === null) {
      const { x } = this;
      const safe = isSafe(x.response.status);
      for (const { name, value, always } of this.trailers) {
        if (!safe && !always) continue;
        const text = value.of(x);
        if (text !== '') x.response.addTrailer(name, text);
      }
    }
    return next(chunk);
  }
}

function wantsTrailers(x: Exchange, trailers: readonly CompiledAddition[]): boolean {
  const { status } = x.response;
  if (x.nested !== null || x.method === 'HEAD' || status < 200 || status === 204 || status === 304 || x.version < 11)
    return false;
  if (x.version < 20 && !x.location.settings.chunkedTransferEncoding) return false;
  const safe = isSafe(status);
  return trailers.some(({ always }) => safe || always);
}

// -- expires

type Expiry =
  | { readonly mode: 'off' | 'epoch' | 'max' }
  /** Seconds from the request, from the content's last change, or the time of day. */
  | { readonly mode: 'access' | 'modified' | 'daily'; readonly seconds: number };

type Expires = Expiry | { readonly mode: 'variable'; readonly value: TemplateData; readonly modified: boolean };

const DAY = 24 * 60 * 60;

function parseExpires(words: readonly Word[], c: ArgumentContext): Expires {
  const [first, second] = words as readonly [Word, Word?]; // 1 or 2 words: `min` and `max`
  const modified = second !== undefined;
  if (modified && first.text !== 'modified') {
    c.fail(first, 'invalid-value', `"expires" directive invalid value`, {
      help: 'two words are "modified" and a time: expires modified +24h;',
    });
  }
  const word = second ?? first;
  const value = parseTemplate(word, c);
  if (typeof value !== 'string') return { mode: 'variable', value, modified };
  const expiry = expiryOf(value, modified);
  return typeof expiry === 'string' ? c.fail(word, 'invalid-value', `"expires" directive ${expiry}`) : expiry;
}

/** What a text means, or nginx's words for what is wrong with it. */
function expiryOf(text: string, modified: boolean): Expiry | string {
  if (!modified && (text === 'epoch' || text === 'max' || text === 'off')) return { mode: text };
  const sign = /^[@+-]/.exec(text)?.[0] ?? '';
  const daily = sign === '@';
  if (daily && modified) return 'daily time cannot be used with "modified" parameter';
  const seconds = parseSeconds(text.slice(sign.length));
  if (seconds === null) return 'invalid value';
  if (daily && seconds > DAY) return 'daily time value must be less than 24 hours';
  return { mode: daily ? 'daily' : modified ? 'modified' : 'access', seconds: sign === '-' ? -seconds : seconds };
}

const NEVER = ['Thu, 01 Jan 1970 00:00:01 GMT', 'no-cache'] as const;
/** Ten years, and the end of 32-bit time. */
const FOREVER = ['Thu, 31 Dec 2037 23:55:55 GMT', 'max-age=315360000'] as const;

function setExpires(x: Exchange, expiry: Expiry): void {
  const { response } = x;
  if (!('seconds' in expiry)) {
    if (expiry.mode === 'off') return;
    const [until, caching] = expiry.mode === 'max' ? FOREVER : NEVER;
    response.set('Expires', until);
    response.set('Cache-Control', caching);
    return;
  }
  const { mode, seconds } = expiry;
  if (seconds === 0 && mode !== 'daily') {
    response.set('Expires', httpDateNow());
    response.set('Cache-Control', 'max-age=0');
    return;
  }
  const present = Math.floor(now() / 1000);
  const changed = mode === 'modified' ? modifiedSeconds(response) : -1;
  const at = mode === 'daily' ? nextTime(seconds, present) : (changed < 0 ? present : changed) + seconds;
  const age = at - present;
  response.set('Expires', formatHttpDate(at));
  response.set('Cache-Control', seconds < 0 || age < 0 ? 'no-cache' : `max-age=${age}`);
}

/** When the clock next shows that time of the day, local time; seconds since 1970. */
function nextTime(secondsOfDay: number, present: number): number {
  const date = new Date(present * 1000);
  date.setHours(0, 0, secondsOfDay, 0);
  if (date.getTime() / 1000 <= present) date.setDate(date.getDate() + 1);
  return date.getTime() / 1000;
}

function compileExpires(expires: Expires, compiler: Compiler): ((x: Exchange) => void) | null {
  if (expires.mode === 'off') return null;
  if (expires.mode !== 'variable') return (x) => setExpires(x, expires);
  const template = compiler.template(expires.value);
  const { modified } = expires;
  return (x) => {
    const expiry = expiryOf(template.of(x), modified);
    if (typeof expiry !== 'string') setExpires(x, expiry);
  };
}

function compileHeaderFilter(expires: Expires, block: CheckedBlock, compiler: Compiler): HeaderFilter | null {
  const expire = compileExpires(expires, compiler);
  const headers = compileAdditions('add_header', block, compiler);
  if (expire === null && headers.length === 0) return null;
  return (x) => {
    if (x.nested !== null) return;
    const safe = isSafe(x.response.status);
    if (safe) expire?.(x);
    for (let i = 0; i < headers.length; i++) {
      const { name, value, always } = headers[i] as CompiledAddition;
      if (safe || always) addField(x, name, value.of(x));
    }
  };
}

function compileTrailers(block: CheckedBlock, compiler: Compiler): BodyFilterFactory | null {
  const trailers = compileAdditions('add_trailer', block, compiler);
  if (trailers.length === 0) return null;
  return (x) => {
    if (!wantsTrailers(x, trailers)) return null;
    // Trailers need a body in chunks (RFC 9112 7.1.2). All header filters have run: those that need the length knew it.
    if (x.version < 20) x.response.contentLength = -1;
    return new TrailerFilter(x, trailers);
  };
}

export default defineModule({
  name: 'headers',
  doc: 'Adds fields to heads and trailers of answers, and says how long they may be cached.',
  directives: {
    add_header: {
      contexts: CONTEXTS,
      takes: custom('name value [always]', 2, 3, parseAddition),
      repeat: true,
      doc: 'Adds a field to answers with status 200, 201, 204, 206, 301, 302, 303, 304, 307 and 308, or with `always` to all. Nothing is added where the value is empty. `Last-Modified` and `ETag` are replaced. A block that has `add_header` of its own inherits none, unless `add_header_inherit` says otherwise.',
      example: 'add_header Strict-Transport-Security "max-age=31536000" always;',
    },
    add_trailer: {
      contexts: CONTEXTS,
      takes: custom('name value [always]', 2, 3, parseAddition),
      repeat: true,
      doc: 'Adds a field after the body of answers with the statuses of `add_header`, or with `always` of all; such a body is sent in chunks. The value is computed when the body has ended. Inherited as `add_header` is.',
      example: 'add_trailer X-Upstream-Time $request_time;',
    },
    add_header_inherit: {
      contexts: CONTEXTS,
      takes: choice('off', 'on', 'merge'),
      default: 'on',
      doc: 'How `add_header` of the blocks around is inherited: `on`, only where this block has none; `merge`, added to those of this block; `off`, never.',
      example: 'add_header_inherit merge;',
    },
    add_trailer_inherit: {
      contexts: CONTEXTS,
      takes: choice('off', 'on', 'merge'),
      default: 'on',
      doc: 'How `add_trailer` of the blocks around is inherited; the values are those of `add_header_inherit`.',
      example: 'add_trailer_inherit merge;',
    },
    expires: {
      contexts: CONTEXTS,
      takes: custom('[modified] time | @time | epoch | max | off', 1, 2, parseExpires),
      default: 'off',
      doc: 'Sets `Expires` and `Cache-Control` of answers with the statuses of `add_header`. A time counts from now, after `modified` from the last change of the content, after `@` it is the time of the day; a negative one, and `epoch`, forbid caching, `max` allows it for ten years. Variables may give the value.',
      example: 'expires 1h;',
    },
  },
  holds: (block, config) => ({
    add_header: additions('add_header', block, config),
    add_trailer: additions('add_trailer', block, config),
  }),
  headerFilter: {
    order: 20,
    pure: true,
    compile: (conf, at) => compileHeaderFilter(conf.expires, at.block, at.compiler),
  },
  bodyFilter: {
    order: 20,
    pure: true,
    compile: (_conf, at) => compileTrailers(at.block, at.compiler),
  },
});
