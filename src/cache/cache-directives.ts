/** Directives of the cache, which nginx repeats under the prefix of each module that passes requests (`proxy_cache_…`). */
import type { Word } from '../../grammar/syntax-tree.js';
import {
  bitmask,
  custom,
  flag,
  integer,
  milliseconds,
  offset,
  template,
  templates,
  word,
} from '../config/argument-types.js';
import type { ArgumentContext, Context, DirectiveSpec } from '../config/directive.js';
import { type Under, under } from '../config/prefixed-directives.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { parseInteger, parseSeconds, parseSize } from '../config/units.js';
import { type CachePathData, cachePath } from './cache-path.js';
import { extensions } from './extension-directives.js';
import type { ValidTime } from './valid-times.js';

const CONTEXTS: readonly Context[] = ['http', 'server', 'location'];

/** Statuses to which a time without a status applies. */
const DEFAULT_STATUSES = [200, 301, 302];

/** The zone, which may depend on the request; `off`: no cache. */
export type CacheZoneData = 'off' | TemplateData;

const zoneArgument = word('zone | off', (w, c): CacheZoneData => (w.text === 'off' ? 'off' : parseTemplate(w, c)));

function parseValid(words: readonly Word[], c: ArgumentContext): readonly ValidTime[] {
  const [last] = words.slice(-1) as [Word]; // one word at least: `min`
  const seconds = parseSeconds(last.text);
  if (seconds === null) return c.fail(last, 'invalid-value', `invalid time value "${last.text}"`);
  if (words.length === 1) return DEFAULT_STATUSES.map((status) => ({ status, seconds }));
  return words.slice(0, -1).map((w) => {
    if (w.text === 'any') return { status: 0, seconds };
    const status = parseInteger(w.text) ?? 0;
    if (status < 100 || status > 599) c.fail(w, 'invalid-value', `invalid status "${w.text}"`);
    return { status, seconds };
  });
}

/** Largest body kept in memory, bytes; files of at most this size are read at once. */
const MAX_OBJECT = 65_536;

export interface CacheMemoryData {
  /** Bytes of all copies. */
  readonly size: number;
  /** Bytes of the largest body. */
  readonly maxObject: number;
}

const memory = custom('size [max_object=size] | off', 1, 2, (words, c): CacheMemoryData | 'off' => {
  const [first, second] = words as [Word, Word?]; // one word at least: `min`
  if (first.text === 'off' && second === undefined) return 'off';
  const size = parseSize(first.text) ?? 0;
  if (size === 0) return c.fail(first, 'invalid-value', `"${c.directive}" directive invalid value`);
  if (second === undefined) return { size, maxObject: MAX_OBJECT };
  const [, text = ''] = /^max_object=(.*)$/s.exec(second.text) ?? [];
  const maxObject = parseSize(text);
  if (maxObject === null) return c.fail(second, 'invalid-value', `invalid parameter "${second.text}"`);
  if (maxObject > MAX_OBJECT) {
    return c.fail(second, 'invalid-value', `invalid parameter "${second.text}"`, {
      help: 'at most 64k: larger bodies are always read from their files',
    });
  }
  return { size, maxObject };
});

export type CacheLockMode = 'off' | 'on' | 'stream';

const lockMode = custom('on [stream] | off', 1, 2, ([first, second], c): CacheLockMode => {
  const isOn = first !== undefined && flag.parse([first], c);
  if (second === undefined) return isOn ? 'on' : 'off';
  if (!isOn || second.text !== 'stream') c.fail(second, 'invalid-value', `invalid value "${second.text}"`);
  return 'stream';
});

const useStale = bitmask(
  'error',
  'timeout',
  'invalid_header',
  'updating',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
  'non_idempotent',
  'off',
);

/** Directives without their prefix; `p` is the prefix with its underscore, for examples and texts. */
function cache(p: string) {
  return {
    cache_path: {
      contexts: ['http'],
      takes: cachePath,
      repeat: true,
      links: (data: unknown) => ({ name: `zone ${(data as CachePathData).zone}` }),
      doc: `Declares a directory for cached responses and its zone. The name of a file is the MD5 of the key; \`levels\` gives the lengths of the names of up to three levels of subdirectories, which are taken from the end of that name. A response is written to a temporary file first, below \`${p}temp_path\`, or with \`use_temp_path=off\` in the directory itself, and then renamed; both should be on one file system. The zone (\`keys_zone\`) has the uses, sizes and last accesses of the entries; one megabyte is enough for 8 thousand. Entries that were not accessed for the time \`inactive\` (default 10m) are removed, whether they are fresh or not; so are the least recently used ones if the files exceed \`max_size\`, or if less than \`min_free\` is free on the file system. The cache manager does this in parts of at most \`manager_files\` files (default 100) or \`manager_threshold\` (200ms), with pauses of \`manager_sleep\` (50ms). After a start, the loader reads the directory in the same way (\`loader_files\`, \`loader_threshold\`, \`loader_sleep\`). \`purger=on\` removes the files of purged responses (\`${p}cache_purge\`) by a walk through the directory, in parts of at most \`purger_files\` files (10) or \`purger_threshold\` (50ms), with pauses of \`purger_sleep\` (50ms).`,
      example: `${p}cache_path /var/cache/tsproxy levels=1:2 keys_zone=one:10m max_size=1g use_temp_path=off;`,
      differs: 'The files have another format: the loader removes those of nginx from the directory.',
      differsFor: () => false,
    },
    cache: {
      contexts: CONTEXTS,
      takes: zoneArgument,
      default: 'off',
      links: (zone: unknown) => ({ refers: typeof zone === 'string' && zone !== 'off' ? [`zone ${zone}`] : [] }),
      doc: `The zone in which responses are cached, declared by \`${p}cache_path\`; with variables, the zone depends on the request. \`off\` disables caching. Responses with \`Set-Cookie\`, \`Cache-Control: private\`, \`no-cache\` or \`no-store\`, \`Vary: *\`, or \`Expires\` in the past are not stored; \`X-Accel-Expires\` precedes \`Cache-Control\` and \`Expires\`, and these precede \`${p}cache_valid\`. Responses that are not buffered (\`${p}buffering\`), event streams and upgrades are never stored.`,
      example: `${p}cache off;`,
    },
    cache_key: {
      contexts: CONTEXTS,
      takes: template,
      doc: `The key of a response in the cache. The default is \`$scheme$proxy_host\` followed by the URI of the request to the upstream. Everything by which responses differ must be in the key, such as \`$host\` if the upstream gets it.`,
      example: `${p}cache_key $scheme$host$request_uri;`,
    },
    cache_valid: {
      contexts: CONTEXTS,
      takes: custom('[code ...] time', 1, Number.POSITIVE_INFINITY, parseValid),
      repeat: true,
      doc: 'The time for which responses with these statuses are fresh, unless fields of the response determine it; without a status, it applies to 200, 301 and 302. `any` stands for all statuses. The first directive that applies decides, and a time of 0 means that such responses are not stored. Errors of the proxy itself (502, 504) are cached, too, if their status is named.',
      example: `${p}cache_valid 200 302 10m;\n${p}cache_valid 404 1m;`,
    },
    cache_methods: {
      contexts: CONTEXTS,
      takes: bitmask('GET', 'HEAD', 'POST'),
      again: 'joins',
      doc: 'Methods of requests whose responses are cached. `GET` and `HEAD` are always among them.',
      example: `${p}cache_methods GET HEAD POST;`,
    },
    cache_min_uses: {
      contexts: CONTEXTS,
      takes: integer({ min: 0 }),
      default: '1',
      doc: 'Number of requests for a key after which the response is stored.',
      example: `${p}cache_min_uses 3;`,
    },
    cache_bypass: {
      contexts: CONTEXTS,
      takes: templates,
      again: 'joins',
      doc: 'Conditions under which the response is not taken from the cache: if at least one value is neither empty nor `0`. The response of the upstream may still be stored.',
      example: `${p}cache_bypass $cookie_nocache $arg_nocache;`,
    },
    no_cache: {
      contexts: CONTEXTS,
      takes: templates,
      again: 'joins',
      doc: 'Conditions under which the response is not stored in the cache: if at least one value is neither empty nor `0`.',
      example: `${p}no_cache $http_pragma $http_authorization;`,
    },
    cache_lock: {
      contexts: CONTEXTS,
      takes: lockMode,
      default: 'off',
      doc: `Whether only one request at a time is passed to the upstream for a key that is not in the cache, over all worker processes. The others wait until the response is stored, or for \`${p}cache_lock_timeout\`. With \`on stream\` they get it while it arrives. If that request fails, because its worker is killed or its upstream fails, the response is requested again, and they continue where they are, if it is the same: same status, \`ETag\`, \`Last-Modified\`, length, and bytes. If the response turns out not to be stored, they are passed to the upstream at once. A client that leaves does not end a request whose response may be stored.`,
      example: `${p}cache_lock on stream;`,
    },
    cache_lock_timeout: {
      contexts: CONTEXTS,
      takes: milliseconds,
      default: '5s',
      doc: `Longest time for which a request waits for another one (\`${p}cache_lock\`). Then it is passed to the upstream, and its response is not stored.`,
      example: `${p}cache_lock_timeout 10s;`,
    },
    cache_lock_age: {
      contexts: CONTEXTS,
      takes: milliseconds,
      default: '5s',
      doc: `Time after which one more request is passed to the upstream if the response of the last one (\`${p}cache_lock\`) is not complete.`,
      example: `${p}cache_lock_age 10s;`,
    },
    cache_use_stale: {
      contexts: CONTEXTS,
      takes: useStale,
      again: 'joins',
      default: 'off',
      doc: `When a stale response is served: if the upstream fails in one of these ways, which are those of \`${p}next_upstream\`, or with \`updating\` while another request updates the response. The directives \`stale-while-revalidate\` and \`stale-if-error\` of \`Cache-Control\` permit the same for a limited time.`,
      example: `${p}cache_use_stale error timeout updating;`,
    },
    cache_background_update: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: `Whether a stale response is served at once, and updated by a request in the background. This needs permission to serve stale responses meanwhile (\`${p}cache_use_stale updating\`).`,
      example: `${p}cache_background_update on;`,
      exampleNeeds: `${p}cache_use_stale updating;`,
    },
    cache_revalidate: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether a stale response is requested with `If-Modified-Since` and `If-None-Match`, so that the upstream can confirm it with 304.',
      example: `${p}cache_revalidate on;`,
    },
    cache_convert_head: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'on',
      doc: 'Whether `GET` is sent to the upstream for a `HEAD` request, so that the response can be stored. With `off`, the key should contain `$request_method`.',
      example: `${p}cache_convert_head off;`,
    },
    cache_max_range_offset: {
      contexts: CONTEXTS,
      takes: offset,
      doc: 'For requests for a range that begins beyond this offset in bytes, the range is passed to the upstream, and the response is not stored. By default, the whole response is requested and stored.',
      example: `${p}cache_max_range_offset 10m;`,
    },
    cache_memory: {
      contexts: CONTEXTS,
      takes: memory,
      default: '8m',
      doc: 'Keeps copies of small cached responses in the memory of each worker process, at most this many bytes; those that were not used recently are replaced by others. Responses whose bodies have more than `max_object` bytes (64k) are read from their files. A worker is notified when another one stores or removes a response, and checks the file once a second, so that a file that was removed by hand is noticed. With `off`, every response is read from its file, as in nginx. All locations with the same cache share the copies; the largest size applies.',
      example: `${p}cache_memory 16m max_object=16k;`,
    },
    ...extensions(p),
  } as const satisfies Record<string, DirectiveSpec>;
}

export type CacheFamily = ReturnType<typeof cache>;
export type CacheDirectives<P extends string> = Under<P, CacheFamily>;

/** The directives of a module whose responses are cached, to be spread into its directives. */
export function cacheDirectives<P extends string>(prefix: P): CacheDirectives<P> {
  return under(prefix, cache(`${prefix}_`));
}
