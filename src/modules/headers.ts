/** nginx's `ngx_http_headers_module`: `add_header`, `add_trailer` and `expires`. */

import type { Word } from '../../grammar/syntax-tree.js';
import { choice, custom } from '../config/argument-types.js';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import type { ArgumentContext, Context } from '../config/directive.js';
import { enclosingBlocks } from '../config/enclosing.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { parseSeconds } from '../config/units.js';
import { httpExchange } from '../exchange/exchange.js';
import { epochTime, httpDateNow } from '../http/clock.js';
import { formatHttpDate } from '../http/http-date.js';
import { modifiedSeconds } from '../http/modified.js';
import type { BodyFilter, Chunk } from '../program/body.js';
import type { Exchange } from '../program/exchange.js';
import { type BodyFilterFactory, type Compiler, defineModule, type HeaderFilter } from '../program/module.js';
import type { Template } from '../program/template.js';

const CONTEXTS = ['http', 'server', 'location', 'if in location'] as const satisfies readonly Context[];

// -- add_header and add_trailer

interface Addition {
  readonly name: string;
  readonly value: TemplateData;
  /** Added to responses with any status, not only to the statuses of `isSafe`. */
  readonly always: boolean;
}

function parseAddition(words: readonly Word[], c: ArgumentContext): Addition {
  const [name, value, always] = words as readonly [Word, Word, Word?]; // 2 or 3 words: `min` and `max`
  if (always !== undefined && always.text !== 'always') {
    c.fail(always, 'invalid-value', `invalid parameter "${always.text}"`, {
      help: 'only "always" may follow the value; quote a value that contains spaces',
    });
  }
  return { name: name.text, value: parseTemplate(value, c), always: always !== undefined };
}

interface CompiledAddition {
  readonly name: string;
  readonly value: Template;
  readonly always: boolean;
}

/** Fields that apply in a block. As in nginx: those of the innermost block that defines any, unless they are merged. */
function additions(
  kind: 'add_header' | 'add_trailer',
  block: CheckedBlock,
  config: CheckedConfig,
): readonly Addition[] {
  const rule = block.values[`${kind}_inherit`] ?? 'on';
  // A list written in this block replaces the inherited one.
  const own = block.own.includes(kind) ? (block.values[kind] as readonly Addition[]) : [];
  const enclosing = rule === 'off' ? undefined : enclosingBlocks(config).get(block);
  if (enclosing === undefined || (own.length > 0 && rule !== 'merge')) return own;
  return [...own, ...additions(kind, enclosing, config)];
}

function compileAdditions(kind: 'add_header' | 'add_trailer', block: CheckedBlock, c: Compiler): CompiledAddition[] {
  return additions(kind, block, c.config).map((each) => ({ ...each, value: c.template(each.value) }));
}

/** Whether fields without `always` are added to responses with this status. */
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
    // `lastModified` is sent only with content; nginx sends a configured field with every status.
    if (value !== '' && response.status !== 200 && response.status !== 206 && response.status !== 304) {
      response.lastModified = null;
      response.add(name, value);
    }
  } else if (value !== '') {
    response.add(name, value);
  }
}

/** Adds the trailers after the body, so that their variables can depend on the whole response. */
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

function allowsTrailers(x: Exchange, trailers: readonly CompiledAddition[]): boolean {
  const { status } = x.response;
  if (x.nested !== null || x.method === 'HEAD' || status < 200 || status === 204 || status === 304 || x.version < 11)
    return false;
  if (x.version < 20 && !httpExchange(x).location.settings.chunkedTransferEncoding) return false;
  const safe = isSafe(status);
  return trailers.some(({ always }) => safe || always);
}

// -- expires

type Expiry =
  | { readonly mode: 'off' | 'epoch' | 'max' }
  /** Seconds from the request, from the last modification, or of the day. */
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

/** Parses a value; returns nginx's error text if it is invalid. */
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

const EPOCH = ['Thu, 01 Jan 1970 00:00:01 GMT', 'no-cache'] as const;
/** The values of nginx: shortly before the end of 32-bit time, and ten years. */
const MAX = ['Thu, 31 Dec 2037 23:55:55 GMT', 'max-age=315360000'] as const;

function setExpires(x: Exchange, expiry: Expiry): void {
  const { response } = x;
  if (!('seconds' in expiry)) {
    if (expiry.mode === 'off') return;
    const [until, caching] = expiry.mode === 'max' ? MAX : EPOCH;
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
  const seconds1970 = Math.floor(epochTime() / 1000);
  const changed = mode === 'modified' ? modifiedSeconds(response) : -1;
  const at = mode === 'daily' ? nextTime(seconds, seconds1970) : (changed < 0 ? seconds1970 : changed) + seconds;
  const age = at - seconds1970;
  response.set('Expires', formatHttpDate(at));
  response.set('Cache-Control', seconds < 0 || age < 0 ? 'no-cache' : `max-age=${age}`);
}

/** Next occurrence of a time of day, in local time; seconds since 1970. */
function nextTime(secondsOfDay: number, seconds1970: number): number {
  const date = new Date(seconds1970 * 1000);
  date.setHours(0, 0, secondsOfDay, 0);
  if (date.getTime() / 1000 <= seconds1970) date.setDate(date.getDate() + 1);
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
    if (!allowsTrailers(x, trailers)) return null;
    // Trailers require the chunked coding in HTTP/1 (RFC 9112 7.1.2). All header filters have run, so none needs the length any
    // more. In HTTP/2 the end of the stream must not be sent before them.
    if (x.version < 20) x.response.contentLength = -1;
    else x.response.expectTrailers = true;
    return new TrailerFilter(x, trailers);
  };
}

export default defineModule({
  name: 'headers',
  doc: 'Adds header and trailer fields to responses, and sets `Expires` and `Cache-Control`.',
  directives: {
    add_header: {
      contexts: CONTEXTS,
      takes: custom('name value [always]', 2, 3, parseAddition),
      repeat: true,
      doc: 'Adds a header field to responses with status 200, 201, 204, 206, 301, 302, 303, 304, 307 or 308, or with `always` to all responses. A field with an empty value is not added. `Last-Modified` and `ETag` are replaced. A block with `add_header` of its own inherits none, unless `add_header_inherit` is set.',
      example: 'add_header Strict-Transport-Security "max-age=31536000" always;',
    },
    add_trailer: {
      contexts: CONTEXTS,
      takes: custom('name value [always]', 2, 3, parseAddition),
      repeat: true,
      doc: 'Adds a trailer field to responses with the statuses of `add_header`, or with `always` to all responses; their bodies are sent with chunked transfer coding. The value is evaluated at the end of the body. Inherited like `add_header`.',
      example: 'add_trailer X-Upstream-Time $request_time;',
    },
    add_header_inherit: {
      contexts: CONTEXTS,
      takes: choice('off', 'on', 'merge'),
      default: 'on',
      doc: 'Inheritance of `add_header` from enclosing blocks: `on`, only if this block has none; `merge`, in addition to those of this block; `off`, never.',
      example: 'add_header_inherit merge;',
    },
    add_trailer_inherit: {
      contexts: CONTEXTS,
      takes: choice('off', 'on', 'merge'),
      default: 'on',
      doc: 'Inheritance of `add_trailer` from enclosing blocks, with the values of `add_header_inherit`.',
      example: 'add_trailer_inherit merge;',
    },
    expires: {
      contexts: CONTEXTS,
      takes: custom('[modified] time | @time | epoch | max | off', 1, 2, parseExpires),
      default: 'off',
      doc: 'Sets `Expires` and `Cache-Control` of responses with the statuses of `add_header`. A time is relative to the current time, with `modified` to the last modification; with `@` it is a time of day. A negative time and `epoch` disable caching, `max` allows it for ten years. The value may contain variables.',
      example: 'expires 1h;',
    },
  },
  holds: (block, config) => ({
    add_header: additions('add_header', block, config),
    add_trailer: additions('add_trailer', block, config),
  }),
  headerFilter: {
    order: 20,
    compile: (conf, at) => compileHeaderFilter(conf.expires, at.block, at.compiler),
  },
  bodyFilter: {
    order: 20,
    compile: (_conf, at) => compileTrailers(at.block, at.compiler),
  },
});
