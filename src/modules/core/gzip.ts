/** Rules for compressed responses that several modules share; in nginx, too, they belong to the core module. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { bitmask, choice, custom, flag } from '../../config/argument-types.js';
import type { ArgumentContext, ConfOf, Directives } from '../../config/directive.js';
import { parsePattern } from '../../config/pattern.js';
import { Expression } from '../../config/pcre/expression.js';
import type { PatternData } from '../../config/template.js';
import { GZIP } from '../../encoding/gzip-settings.js';
import type { Scope } from '../../program/module.js';

const CONTEXTS = ['http', 'server', 'location'] as const;
const MSIE6 = 'msie6';

function parseAgents(words: readonly Word[], c: ArgumentContext): readonly (PatternData | typeof MSIE6)[] {
  return words.map((word) => (word.text === MSIE6 ? MSIE6 : parsePattern(word, c, { caseless: true })));
}

export const gzipDirectives = {
  gzip_vary: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Whether a field `Vary: Accept-Encoding` is added to responses that may be compressed, or sent from a compressed file, depending on the request (`gzip`, `gzip_static`, `gunzip`, and the same for `brotli` and `zstd`).',
    example: 'gzip_vary on;',
  },
  gzip_http_version: {
    contexts: CONTEXTS,
    takes: choice('1.0', '1.1'),
    default: '1.1',
    doc: 'Minimum HTTP version of requests whose responses are compressed with gzip.',
    example: 'gzip_http_version 1.0;',
  },
  gzip_proxied: {
    contexts: CONTEXTS,
    takes: bitmask('off', 'expired', 'no-cache', 'no-store', 'private', 'no_last_modified', 'no_etag', 'auth', 'any'),
    again: 'joins',
    default: 'off',
    doc: 'Responses that are compressed with gzip for requests of other proxies, which are those with a `Via` field: none (`off`); all (`any`); those whose `Expires` is in the past (`expired`); those whose `Cache-Control` contains `no-cache`, `no-store` or `private`; those without `Last-Modified` (`no_last_modified`) or `ETag` (`no_etag`); those to requests with `Authorization` (`auth`).',
    example: 'gzip_proxied no-cache private auth;',
  },
  gzip_disable: {
    contexts: CONTEXTS,
    takes: custom('regex ...', 1, Number.POSITIVE_INFINITY, parseAgents),
    repeat: true,
    doc: 'Regular expressions, matched case-insensitively, for the `User-Agent` of clients whose responses are not compressed with gzip. `msie6` stands for Internet Explorer 4 to 6, except 6 with Service Pack 2.',
    example: 'gzip_disable msie6 "^Mozilla/4\\.";',
  },
} as const satisfies Directives;

export function applyGzip(conf: ConfOf<typeof gzipDirectives>, at: Scope): void {
  const { gzip_vary, gzip_http_version, gzip_proxied, gzip_disable } = conf;
  const none = gzip_disable.length === 0 && gzip_proxied.length === 1 && gzip_proxied[0] === 'off';
  if (none && !gzip_vary && gzip_http_version === '1.1') return;
  const agents = gzip_disable.flat();
  at.program.settings.set(GZIP, {
    vary: gzip_vary,
    version: gzip_http_version === '1.0' ? 10 : 11,
    proxied: new Set(gzip_proxied),
    disabled: agents.filter((agent) => agent !== MSIE6).map((agent) => new Expression(agent)),
    disabledForMsie6: agents.includes(MSIE6),
  });
}
