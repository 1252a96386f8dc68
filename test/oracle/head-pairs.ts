/** Random pairs of servers with different settings for heads, and requests to them: complete, cut anywhere, or refused. */
import fc from 'fast-check';

/** The end of a client's bytes: the client ends its side, or leaves the server to its timeout. */
export type Ending = 'fin' | 'silence';

export interface PairRequest {
  readonly bytes: string;
  readonly ending: Ending;
}

/** Two servers of one address. */
export interface Pair {
  /** Content of `http`; `%%NAME%%` as for `startOracle`, and `%%AT%%` is the address and the pair's name in files. */
  readonly config: string;
  readonly requests: readonly PairRequest[];
}

const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const NAMES = ['one', 'two', 'one two', '*.wild', 'mail.*', '.both', '~^(?<cap>[a-z]+)\\.re$', '""', ''] as const;
const HOSTS = [
  ...['one', 'two', 'ONE:8080', 'one.', 'a.wild', 'mail.x', 'both', 'x.both', 'abc.re', 'unknown', '[::1]:80', 'a_b'],
  ...['', 'bad host', 'a..b', 'two:99999', 'two:', 'a/b', '[::1', 'a\0b', 'one\t', '.', ':80'],
] as const;

const SETTINGS: readonly (readonly string[])[] = [
  ['underscores_in_headers on;', 'underscores_in_headers off;', ''],
  ['ignore_invalid_headers off;', '', ''],
  ...[['client_header_buffer_size 64;', 'client_header_buffer_size 300;', 'client_header_buffer_size 2k;', '']],
  [
    'large_client_header_buffers 1 512;',
    'large_client_header_buffers 2 600;',
    'large_client_header_buffers 3 1k;',
    'large_client_header_buffers 4 32k;',
    '',
  ],
  ['merge_slashes off;', ''],
  ['server_name_in_redirect on;', '', ''],
  ['port_in_redirect off;', '', ''],
  ['absolute_redirect off;', '', '', ''],
  [
    'error_page 400 405 414 494 501 505 /err;',
    'error_page 400 405 414 494 501 505 /err?from=$host;',
    'error_page 400 405 414 494 501 505 =200 @named;',
    'error_page 400 414 494 @named;',
    'error_page 400 405 414 494 501 505 http://$host$uri;',
    'error_page 400 494 =301 /err;',
    'error_page 400 =402 /go;',
    'error_page 494 /go;',
    '',
  ],
];

/** Settings that only newer versions of nginx have. */
const NEWER: readonly (readonly string[])[] = [['max_headers 2;', 'max_headers 5;', '', '']];

function server(label: string, modern: boolean): fc.Arbitrary<string> {
  const settings = [...SETTINGS, ...(modern ? NEWER : [])].map((choices) => oneOf(...choices));
  return fc.tuple(...settings).map(
    (chosen) => `
      ${chosen.filter((each) => each !== '').join(' ')}
      access_log %%DIR%%/%%AT%%.access ${label}; error_log %%DIR%%/%%AT%%.${label} info;
      location / { return 200 "${label} $host $server_name $uri $args $http_api_key $http_x_odd $cap"; }
      location = /err { return 200 "${label} error $host $uri $args $request_uri"; }
      location = /go { return 302 /gone?$args; }
      location @named { return 302 /named; }`,
  );
}

const METHODS = ['GET', 'GET', 'GET', 'GET', 'HEAD', 'POST', 'TRACE', 'X-Y', 'get', 'CONNECT', ''] as const;
const PATHS = [
  ...['/', '/x?a=b', '/a//b/../c?d', '/go', '/%2e%2e/', '/..', '/a%00', '/%zz', '/#x', '/a?b?c#d', '//x', '*', 'x'],
  ...['/\x01', '/\x7f', `/${'l'.repeat(200)}`, `/${'l'.repeat(590)}`, `/${'l'.repeat(1200)}?${'m'.repeat(800)}`, '?x'],
] as const;
const VERSIONS = [
  ' HTTP/1.1',
  ' HTTP/1.1',
  ' HTTP/1.1',
  ' HTTP/1.0',
  ' HTTP/1.1 ',
  '',
  ' HTTP/2.0',
  ' HTTX',
  ' HTTP/1.1x',
];

const path = fc.oneof({ weight: 3, arbitrary: oneOf('/', '/x?a=b', '/go') }, { weight: 2, arbitrary: oneOf(...PATHS) });
const host = fc.oneof(
  { weight: 3, arbitrary: oneOf(...HOSTS.slice(0, 12)) },
  { weight: 1, arbitrary: oneOf(...HOSTS) },
);

const requestLine = fc
  .record({ method: oneOf(...METHODS), path, authority: fc.option(host, { freq: 4 }), version: oneOf(...VERSIONS) })
  .map(({ method, path, authority, version }) =>
    method === 'CONNECT' && authority !== null
      ? `${method} ${authority}${version}`
      : `${method} ${authority === null ? '' : `http://${authority}`}${path}${version}`,
  );
const usualLine = path.map((each) => `GET ${each} HTTP/1.1`);

const FIELDS = [
  ...['api_key: 1', 'x~odd: 2', 'X-Odd: 3', 'Referer: http://r/', 'User-Agent: MSIE', 'Content-Length: 0', 'A', 'A:'],
  ...['Content-Length: 5', 'Content-Length: x', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip', 'If-Match: a'],
  ...['Authorization: Basic dTpw', 'Expect: 1', 'Connection: close', 'Connection: keep-alive', 'X: \xff'],
  ...['bad name: x', ' X: folded', ': x', 'X\0: y', 'X: \0', 'X\ry: z', 'X: y\rz', 'X: y\r', '_', '_: 1', 'é: 1'],
  ...[100, 250, 480, 500, 520, 700, 1000, 1500].map((length) => `Cookie: ${'c'.repeat(length)}`),
] as const;

const field = fc.oneof(
  { weight: 3, arbitrary: oneOf(...FIELDS.slice(0, 4), ...FIELDS.slice(-8)) },
  { weight: 2, arbitrary: oneOf(...FIELDS) },
  { weight: 1, arbitrary: host.map((each) => `Host: ${each}`) },
);

/** A head: mostly a valid one that names a host somewhere among its fields. */
const head = fc
  .record({
    line: fc.oneof({ weight: 2, arbitrary: usualLine }, { weight: 1, arbitrary: requestLine }),
    host: fc.option(host, { freq: 8 }),
    before: fc.array(field, { maxLength: 3 }),
    behind: fc.array(field, { maxLength: 4 }),
    end: oneOf('\r\n', '\r\n', '\r\n', '\n'),
  })
  .map(({ line, host, before, behind, end }) =>
    [line, ...before, ...(host === null ? [] : [`Host: ${host}`]), ...behind, '', ''].join(end),
  );

const request = fc
  .record({ head, cut: fc.option(fc.nat(), { freq: 2 }), ending: oneOf<Ending>('fin', 'silence') })
  .map(({ head, cut, ending }) => ({
    // A cut at every byte is as likely.
    bytes: cut === null ? head : head.slice(0, 1 + (cut % head.length)),
    ending,
  }));

/** Pairs with so many requests each. `silent`: some clients leave the server to its timeout. */
export function pairs(modern: boolean, requests: number, silent: boolean): fc.Arbitrary<Pair> {
  return fc
    .record({
      first: server('first', modern),
      second: server('second', modern),
      names: fc.shuffledSubarray([...NAMES], { minLength: 2, maxLength: 2 }),
      isDefault: oneOf('first', 'second', 'neither'),
      requests: fc.array(request, { minLength: requests, maxLength: requests }),
    })
    .map(({ first, second, names, isDefault, requests }) => {
      const block = (label: string, name: string | undefined, body: string): string => {
        const listen = `listen %%AT%%:%%PORT%%${isDefault === label ? ' default_server' : ''};`;
        const timeout = silent ? 'client_header_timeout 400ms;' : '';
        return `server { ${listen} ${name ? `server_name ${name};` : ''} ${timeout} ${body} }`;
      };
      return {
        config: `${block('first', names[0], first)}\n${block('second', names[1], second)}`,
        requests: requests.map((each) => (silent ? each : { ...each, ending: 'fin' as const })),
      };
    });
}
