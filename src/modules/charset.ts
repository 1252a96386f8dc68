/** nginx's `ngx_http_charset_module`: adds the character set of a response and converts between character sets. */
import type { Statement, Word } from '../../grammar/syntax-tree.js';
import * as types from '../config/argument-types.js';
import type { ArgumentContext, Context } from '../config/directive.js';
import { mediaTypes, mediaTypeTest } from '../config/media-types.js';
import type { CheckContext } from '../config/module-declaration.js';
import { parseTemplate } from '../config/template-parser.js';
import { ByteRecoder, type CharsetTable, type Recoder, reversed, Utf8Recoder } from '../http/charset-recoding.js';
import type { BodyFilter, Chunk } from '../program/body.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import { StateKey } from '../program/state-key.js';
import type { Template } from '../program/template.js';

const CONTEXTS: readonly Context[] = ['http', 'server', 'location', 'if in location'];
const MAPS = 'charset_map';
const UTF_8 = 'utf-8';
/** Default of `charset_types`. */
const DEFAULT_TYPES = [
  'text/html',
  'text/xml',
  'text/plain',
  'text/vnd.wap.wml',
  'application/javascript',
  'application/rss+xml',
];

/** A name, `off` (null), or a single variable. */
const charsetName = types.word('charset | off', (w, c) => {
  if (w.text === 'off') return null;
  return w.text.startsWith('$') ? parseTemplate(w, c) : w.text;
});

/** The two character sets of a `charset_map`. */
const charsetPair = types.custom('charset1 charset2', 2, 2, (words, c) => {
  const [from, to] = words as readonly [Word, Word];
  if (from.text.toLowerCase() === to.text.toLowerCase()) {
    c.fail(to, 'invalid-value', `"charset_map" between the same charsets "${from.text}" and "${to.text}"`);
  }
  if (from.text.toLowerCase() === UTF_8) {
    c.fail(from, 'invalid-value', '"charset_map" with "utf-8" charset should be given in the second column');
  }
  return { from: from.text, to: to.text };
});

interface CharsetMap {
  readonly argument: { readonly from: string; readonly to: string };
  readonly entries: CharsetTable;
}

function parseMap(statements: readonly Statement[], c: ArgumentContext): CharsetTable {
  const utf8 = c.statement.args[1]?.text.toLowerCase() === UTF_8;
  return statements.map((statement): readonly [number, string] => {
    const [to, ...more] = statement.args;
    if (to === undefined || more.length > 0) return c.fail(statement, 'argument-count', 'invalid parameters number');
    const limit = utf8 ? 3 : 1;
    return [bytesOf(statement.name, 1, c).charCodeAt(0), bytesOf(to, limit, c)];
  });
}

/** Decodes a word of hexadecimal digits into at most `limit` bytes. */
function bytesOf(word: Word, limit: number, c: ArgumentContext): string {
  const { text } = word;
  const digits = limit === 1 ? text.padStart(2, '0') : text;
  if (!/^([0-9a-f]{2})+$/i.test(digits) || digits.length / 2 > limit) {
    c.fail(word, 'invalid-value', `invalid value "${text}"`);
  }
  return Buffer.from(digits, 'hex').toString('latin1');
}

function sameCharset(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Factory of recoders from one character set to another; null if no `charset_map` covers the pair. */
function recoderFor(maps: readonly CharsetMap[], from: string, to: string): (() => Recoder) | null {
  for (const { argument, entries } of maps) {
    if (sameCharset(argument.from, from) && sameCharset(argument.to, to)) return () => new ByteRecoder(entries);
    if (sameCharset(argument.from, to) && sameCharset(argument.to, from)) {
      if (sameCharset(from, UTF_8)) return () => new Utf8Recoder(entries);
      const table = reversed(entries);
      return () => new ByteRecoder(table);
    }
  }
  return null;
}

/** Splits `text/html; charset=x`. */
function split(contentType: string): { readonly type: string; readonly charset: string | null } {
  const match = /^(.*?) *; *charset="?([^";]*)"?/i.exec(contentType);
  const [, type = contentType, charset] = match ?? [];
  return { type, charset: charset === undefined || charset === '' ? null : charset };
}

interface CharsetRules {
  readonly maps: readonly CharsetMap[];
  readonly target: Template;
  readonly source: Template | null;
  readonly override: boolean;
  readonly covers: (contentType: string) => boolean;
}

const RECODER = new StateKey<Recoder | null>('charset');

function nameCharset(x: Exchange, rules: CharsetRules): void {
  const { response } = x;
  // A response that was replaced by an error page may have set one.
  if (x.state(RECODER) !== undefined) x.setState(RECODER, null);
  if (response.contentType === null) return;
  const { type, charset } = split(response.contentType);
  if (charset === null ? !rules.covers(response.contentType) : !rules.override) return;
  const target = rules.target.of(x);
  const source = charset ?? rules.source?.of(x) ?? null;
  if (source !== null && !sameCharset(source, target)) {
    if (response.get('content-encoding') !== undefined) return;
    const make = recoderFor(rules.maps, source, target);
    if (make === null) {
      logError(x, 'error', `no "charset_map" between the charsets "${source}" and "${target}"`);
      return;
    }
    x.setState(RECODER, make());
    // The bytes of a range depend on those before it, so ranges are cut out after the conversion.
    response.seekable = false;
    if (sameCharset(source, UTF_8) || sameCharset(target, UTF_8)) response.contentLength = -1;
  }
  // A browser would apply the charset of a redirect to the target page.
  const redirect = response.status === 301 || response.status === 302;
  response.contentType = redirect ? type : `${type}; charset=${target}`;
}

class CharsetFilter implements BodyFilter {
  constructor(private readonly recoder: Recoder) {}

  push(chunk: Chunk | null, next: (chunk: Chunk | null) => boolean): boolean {
    if (chunk === null) return next(null);
    const out = this.recoder.push(typeof chunk === 'string' ? chunk : chunk.toString('latin1'));
    return out === '' ? true : next(out);
  }
}

function charsetFilter(x: Exchange): BodyFilter | null {
  const recoder = x.state(RECODER) ?? null;
  return recoder === null ? null : new CharsetFilter(recoder);
}

/** Checks that each pair that is certainly needed has a `charset_map`, and that no pair has two. */
function checkMaps(c: CheckContext, values: Readonly<Record<string, unknown>>): void {
  const statements = c.statements(MAPS);
  const pairs = statements.map(({ args }) => args.map((w) => w.text));
  for (const [i, [from = '', to = '']] of pairs.entries()) {
    const firstIndex = pairs.findIndex(
      ([a = '', b = '']) =>
        (sameCharset(a, from) && sameCharset(b, to)) || (sameCharset(a, to) && sameCharset(b, from)),
    );
    const statement = statements[i];
    if (firstIndex < i && statement !== undefined) {
      c.report(statement, 'duplicate-definition', `duplicate "charset_map" between "${from}" and "${to}"`);
    }
  }
  const { charset, source_charset: source } = values;
  if (typeof charset !== 'string' || typeof source !== 'string' || sameCharset(charset, source)) return;
  const maps = c.all('http').flatMap((http) => (http.values[MAPS] ?? []) as readonly CharsetMap[]);
  const at = [...c.statements('charset'), ...c.statements('source_charset')][0];
  if (at !== undefined && recoderFor(maps, source, charset) === null) {
    c.report(at, 'invalid-reference', `no "charset_map" between the charsets "${source}" and "${charset}"`);
  }
}

export default defineModule({
  name: 'charset',
  doc: 'Adds the character set to the `Content-Type` of responses, and converts response bodies between character sets with a `charset_map`.',
  directives: {
    charset: {
      contexts: CONTEXTS,
      takes: charsetName,
      default: 'off',
      doc: 'The character set that is added to the `Content-Type` of responses whose media type is in `charset_types`. If it differs from `source_charset`, the body is converted. The value may be a variable.',
      example: 'charset utf-8;',
      differs: 'The response field `X-Accel-Charset` of an upstream is ignored.',
    },
    source_charset: {
      contexts: CONTEXTS,
      takes: charsetName,
      default: 'off',
      doc: 'The original character set of responses that do not specify one.',
      example: 'source_charset koi8-r;',
    },
    override_charset: {
      contexts: CONTEXTS,
      takes: types.flag,
      default: 'off',
      doc: 'Whether responses of an upstream that specify a character set are converted as well.',
      example: 'override_charset on;',
    },
    charset_types: {
      contexts: ['http', 'server', 'location'],
      takes: mediaTypes,
      repeat: true,
      doc: 'Media types to which a character set is added, in addition to `text/html`; `*` matches any type. Default: `text/html text/xml text/plain text/vnd.wap.wml application/javascript application/rss+xml`.',
      example: 'charset_types text/xml text/css;',
    },
    charset_map: {
      contexts: ['http'],
      takes: charsetPair,
      body: { entries: parseMap },
      repeat: true,
      doc: 'Conversion table between two character sets: two hexadecimal codes per line. UTF-8 must be the second set; its codes have one to three bytes. The table is used in both directions. Bytes that are not in the table stay unchanged below 80 and become `?` from 80 on (from UTF-8: `&#number;`).',
      example: 'charset_map koi8-r utf-8 { C0 D18E; C1 D0B0; }',
    },
  },
  check(block, c) {
    checkMaps(c, block.values);
  },
  headerFilter: {
    order: 30,
    compile(conf, { compiler }) {
      if (conf.charset === null) return null;
      const rules: CharsetRules = {
        maps: conf.charset_map,
        target: compiler.template(conf.charset),
        source: conf.source_charset === null ? null : compiler.template(conf.source_charset),
        override: conf.override_charset,
        covers: mediaTypeTest(conf.charset_types.length === 0 ? [DEFAULT_TYPES] : conf.charset_types),
      };
      return (x) => nameCharset(x, rules);
    },
  },
  bodyFilter: { order: 30, compile: (conf) => (conf.charset === null ? null : charsetFilter) },
});
