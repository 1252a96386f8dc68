/** Directives of the cache that nginx does not have, and `cache_purge` of nginx Plus. */
import type { Word } from '../../grammar/syntax-tree.js';
import { choice, custom, flag, template, templates } from '../config/argument-types.js';
import { type Cidr, parseCidr } from '../config/cidr.js';
import type { ArgumentContext, Context, DirectiveSpec } from '../config/directive.js';
import { isToken } from '../http/field-line.js';
import type { QueryRules } from './query-arguments.js';
import { normalizerFor } from './vary-normalization.js';

const CONTEXTS: readonly Context[] = ['http', 'server', 'location'];
const EXTENSION = 'This is an extension of tsproxy.';

/** Clients that may purge. */
export type PurgeNetwork = 'all' | 'unix' | Cidr;

const networks = custom('address | CIDR | unix: | all ...', 1, Number.POSITIVE_INFINITY, (words, c) =>
  words.map((w): PurgeNetwork => {
    if (w.text === 'all') return 'all';
    if (w.text === 'unix:') return 'unix';
    return parseCidr(w.text)?.cidr ?? c.fail(w, 'invalid-value', `invalid parameter "${w.text}"`);
  }),
);

/** A field of requests, and the values that the upstream distinguishes. */
export interface VaryRule {
  /** In lower case. */
  readonly field: string;
  readonly known: readonly string[];
}

function parseVaryRule([field, ...known]: readonly Word[], c: ArgumentContext): VaryRule {
  if (field === undefined) throw new Error('one word at least is required');
  const lower = field.text.toLowerCase();
  const values = known.map(({ text }) => text.toLowerCase());
  if (normalizerFor(lower, values) === null) {
    c.fail(
      field,
      'invalid-value',
      `the field "${field.text}" cannot be normalized${known.length > 0 ? ' to values' : ''}`,
      {
        help: 'fields with values: Accept-Encoding, Accept-Language; without: these, Accept, Accept-Charset, User-Agent',
      },
    );
  }
  return { field: lower, known: values };
}

function parseQueryRules(words: readonly Word[], c: ArgumentContext): QueryRules | null {
  const [mode, ...rest] = words as [Word, ...Word[]]; // one word at least
  if (mode.text === 'all') {
    const [surplus] = rest;
    if (surplus !== undefined) c.fail(surplus, 'invalid-value', `invalid parameter "${surplus.text}"`);
    return null;
  }
  if (mode.text !== 'ignore' && mode.text !== 'only') {
    return c.fail(mode, 'invalid-value', `invalid parameter "${mode.text}"`, { help: 'all, ignore or only' });
  }
  const sort = rest.at(-1)?.text === 'sort=on';
  const names = (sort ? rest.slice(0, -1) : rest).map((w) => {
    const star = w.text.indexOf('*');
    if (/[=&?#]/.test(w.text) || (star >= 0 && star < w.text.length - 1) || w.text === '*') {
      c.fail(w, 'invalid-value', `invalid name "${w.text}"`, {
        help: 'the name of an argument, or its beginning with a star',
      });
    }
    return w.text;
  });
  if (names.length === 0) c.fail(mode, 'argument-count', `invalid number of arguments in "${c.directive}" directive`);
  return { mode: mode.text, names, sort };
}

const targets = custom('off | field ...', 1, Number.POSITIVE_INFINITY, (words, c): readonly string[] => {
  if (words.length === 1 && words[0]?.text === 'off') return [];
  return words.map((w) => {
    if (!isToken(w.text)) c.fail(w, 'invalid-value', `invalid field name "${w.text}"`);
    return w.text.toLowerCase();
  });
});

const statusName = custom('off | on | name', 1, 1, ([w]): string | null => {
  const text = w?.text ?? '';
  return text === 'off' ? null : text === 'on' ? 'tsproxy' : text;
});

/** Directives without their prefix; `p` is the prefix with its underscore, for examples and texts. */
export function extensions(p: string) {
  return {
    cache_rfc9111: {
      contexts: CONTEXTS,
      takes: choice('off', 'on', 'response'),
      default: 'off',
      doc: `Rules of RFC 9111 for a shared cache, instead of nginx's. The age of responses reduces their freshness (\`Age\`, \`Date\`). Responses without explicit freshness and without a time in \`${p}cache_valid\` are fresh for a tenth of the time since \`Last-Modified\`, at most a day. Responses with \`no-cache\`, or already stale ones with a validator, are stored and revalidated. \`must-revalidate\`, \`proxy-revalidate\`, \`s-maxage\` and \`must-understand\` are obeyed, \`stale-while-revalidate\` and \`stale-if-error\` as well without further directives. Responses to requests with \`Authorization\` need \`public\`, \`must-revalidate\` or \`s-maxage\`. A 304 response updates the stored fields. A successful request with an unsafe method invalidates its URI, and those of \`Location\` and \`Content-Location\` on the same site. \`Age\` and the stored \`Date\` are sent, and ranges of complete responses are served. \`Cache-Control\` of requests is obeyed, so that clients can have responses revalidated; with \`response\` it is not. Responses with \`Set-Cookie\` are not stored, as in nginx. \`CDN-Cache-Control\` precedes \`Cache-Control\` unless \`${p}cache_targeted_fields\` is set. ${EXTENSION}`,
      example: `${p}cache_rfc9111 on;`,
    },
    cache_age: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: `Whether responses from the cache have a field \`Age\` and the \`Date\` of the stored response, as RFC 9111 requires. nginx sends its own \`Date\`, and \`Age\` as it was stored. ${EXTENSION}`,
      example: `${p}cache_age on;`,
    },
    cache_status: {
      contexts: CONTEXTS,
      takes: statusName,
      default: 'off',
      doc: `Adds the field \`Cache-Status\` (RFC 9211) with this name of the cache (\`on\`: \`tsproxy\`) to responses: whether the response is a hit, why the request was forwarded, whether the response is stored, and for how many seconds it is fresh. A member is added to the field of the upstream. ${EXTENSION}`,
      example: `${p}cache_status edge-1;`,
    },
    cache_targeted_fields: {
      contexts: CONTEXTS,
      takes: targets,
      doc: `Fields of responses that precede \`Cache-Control\` and \`Expires\` for this cache (RFC 9213), the most important first. A field that is not a valid structured dictionary is ignored. \`X-Accel-Expires\` precedes them. ${EXTENSION}`,
      example: `${p}cache_targeted_fields Example-Cache-Control CDN-Cache-Control;`,
    },
    cache_vary_normalize: {
      contexts: CONTEXTS,
      takes: custom('field [value ...]', 1, Number.POSITIVE_INFINITY, parseVaryRule),
      repeat: true,
      doc: `Requests whose values of the field are equivalent share a variant of a response with \`Vary\`. Without values, letter case, spaces, and the order of items with the same weight do not matter (\`Accept\`, \`Accept-Charset\`, \`Accept-Encoding\`, \`Accept-Language\`), and only mobile and other devices are distinguished (\`User-Agent\`). With values, only these are distinguished: the first one that the client accepts (\`Accept-Encoding\`), or the one that it prefers (\`Accept-Language\`); otherwise all clients share a variant. The upstream gets the field unchanged; a response in another coding than the chosen one is not stored. ${EXTENSION}`,
      example: `${p}cache_vary_normalize Accept-Encoding br gzip;\n${p}cache_vary_normalize Accept-Language en de fr;`,
    },
    cache_key_args: {
      contexts: CONTEXTS,
      takes: custom(
        'all | ignore name ... [sort=on] | only name ... [sort=on]',
        1,
        Number.POSITIVE_INFINITY,
        parseQueryRules,
      ),
      doc: `Arguments of the query that belong to the key, if the key contains the query after a \`?\`, as the default key and \`$request_uri\` do: all, all but the named ones, or only these. A name may end with a star. With \`sort=on\`, the order of different names does not matter. The upstream gets the query unchanged: name only arguments that do not change its responses, or clients can fill the cache with responses to their arguments. ${EXTENSION}`,
      example: `${p}cache_key_args ignore utm_* fbclid gclid;`,
    },
    cache_purge: {
      contexts: CONTEXTS,
      takes: templates,
      doc: `Conditions under which a request purges instead of being passed to the upstream: if at least one value is neither empty nor \`0\`. It removes the response with the key of the request and its variants; if the key ends with a star, all responses whose keys have this prefix. The status is 204, or 404 if there was no response with the key. Restrict it with \`${p}cache_purge_allow\` or access rules. Responses that were purged by a prefix, an expression or a tag are no longer used; their files are removed when they are requested or inactive, or with \`purger=on\` of \`${p}cache_path\` by a walk through the directory. At most 500 prefixes and expressions can be in effect; further ones get 503. After a restart, responses whose files were not removed yet are used again.`,
      example: `${p}cache_purge $http_x_purge;`,
      differs: 'nginx has it in its commercial version only.',
      differsFor: () => false,
    },
    cache_purge_allow: {
      contexts: CONTEXTS,
      takes: networks,
      doc: `Addresses of clients that may purge (\`${p}cache_purge\`); requests of others that would purge get 403. Without it, all clients may. ${EXTENSION}`,
      example: `${p}cache_purge_allow 127.0.0.1 10.0.0.0/8;`,
    },
    cache_purge_tags: {
      contexts: CONTEXTS,
      takes: template,
      doc: `Tags of the responses that a request purges (\`${p}cache_purge\`), separated by commas; if the value is empty, the key decides. The tags of a response are those in its fields \`Cache-Tag\`, separated by commas, and \`Surrogate-Key\`, separated by spaces: at most 64 with at most 128 characters. ${EXTENSION}`,
      example: `${p}cache_purge_tags $http_cache_tag;`,
    },
    cache_purge_regex: {
      contexts: CONTEXTS,
      takes: template,
      doc: `Regular expression: a request purges (\`${p}cache_purge\`) the responses whose keys match it; if the value is empty, the key decides. An invalid expression gets 400. ${EXTENSION}`,
      example: `${p}cache_purge_regex $http_x_purge_regex;`,
    },
  } as const satisfies Record<string, DirectiveSpec>;
}
