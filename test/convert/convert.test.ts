import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from '../../grammar/parser.js';
import { convertText, type ForeignFormat } from '../../src/convert/convert.js';
import { detectFormat } from '../../src/convert/detect.js';
import { SourceMistake } from '../../src/convert/model.js';
import { toBytes } from '../../src/diagnostics/byte-string.js';
import { format } from '../../src/format/format.js';
import { CADDY_CASES } from './cases/caddy.js';
import { HAPROXY_CASES } from './cases/haproxy.js';
import { MIDDLEWARE_CASES } from './cases/http-proxy-middleware.js';
import { VITE_CASES } from './cases/vite.js';
import type { ConversionCase } from './comparison.js';

const SUITES: readonly (readonly [ForeignFormat, string, readonly ConversionCase[]])[] = [
  ['caddy', 'Caddyfile', CADDY_CASES],
  ['haproxy', 'haproxy.cfg', HAPROXY_CASES],
  ['http-proxy-middleware', 'server.js', MIDDLEWARE_CASES],
  ['vite', 'vite.config.ts', VITE_CASES],
];

function filled(source: string): string {
  return source
    .replace(/%[ABC]%/g, '8001')
    .replaceAll('%PORT%', '8080')
    .replaceAll('%DIR%', '/srv');
}

function convert(
  from: ForeignFormat,
  text: string,
  files: Readonly<Record<string, string>> = {},
): ReturnType<typeof convertText> {
  const read = (name: string): { name: string; text: string }[] =>
    files[name] === undefined ? [] : [{ name, text: files[name] }];
  return convertText(from, 'source', toBytes(text), { listen: null, isListed: false, read });
}

test('results are formatted, and their format is recognized by their content', () => {
  for (const [from, , cases] of SUITES) {
    for (const { source, name } of cases) {
      const { text } = convert(from, filled(source));
      assert.equal(format({ name, text }).text, text, name);
      assert.equal(detectFormat('', text), 'nginx', name);
    }
  }
});

test('the format of a source is recognized by its name', () => {
  const names: readonly (readonly [string, string | null])[] = [
    ['Caddyfile', 'caddy'],
    ['/etc/caddy/Caddyfile.dev', 'caddy'],
    ['site.caddy', 'caddy'],
    ['/etc/haproxy/haproxy.cfg', 'haproxy'],
    ['vite.config.mts', 'vite'],
    ['unknown', null],
  ];
  for (const [name, expected] of names) assert.equal(detectFormat(name, ''), expected, name);
});

test('the format of a source is recognized by its content', () => {
  for (const [from, , cases] of SUITES) {
    for (const { source, name, file } of cases) {
      // Tables in JSON look alike.
      if (file?.endsWith('.json')) continue;
      assert.equal(detectFormat('', filled(source)), from, name);
    }
  }
});

test('texts of no format are recognized in linear time', () => {
  assert.equal(detectFormat('', `${'a, '.repeat(100_000)}x`), null);
  assert.equal(detectFormat('', `${'\n'.repeat(200_000)}x`), null);
  assert.equal(detectFormat('', `${' {'.repeat(100_000)}x`), null);
  assert.equal(detectFormat('', `${'location '.repeat(50_000)}x`), null);
});

/** Deterministic random numbers (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A source with some words and lines removed, repeated, exchanged or cut. */
function mutated(source: string, next: () => number): string {
  const pick = (length: number): number => Math.floor(next() * length);
  let parts = source.split(/(\s+|[{}()'",;])/);
  for (let count = 1 + pick(4); count > 0; count--) {
    const [at, other] = [pick(parts.length), pick(parts.length)];
    switch (pick(5)) {
      case 0:
        parts.splice(at, 1 + pick(3));
        break;
      case 1:
        parts.splice(at, 0, ...parts.slice(other, other + 1 + pick(6)));
        break;
      case 2:
        [parts[at], parts[other]] = [parts[other] ?? '', parts[at] ?? ''];
        break;
      case 3:
        parts = parts.slice(0, Math.max(1, parts.length - pick(20)));
        break;
      default:
        parts[at] = ['{', '}', '"', '$x', '\\', '\n', '%[', '{{}}', '*', '~', 'é', '#', '/', '0'][pick(14)] ?? '';
    }
  }
  return parts.join('');
}

test('damaged sources are refused with a place, or give a text that can be read', () => {
  const next = random(19);
  let refused = 0;
  let converted = 0;
  for (const [from, , cases] of SUITES) {
    for (let count = 0; count < 150; count++) {
      const source = filled(cases[count % cases.length]?.source ?? '');
      const text = mutated(source, next);
      try {
        const result = convert(from, text);
        assert.deepEqual(parse({ name: 'result', text: result.text }).mistakes, [], text);
        converted++;
      } catch (error) {
        if (!(error instanceof SourceMistake)) throw new Error(`${from}:\n${text}`, { cause: error });
        refused++;
      }
    }
  }
  assert.ok(refused > 40 && converted > 40, `${refused} refused, ${converted} converted`);
});

test('a site of Caddy with a name has TLS and a redirect, and its certificate is listed', () => {
  const { text, missing } = convert('caddy', 'shop.example {\n\treverse_proxy localhost:3000\n}\n');
  assert.deepEqual(
    missing.map(({ line, message }) => [line, message]),
    [
      [
        1,
        'certificates are not obtained automatically; that of shop.example is read from certs/shop.example.pem and certs/shop.example.key',
      ],
    ],
  );
  assert.match(text, /listen 443 ssl;\n {8}server_name shop\.example;\n {8}http2 on;\n {8}ssl_certificate certs\/shop/);
  assert.match(text, /listen 443 ssl;\n {8}http2 on;\n {8}ssl_reject_handshake on;/);
  assert.match(
    text,
    /listen 80;\n {8}server_name shop\.example;\n\n {8}location \/ \{\n {12}return 308 https:\/\/\$host\$request_uri;/,
  );
});

test('a certificate that a Caddyfile names is used, and nothing is listed', () => {
  const { text, missing } = convert('caddy', 'https://a.example:8443 {\n\ttls /c.pem /k.pem\n\trespond "x"\n}\n');
  assert.deepEqual(missing, []);
  assert.match(text, /listen 8443 ssl;\n.*\n.*\n {8}ssl_certificate \/c\.pem;\n {8}ssl_certificate_key \/k\.pem;/);
});

test('a Caddyfile imports files, and takes the defaults of its environment', () => {
  const source =
    'http://{$HOST:a.localhost}:{$PORT:8080} {\n\timport sites/*.caddy\n\timport none.caddy\n\theader X {$NONE}\n}\n';
  const { text, missing } = convert('caddy', source, { 'sites/*.caddy': 'respond /x "imported"\n' });
  assert.match(text, /return 200 imported;/);
  assert.match(text, /server_name a\.localhost;/);
  assert.deepEqual(
    missing.map(({ message }) => message),
    [
      'import "none.caddy" names no snippet and no file that can be read',
      'the environment variable "NONE" has no default; it is empty',
    ],
  );
});

test('what a password protects stays closed if its condition is not converted', () => {
  const caddy = convert(
    'caddy',
    ':80 {\n\t@x expression `x()`\n\tbasic_auth @x {\n\t\tbob $2a$10$x\n\t}\n\treverse_proxy localhost:1\n}\n',
  );
  assert.match(caddy.text, /location \/ \{\n {12}return 403;/);
  assert.doesNotMatch(caddy.text, /proxy_pass/);
  const forward = convert('caddy', ':80 {\n\tforward_auth /a/* auth:1\n\treverse_proxy localhost:1\n}\n');
  assert.match(forward.text, /location \/a\/ \{\n {12}return 403;/);
  const haproxy = convert(
    'haproxy',
    'frontend f\n mode http\n bind :80\n acl ok http_auth(u)\n http-request auth if ok { path /a } or TRUE\n default_backend b\nbackend b\n mode http\n server s 127.0.0.1:1\n',
  );
  assert.match(haproxy.text, /location \/ \{\n {12}return 403;/);
});

test('a dollar of a source is no variable in the result', () => {
  const { text } = convert('caddy', ':80 {\n\theader X-Price "5$host"\n\trespond "a"\n}\n');
  assert.match(text, /geo \$dollar \{\n {8}default \$;\n {4}\}/);
  assert.match(text, /add_header X-Price "?5\$\{dollar\}host"? always;/);
});

test('sources that nest too deeply are refused', () => {
  const deep: readonly (readonly [ForeignFormat, string])[] = [
    ['vite', `export default { server: { proxy: { '/': ${'['.repeat(20_000)} } } }`],
    ['vite', `export default { a: ${Array(5000).fill("'x'").join('+')}, server: { proxy: { '/': f } } }`],
    ['caddy', `:80 {\n${'handle {\n'.repeat(2000)}${'}\n'.repeat(2000)}}\n`],
  ];
  for (const [from, text] of deep) assert.throws(() => convert(from, text), SourceMistake);
});

test('hundreds of hosts are converted in seconds', () => {
  const hosts = Array.from({ length: 200 }, (_, index) => `h${index}.example`);
  const haproxy = hosts.map(
    (host, index) => ` use_backend b if { hdr(host) -i ${host} } { path_beg /p${index % 50}/ }\n`,
  );
  const started = performance.now();
  const { text } = convert(
    'haproxy',
    `frontend f\n mode http\n bind :80\n${haproxy.join('')}backend b\n mode http\n server s 127.0.0.1:1\n`,
  );
  assert.equal(text.match(/server_name/g)?.length, 200);
  // Half a second of CPU time; conditions for each pair of hosts would take minutes.
  assert.ok(performance.now() - started < 30_000, `${performance.now() - started} ms`);
});

test('imports that contain themselves, and blocks without an end, are refused', () => {
  for (const source of [
    '(a) {\n\timport a\n}\n:80 {\n\timport a\n}\n',
    ':80 {\n\thandle {\n',
    ':80 {\n\trespond "x\n}\n',
  ]) {
    assert.throws(() => convert('caddy', source), SourceMistake);
  }
});
