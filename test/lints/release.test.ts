/** `--nginx`: vulnerabilities of releases with their conditions, versions, and findings that do not concern a release. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../src/config/check.js';
import { ADVISORIES } from '../../src/lints/release/advisories.js';
import { checkForRelease } from '../../src/lints/release/check.js';
import { isFixed, isInRanges, parseVersion, type Version } from '../../src/lints/release/version.js';
import { modules } from '../../src/modules/index.js';

function version(text: string): Version {
  const parsed = parseVersion(text);
  assert.ok(parsed, text);
  return parsed;
}

/** Messages for a release about the content of `http`. */
function messages(http: string, release: string): string[] {
  const result = check({ name: '/x/nginx.conf', text: `events { } http { ${http} }` }, modules, {
    globals: 'allow_unsupported on;',
  });
  return checkForRelease(result, modules, version(release)).map(({ message }) => message);
}

function cves(http: string, release: string): string[] {
  return messages(http, release).flatMap((message) => /CVE-[\d-]+/.exec(message) ?? []);
}

const TLS = 'ssl_certificate c; ssl_certificate_key k;';

/** A text that meets the condition of a vulnerability, and a similar one that does not. */
type Texts = readonly [meets: string, misses: string];

const QUIC: Texts = ['server { listen 443 quic; }', 'server { listen 443 ssl; }'];
const MP4: Texts = ['server { location / { mp4; } }', 'server { location / { flv; } }'];
const RESOLVER: Texts = ['resolver 127.0.0.1;', 'resolver_timeout 3s;'];
const HTTP2: Texts = ['server { listen 443 ssl http2; }', 'server { listen 443 ssl; }'];
const SPDY: Texts = ['server { listen 443 ssl spdy; }', 'server { listen 443 ssl; }'];
const UTF8: Texts = ['charset_map koi8-r utf-8 { }', 'charset_map koi8-r windows-1251 { }'];
const PROXY: Texts = ['server { location / { proxy_pass http://127.0.0.1; } }', 'server { location / { root /x; } }'];

/** Texts for each vulnerability. */
const CONDITIONS: Readonly<Record<string, Texts>> = {
  'CVE-2026-42533': [
    'map $uri $m { "~^/(?<a>.*)$" $a; } server { location ~ (?<a>x) { return 200 "$a $m"; } }',
    'map $uri $m { "~^/(?<a>.*)$" $a; } server { location ~ (?<a>x) { return 200 "$m $a"; } }',
  ],
  'CVE-2026-60005': [
    'server { slice 1m; location ~ ^/(.*)$ { proxy_pass http://127.0.0.1/$1; } }',
    'server { slice 1m; location ~ ^/(?<p>.*)$ { proxy_pass http://127.0.0.1/$p; } }',
  ],
  'CVE-2026-56434': [
    'server { ssi on; location / { proxy_pass http://127.0.0.1; } }',
    'server { location /a { ssi on; root /x; } location / { proxy_pass http://127.0.0.1; } }',
  ],
  'CVE-2026-42530': QUIC,
  'CVE-2026-42055': [
    'ignore_invalid_headers off; large_client_header_buffers 4 1m; server { location / { grpc_pass 127.0.0.1:1; } }',
    'large_client_header_buffers 4 1m; server { location / { grpc_pass 127.0.0.1:1; } }',
  ],
  'CVE-2026-48142': UTF8,
  'CVE-2026-42934': UTF8,
  'CVE-2026-9256': [
    'server { rewrite ^/((.*))$ http://a/$1$2 redirect; }',
    'server { rewrite ^/(?:(.*))/(.*)$ http://a/$1$2 redirect; }',
  ],
  'CVE-2026-42926': [
    'server { location / { proxy_http_version 2; proxy_set_body x; proxy_pass http://127.0.0.1; } }',
    'server { location / { proxy_http_version 1.1; proxy_set_body x; proxy_pass http://127.0.0.1; } }',
  ],
  'CVE-2026-42945': [
    'server { location / { rewrite ^/(.*)$ /x?a=1; set $y $1; } }',
    'server { location / { set $y $1; rewrite ^/(.*)$ /x?a=1; } }',
  ],
  'CVE-2026-42946': ['server { location / { uwsgi_pass 127.0.0.1:1; } }', 'server { location / { root /x; } }'],
  'CVE-2026-40460': QUIC,
  'CVE-2026-40701': [
    'resolver 127.0.0.1; server { ssl_ocsp on; }',
    'server { ssl_ocsp on; location / { resolver 127.0.0.1; } }',
  ],
  'CVE-2026-27654': [
    'server { location / { alias /x/; dav_methods PUT COPY; } }',
    'server { location / { root /x/; dav_methods PUT COPY; } }',
  ],
  'CVE-2026-27784': MP4,
  'CVE-2026-32647': MP4,
  'CVE-2026-1642': [
    'server { location / { proxy_pass https://127.0.0.1; } }',
    'server { location / { proxy_pass http://127.0.0.1; } }',
  ],
  'CVE-2025-23419': [
    `server { listen 443 ssl; ${TLS} ssl_verify_client on; ssl_client_certificate a; } server { listen 443 ssl; ${TLS} }`,
    `server { listen 443 ssl; ${TLS} ssl_verify_client on; ssl_client_certificate a; } server { listen 80; }`,
  ],
  'CVE-2024-7347': MP4,
  'CVE-2024-32760': QUIC,
  'CVE-2024-31079': QUIC,
  'CVE-2024-35200': QUIC,
  'CVE-2024-34161': QUIC,
  'CVE-2024-24989': QUIC,
  'CVE-2024-24990': QUIC,
  'CVE-2022-41741': MP4,
  'CVE-2022-41742': MP4,
  'CVE-2021-23017': RESOLVER,
  'CVE-2019-9511': HTTP2,
  'CVE-2019-9513': HTTP2,
  'CVE-2019-9516': HTTP2,
  'CVE-2018-16843': HTTP2,
  'CVE-2018-16844': ['http2 on; server { listen 443 ssl; }', 'http2 off; server { listen 443 ssl; }'],
  'CVE-2018-16845': MP4,
  'CVE-2017-7529': [
    'server { location / { proxy_cache x; proxy_pass http://127.0.0.1; } }',
    'server { max_ranges 1; location / { proxy_cache x; proxy_pass http://127.0.0.1; } }',
  ],
  'CVE-2016-4450': PROXY,
  'CVE-2016-0742': RESOLVER,
  'CVE-2016-0746': RESOLVER,
  'CVE-2016-0747': RESOLVER,
  'CVE-2014-3616': [
    `ssl_session_cache shared:a:1m; server { listen 443 ssl; ${TLS} } server { listen 444 ssl; ${TLS} }`,
    `ssl_session_cache shared:a:1m; server { listen 443 ssl; ${TLS} } server { listen 80; }`,
  ],
  'CVE-2014-0133': SPDY,
  'CVE-2014-0088': SPDY,
  'CVE-2013-4547': ['server { location /x { deny all; } }', 'server { location /x { root /x; } }'],
  'CVE-2013-2070': PROXY,
  'CVE-2012-2089': MP4,
  'CVE-2012-1180': PROXY,
  'CVE-2011-4315': RESOLVER,
};

test('each vulnerability is reported if its condition is met by a vulnerable version, and only then', () => {
  assert.deepEqual(Object.keys(CONDITIONS).sort(), ADVISORIES.map(({ cve }) => cve).sort());
  for (const { cve, vulnerable, fixed } of ADVISORIES) {
    const [meets, misses] = CONDITIONS[cve] ?? ['', ''];
    for (const range of vulnerable.split(', ')) {
      const last = range.split('-').at(-1) ?? '';
      assert.ok(cves(meets, last).includes(cve), `${cve} in ${last}`);
      assert.ok(!cves(misses, last).includes(cve), `${cve} of a text that does not meet its condition`);
    }
    for (const release of fixed.split(', ')) assert.ok(!cves(meets, release).includes(cve), `${cve} in ${release}`);
  }
});

test('a fix in a stable branch holds for that branch only', () => {
  const fixes = '1.31.3, 1.30.4';
  const fixed = (text: string) => isFixed(version(text), fixes);
  assert.deepEqual(
    ['1.31.3', '1.31.4', '1.32.0', '2.0.0', '1.30.4', '1.30.5'].filter((each) => !fixed(each)),
    [],
  );
  assert.deepEqual(['1.31.2', '1.30.3', '1.29.9', '1.28.4'].filter(fixed), []);
  assert.ok(isInRanges(version('1.26.0'), '1.25.0-1.25.5, 1.26.0'));
  assert.ok(!isInRanges(version('1.26.1'), '1.25.0-1.25.5, 1.26.0'));
});

test('features that only tsproxy lacks are no findings for a release of nginx', () => {
  const text = 'server { listen 8080; location / { fastcgi_pass 127.0.0.1:9000; add_header A $geoip_city; } }';
  assert.deepEqual(messages(text, '1.31.4'), []);
});

test('directives of the same name in other blocks have versions of their own', () => {
  const text = 'upstream a { server 127.0.0.1:1; keepalive 3; keepalive_timeout 3s; } keepalive_timeout 3s;';
  assert.ok(messages(text, '1.14.0').includes('nginx 1.14.0 does not have the directive "keepalive_timeout"'));
  assert.equal(messages(text, '1.14.0').filter((each) => each.includes('"keepalive_timeout"')).length, 1);
  assert.ok(!messages(text, '1.15.3').some((each) => each.includes('"keepalive_timeout"')));
});

test('directives of third parties are left to the modules of the build', () => {
  assert.ok(!messages('more_clear_headers Server;', '1.28.0').some((each) => each.includes('more_clear_headers')));
});
