/** nginx's `ngx_http_charset_module`: names the character set of an answer, and converts between two. */
import type { Statement, Word } from '../../grammar/syntax-tree.js';
import * as types from '../config/argument-types.js';
import type { ArgumentContext, Context } from '../config/directive.js';
import { mediaTypes, mediaTypeTest } from '../config/media-types.js';
import type { CheckContext } from '../config/module-declaration.js';
import { parseTemplate } from '../config/template-parser.js';
import type { Chunk } from '../exchange/client-side.js';
import { logError } from '../exchange/error-context.js';
import { type BodyFilter, type Exchange, StateKey } from '../exchange/exchange.js';
import { defineModule } from '../exchange/module.js';
import type { Template } from '../exchange/template.js';
import { ByteRecoder, type CharsetTable, type Recoder, reversed, Utf8Recoder } from '../http/charset-recoding.js';

const EVERYWHERE: readonly Context[] = ['http', 'server', 'location', 'if in location'];
const MAPS = 'charset_map';
const UTF_8 = 'utf-8';
/** What holds where `charset_types` is not written. */
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

/** The two names that a `charset_map` stands between. */
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

/** The bytes that a word of hexadecimal digits stands for, at most `limit`. */
function bytesOf(word: Word, limit: number, c: ArgumentContext): string {
  const { text } = word;
  const digits = limit === 1 ? text.padStart(2, '0') : text;
  if (!/^([0-9a-f]{2})+$/i.test(digits) || digits.length / 2 > limit) {
    c.fail(word, 'invalid-value', `invalid value "${text}"`);
  }
  return Buffer.from(digits, 'hex').toString('latin1');
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Makes recoders from one character set to another; null where no `charset_map` leads there. */
function recoderFor(maps: readonly CharsetMap[], from: string, to: string): (() => Recoder) | null {
  for (const { argument, entries } of maps) {
    if (same(argument.from, from) && same(argument.to, to)) return () => new ByteRecoder(entries);
    if (same(argument.from, to) && same(argument.to, from)) {
      if (same(from, UTF_8)) return () => new Utf8Recoder(entries);
      const table = reversed(entries);
      return () => new ByteRecoder(table);
    }
  }
  return null;
}

/** `text/html; charset=x` taken apart. */
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
  // An answer that was replaced (by an error page) may have left one.
  if (x.state(RECODER) !== undefined) x.setState(RECODER, null);
  if (response.contentType === null) return;
  const { type, charset } = split(response.contentType);
  if (charset === null ? !rules.covers(response.contentType) : !rules.override) return;
  const target = rules.target.of(x);
  const source = charset ?? rules.source?.of(x) ?? null;
  if (source !== null && !same(source, target)) {
    if (response.get('content-encoding') !== undefined) return;
    const make = recoderFor(rules.maps, source, target);
    if (make === null) {
      logError(x, 'error', `no "charset_map" between the charsets "${source}" and "${target}"`);
      return;
    }
    x.setState(RECODER, make());
    // The bytes of a part depend on those before it, so a part is cut out after the conversion.
    response.seekable = false;
    if (same(source, UTF_8) || same(target, UTF_8)) response.contentLength = -1;
  }
  // A browser would use the charset of a redirect for the page that it leads to.
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

/** A `charset_map` for every pair that is certain to be needed, and no two for the same pair. */
function checkMaps(c: CheckContext, values: Readonly<Record<string, unknown>>): void {
  const statements = c.statements(MAPS);
  const pairs = statements.map(({ args }) => args.map((w) => w.text));
  for (const [i, [from = '', to = '']] of pairs.entries()) {
    const first = pairs.findIndex(
      ([a = '', b = '']) => (same(a, from) && same(b, to)) || (same(a, to) && same(b, from)),
    );
    const statement = statements[i];
    if (first < i && statement !== undefined) {
      c.report(statement, 'duplicate-definition', `duplicate "charset_map" between "${from}" and "${to}"`);
    }
  }
  const { charset, source_charset: source } = values;
  if (typeof charset !== 'string' || typeof source !== 'string' || same(charset, source)) return;
  const maps = c.all('http').flatMap((http) => (http.values[MAPS] ?? []) as readonly CharsetMap[]);
  const at = [...c.statements('charset'), ...c.statements('source_charset')][0];
  if (at !== undefined && recoderFor(maps, source, charset) === null) {
    c.report(at, 'invalid-reference', `no "charset_map" between the charsets "${source}" and "${charset}"`);
  }
}

export default defineModule({
  name: 'charset',
  doc: 'Adds the character set to the `Content-Type` of an answer, and converts the body from one character set to another where a `charset_map` says how.',
  directives: {
    charset: {
      contexts: EVERYWHERE,
      takes: charsetName,
      default: 'off',
      doc: 'The character set that is named in the `Content-Type` of answers with a type of `charset_types`. Where it differs from `source_charset`, the body is converted. A variable is possible.',
      example: 'charset utf-8;',
      differs: 'The answer field `X-Accel-Charset` of an upstream is not looked at.',
    },
    source_charset: {
      contexts: EVERYWHERE,
      takes: charsetName,
      default: 'off',
      doc: 'The character set in which answers are that name none themselves.',
      example: 'source_charset koi8-r;',
    },
    override_charset: {
      contexts: EVERYWHERE,
      takes: types.flag,
      default: 'off',
      doc: 'Whether an answer of an upstream that names its character set is converted as well.',
      example: 'override_charset on;',
    },
    charset_types: {
      contexts: ['http', 'server', 'location'],
      takes: mediaTypes,
      repeat: true,
      doc: 'The media types of answers that get a character set, beside `text/html`; `*` stands for all. Where it is not written: `text/html text/xml text/plain text/vnd.wap.wml application/javascript application/rss+xml`.',
      example: 'charset_types text/xml text/css;',
    },
    charset_map: {
      contexts: ['http'],
      takes: charsetPair,
      body: { entries: parseMap },
      repeat: true,
      doc: 'How bytes of one character set become those of another: two hexadecimal codes per line. For UTF-8, which must be the second, one to three bytes. It serves both directions; what is not in the table below 80 stays as it is, above it becomes `?` (from UTF-8: `&#number;`).',
      example: 'charset_map koi8-r utf-8 { C0 D18E; C1 D0B0; }',
    },
  },
  check(block, c) {
    checkMaps(c, block.values);
  },
  headerFilter: {
    order: 30,
    pure: true,
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
  bodyFilter: { order: 30, pure: true, compile: (conf) => (conf.charset === null ? null : charsetFilter) },
});
