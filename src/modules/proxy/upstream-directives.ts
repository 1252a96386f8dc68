/** The directives that nginx repeats for each kind of upstream, under a prefix of its own (`proxy_…`, `grpc_…`). */
import type { Word } from '../../../grammar/syntax-tree.js';
import {
  bitmask,
  custom,
  flag,
  integer,
  mapped,
  milliseconds,
  pair,
  size,
  template,
  text,
} from '../../config/argument-types.js';
import type { ConfOf, Context, DirectiveSpec } from '../../config/directive.js';
import { rate } from '../../config/rate-argument.js';
import { temporaryPath } from '../../config/temporary-path-argument.js';
import { parseInteger, parseSize } from '../../config/units.js';
import type { Compiler } from '../../exchange/module.js';
import { defaultTemporaryPath } from '../../exchange/temporary-directory.js';
import type { UpstreamSettings } from '../../upstream/forwarding-rules.js';
import { NEXT_UPSTREAM, type NextUpstream } from '../../upstream/next-upstream.js';

const ANYWHERE: readonly Context[] = ['http', 'server', 'location'];

const reasons = bitmask(
  'error',
  'timeout',
  'denied',
  'invalid_header',
  'non_idempotent',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
  'off',
);

const IGNORABLE = [
  'X-Accel-Redirect',
  'X-Accel-Expires',
  'X-Accel-Limit-Rate',
  'X-Accel-Buffering',
  'X-Accel-Charset',
  'Expires',
  'Cache-Control',
  'Set-Cookie',
  'Vary',
] as const;

/** `number size`, as `proxy_buffers` takes them. */
const buffers = custom('number size', 2, 2, (words, c): readonly [number, number] => {
  const [first, second] = words as readonly [Word, Word]; // two words: `min`
  const number = parseInteger(first.text) ?? 0;
  const bytes = parseSize(second.text) ?? 0;
  if (number === 0) c.fail(first, 'invalid-value', `"${c.directive}" directive invalid value`);
  if (bytes === 0) c.fail(second, 'invalid-value', `"${c.directive}" directive invalid value`);
  if (number < 2) c.fail(first, 'invalid-value', `there must be at least 2 "${c.directive}"`);
  return [number, bytes];
});

/** The family without its prefix; `p` is the prefix with its underscore, for the examples. */
function family(p: string) {
  return {
    connect_timeout: {
      contexts: ANYWHERE,
      takes: milliseconds,
      default: '60s',
      doc: 'How long the connection to a server may take to come about.',
      example: `${p}connect_timeout 5s;`,
    },
    send_timeout: {
      contexts: ANYWHERE,
      takes: milliseconds,
      default: '60s',
      doc: 'How long the upstream may take no byte of the request (or of what a tunnel brings it). Between two writes, not for the whole.',
      example: `${p}send_timeout 30s;`,
    },
    read_timeout: {
      contexts: ANYWHERE,
      takes: milliseconds,
      default: '60s',
      doc: 'How long the upstream may send nothing: between two reads of the body, not for the whole answer. The head of an answer has to be complete within that time. A tunnel (WebSocket) ends when nothing moved in either direction for that long.',
      example: `${p}read_timeout 1h;`,
    },
    buffer_size: {
      contexts: ANYWHERE,
      takes: size,
      default: '8k',
      doc: "The size that the head of an upstream's answer may have; a larger one is answered with 502.",
      example: `${p}buffer_size 8k;`,
      differs: "nginx's default is the size of a memory page, 4k on most machines.",
      differsFor: () => false,
    },
    buffers: {
      contexts: ANYWHERE,
      takes: buffers,
      default: '8 8k',
      doc: `Number and size of the buffers for one answer: as much of it waits in memory for a slow client, before the rest goes to a file (\`${p}max_temp_file_size\`).`,
      example: `${p}buffers 8 16k;`,
      differs:
        'Nothing is set aside before it is needed, and nothing waits until a buffer is full: what the client can take is passed on at once. One read of the upstream, 64k, may come on top.',
      differsFor: () => false,
    },
    busy_buffers_size: {
      contexts: ANYWHERE,
      takes: size,
      doc: 'In nginx, how much of the buffers may be busy with sending while the answer still comes.',
      example: `${p}busy_buffers_size 16k;`,
      noEffect: 'what is being sent waits in the socket of the client, and not in these buffers',
    },
    buffering: {
      contexts: ANYWHERE,
      takes: flag,
      default: 'on',
      doc: `Whether the upstream is read from as fast as it answers. Then what a slow client has not taken yet waits in memory (\`${p}buffers\`) and in a temporary file (\`${p}max_temp_file_size\`), and the connection to the upstream is free as soon as the answer is complete. Off: a slow client slows its upstream down, and \`limit_rate\` does not hold. An answer can choose for itself by \`X-Accel-Buffering: yes\` or \`no\`.`,
      example: `${p}buffering off;`,
      differs:
        'In both modes every byte is passed on as it comes when the client takes it, so that streams never stall.',
      differsFor: () => false,
    },
    max_temp_file_size: {
      contexts: ANYWHERE,
      takes: size,
      default: '1024m',
      doc: 'How much of an answer may wait in a temporary file when the client is slower than the upstream; where that is full the upstream waits. 0: no file is used.',
      example: `${p}max_temp_file_size 0;`,
      differs:
        'When all that is in the file was sent, its room is used again; in nginx the file of an answer only grows.',
      differsFor: () => false,
    },
    temp_file_write_size: {
      contexts: ANYWHERE,
      takes: size,
      doc: 'How much is written to such a file at a time. The default is all that waits in memory.',
      example: `${p}temp_file_write_size 16k;`,
      differs: "nginx's default is two buffers.",
      differsFor: () => false,
    },
    temp_path: {
      contexts: ANYWHERE,
      takes: temporaryPath,
      doc: `The directory of such files, with up to three levels of subdirectories, named by so many digits of the number of a file. The default is \`${p}temp\` below the prefix where that exists, otherwise one below the \`StateDirectory\` or \`RuntimeDirectory\` of systemd, otherwise a private directory among the temporary files of the system. A file loses its name as soon as it is open, so that none is left behind.`,
      example: `${p}temp_path ${p}temp 1 2;`,
      differs: 'The default directory is created only when it is needed. Names of files are random numbers.',
      differsFor: () => false,
    },
    limit_rate: {
      contexts: ANYWHERE,
      takes: rate,
      default: '0',
      doc: `How many bytes of an answer are taken from the upstream in a second; 0 is no limit. It holds for each request by itself, and only where the answer is buffered (\`${p}buffering\`). The value may have variables.`,
      example: `${p}limit_rate 1m;`,
    },
    request_buffering: {
      contexts: ANYWHERE,
      takes: flag,
      default: 'on',
      doc: 'Whether the body of a request is read whole before an upstream is asked. Off: it goes on as it comes, and the request cannot be repeated at another server once some of it was sent.',
      example: `${p}request_buffering off;`,
    },
    ignore_client_abort: {
      contexts: ANYWHERE,
      takes: flag,
      default: 'off',
      doc: 'Whether the request to the upstream goes on when the client has gone.',
      example: `${p}ignore_client_abort on;`,
    },
    intercept_errors: {
      contexts: ANYWHERE,
      takes: flag,
      default: 'off',
      doc: 'Whether answers of the upstream with a status of 300 and above are replaced by the `error_page` for it.',
      example: `${p}intercept_errors on;`,
    },
    next_upstream: {
      contexts: ANYWHERE,
      takes: reasons,
      again: 'joins',
      default: 'error timeout',
      doc: 'When the next server is asked. Requests with a method that is not idempotent (POST, LOCK, PATCH) are repeated only with `non_idempotent`, once they were sent.',
      example: `${p}next_upstream error timeout http_502;`,
    },
    next_upstream_tries: {
      contexts: ANYWHERE,
      takes: integer(),
      default: '0',
      doc: 'How many servers are asked at most; 0 for any number.',
      example: `${p}next_upstream_tries 2;`,
    },
    next_upstream_timeout: {
      contexts: ANYWHERE,
      takes: milliseconds,
      default: '0',
      doc: 'For how long a next server may be asked; 0 for any time.',
      example: `${p}next_upstream_timeout 10s;`,
    },
    socket_keepalive: {
      contexts: ANYWHERE,
      takes: flag,
      default: 'off',
      doc: 'Whether TCP keep-alive is switched on for connections to the upstream.',
      example: `${p}socket_keepalive on;`,
    },
    hide_header: {
      contexts: ANYWHERE,
      takes: text,
      repeat: true,
      doc: "A field of the upstream's answer that the client does not get.",
      example: `${p}hide_header X-Powered-By;`,
    },
    pass_header: {
      contexts: ANYWHERE,
      takes: text,
      repeat: true,
      doc: 'A field that is hidden otherwise (`Date`, `Server`, `X-Pad`, `X-Accel-…`) and that the client is to get.',
      example: `${p}pass_header Server;`,
    },
    ignore_headers: {
      contexts: ANYWHERE,
      takes: bitmask(...IGNORABLE),
      again: 'joins',
      doc: "Fields of the upstream's answer that are not obeyed.",
      example: `${p}ignore_headers X-Accel-Redirect;`,
    },
    pass_request_headers: {
      contexts: ANYWHERE,
      takes: flag,
      default: 'on',
      doc: "Whether the client's fields are passed on.",
      example: `${p}pass_request_headers off;`,
    },
    pass_request_body: {
      contexts: ANYWHERE,
      takes: flag,
      default: 'on',
      doc: "Whether the client's body is passed on.",
      example: `${p}pass_request_body off;`,
      differs:
        'nginx announces the length of the body that it leaves out, unless `Content-Length` is set to nothing; here the upstream is told that there is none.',
      differsFor: ([value]) => value === 'off',
    },
    pass_trailers: {
      contexts: ANYWHERE,
      takes: flag,
      default: 'off',
      doc: "Whether trailer fields of the upstream's answer are passed on.",
      example: `${p}pass_trailers on;`,
    },
    headers_hash_max_size: {
      contexts: ANYWHERE,
      takes: integer({ min: 1 }),
      doc: 'Size of the table of field names.',
      example: `${p}headers_hash_max_size 1024;`,
      noEffect: 'such tables size themselves',
    },
    headers_hash_bucket_size: {
      contexts: ANYWHERE,
      takes: integer({ min: 1 }),
      doc: 'Size of the buckets of that table.',
      example: `${p}headers_hash_bucket_size 128;`,
      noEffect: 'such tables size themselves',
    },
    send_lowat: {
      contexts: ANYWHERE,
      takes: size,
      doc: 'The low-water mark for writing on some systems.',
      example: `${p}send_lowat 12000;`,
      noEffect: 'Linux has no such setting',
    },
    set_header: {
      contexts: ANYWHERE,
      takes: headerField(),
      repeat: true,
      doc: 'A field of the request to the upstream; an empty value leaves it out. Set at one level, the fields of the levels above no longer hold.',
      example: `${p}set_header Host $host;`,
    },
  } as const satisfies Record<string, DirectiveSpec>;
}

function headerField() {
  return mapped(pair(text, templateWord()), ([name, value]) => ({ name, value }));
}

function templateWord() {
  return { ...template, syntax: 'value' };
}

type Family = ReturnType<typeof family>;
/** The family under a prefix. */
export type Prefixed<P extends string> = { readonly [K in keyof Family as `${P}_${K & string}`]: Family[K] };

/** The directives of the family under a prefix, to be spread into a module's own. */
export function upstreamDirectives<P extends string>(prefix: P): Prefixed<P> {
  const entries = Object.entries(family(`${prefix}_`)).map(([name, spec]) => [`${prefix}_${name}`, spec]);
  // The keys are the ones that the type spells out; TypeScript cannot follow them through fromEntries.
  return Object.fromEntries(entries) as Prefixed<P>;
}

type Names = Readonly<Record<keyof Family, string>>;
const namesUnder = new Map<string, Names>();

/** The names of the family under a prefix: put together once, because every location asks for most of them. */
function namesOf(prefix: string): Names {
  let names = namesUnder.get(prefix);
  if (names === undefined) {
    const entries = Object.keys(family(`${prefix}_`)).map((name) => [name, `${prefix}_${name}`]);
    namesUnder.set(prefix, (names = Object.fromEntries(entries) as Names));
  }
  return names;
}

/** What the request engine reads of the family. */
export function upstreamSettings<P extends string>(
  prefix: P,
  conf: ConfOf<Prefixed<P>>,
  compiler: Compiler,
): UpstreamSettings {
  const names = namesOf(prefix);
  const value = <K extends keyof Family>(name: K): ConfOf<Family>[K] =>
    (conf as Record<string, unknown>)[names[name]] as ConfOf<Family>[K];
  const ignored = value('ignore_headers') ?? [];
  const [number, bytes] = value('buffers');
  return {
    connectTimeout: value('connect_timeout'),
    sendTimeout: value('send_timeout'),
    readTimeout: value('read_timeout'),
    nextUpstream: bits(value('next_upstream')),
    nextUpstreamTries: value('next_upstream_tries'),
    nextUpstreamTimeout: value('next_upstream_timeout'),
    bufferSize: value('buffer_size'),
    limitRate: value('limit_rate') === '0' ? null : compiler.template(value('limit_rate')),
    requestBuffering: value('request_buffering'),
    buffering: value('buffering'),
    spool: {
      memory: value('buffer_size') + number * bytes,
      file: value('max_temp_file_size'),
      writeSize: value('temp_file_write_size') ?? Number.POSITIVE_INFINITY,
      place: value('temp_path') ?? defaultTemporaryPath(compiler, `${prefix}_temp`),
    },
    interceptErrors: value('intercept_errors'),
    ignoreClientAbort: value('ignore_client_abort'),
    passTrailers: value('pass_trailers'),
    obeysRedirect: !ignored.includes('X-Accel-Redirect'),
    obeysBuffering: !ignored.includes('X-Accel-Buffering'),
    obeysLimitRate: !ignored.includes('X-Accel-Limit-Rate'),
  };
}

function bits(names: readonly NextUpstream[]): number {
  return names.includes('off') ? 0 : names.reduce((sum, name) => sum | NEXT_UPSTREAM[name], 0);
}
