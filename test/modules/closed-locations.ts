/**
 * Random configurations with a location whose access is meant to be restricted by a directive that is misspelt, has invalid
 * arguments, or belongs to a module that tsproxy does not have. None of them may start with the location open.
 */
import fc from 'fast-check';
import { knownByName, knownDirectives } from '../../src/config/foreign/known-directives.js';
import { ConfigError } from '../../src/index.js';
import { modules } from '../../src/modules/index.js';
import { get, startProxy, type TestProxy } from '../kit/index.js';

const declared = new Set(modules.flatMap(({ directives }) => Object.keys(directives)));

/** Names of directives that restrict access. */
const RESTRICTING = [...knownByName()]
  .filter(([name, entries]) => entries.some(({ effect }) => effect === 'access') || /^(?:auth_|limit_)/.test(name))
  .map(([name]) => name);

const NAMED = RESTRICTING.filter((name) => /^(?:auth_|deny$|limit_)/.test(name));

/** Directives of other modules that restrict access: accepted with `allow_unsupported`, and then closed. */
const FOREIGN = RESTRICTING.filter((name) => !declared.has(name));

/** Arguments that the directive rejects. */
const INVALID: Readonly<Record<string, readonly string[]>> = {
  deny: ['', '127.0.0.300', 'all all', '127.0.0.1/33', 'everybody'],
  allow: ['', '127.0.0.300', 'all all', '10.0.0.0/99'],
  auth_basic: ['', 'a b', '"a" off extra'],
  auth_basic_user_file: ['', 'a b'],
  auth_request: ['', '/a /b'],
  auth_request_set: ['', '$a', 'a $b'],
  auth_delay: ['', 'soon', '1s 2s'],
  limit_req: ['', 'zone=missing', 'zone=', 'zone=one burst=x', 'burst=5'],
  limit_conn: ['', 'missing 1', 'one', 'one many', 'one 0'],
  limit_except: ['', 'GOT'],
  limit_req_zone: ['', '$remote_addr zone=one:1m', '$remote_addr zone=one rate=1r/s'],
  limit_conn_zone: ['', '$remote_addr', '$remote_addr zone=one'],
  limit_req_status: ['', 'none', '200'],
  limit_conn_status: ['', 'none', '200'],
  limit_rate: ['', 'fast'],
};

/** Valid arguments, so that only the name is wrong. */
const VALID: Readonly<Record<string, string>> = {
  deny: 'all',
  allow: '10.0.0.1',
  limit_req: 'zone=requests',
  limit_conn: 'connections 1',
  auth_basic: 'closed',
};

const VALID_BY_DEFAULT = ['on', '"closed area"', '/etc/passwords', 'example', '$remote_user'];

/** One typing error: a letter lost, doubled, exchanged with the next, or replaced. */
function misspelt(name: string, at: number, kind: number): string {
  const i = at % name.length;
  const variants = [
    name.slice(0, i) + name.slice(i + 1),
    name.slice(0, i) + name.charAt(i) + name.slice(i),
    name.slice(0, i) + (name.charAt(i + 1) || 'x') + name.charAt(i) + name.slice(i + 2),
    `${name.slice(0, i)}q${name.slice(i + 1)}`,
  ];
  return variants[kind % variants.length] ?? name;
}

const wrongDirective: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...NAMED), fc.nat(), fc.nat(), fc.constantFrom(...VALID_BY_DEFAULT))
    .map(([name, at, kind, argument]) => ({ written: misspelt(name, at, kind), argument: VALID[name] ?? argument }))
    .filter(({ written }) => knownDirectives(written).length === 0 && !declared.has(written))
    .map(({ written, argument }) => `${written} ${argument};`),
  fc
    .constantFrom(...Object.keys(INVALID))
    .chain((name) => fc.constantFrom(...(INVALID[name] ?? [''])).map((words) => `${name} ${words};`)),
  fc
    .tuple(fc.constantFrom(...FOREIGN), fc.constantFrom(...VALID_BY_DEFAULT), fc.boolean())
    .map(([name, argument, isTwo]) =>
      knownDirectives(name).some(({ takesBlock }) => takesBlock)
        ? `${name} { }`
        : `${name} ${argument}${isTwo ? ' second' : ''};`,
    ),
  // A missing semicolon turns the next directive into an argument.
  fc.constantFrom(
    'pagespeed off deny all;',
    'pagespeed off\n deny all;',
    'fastcgi_param A b\n deny all;',
    'auth_jwt off\n auth_digest x;',
  ),
);

/** A way in which a location responds. */
const CONTENTS = [
  'return 200 open;',
  'root %%DIR%%;',
  'proxy_pass http://back_end;',
  'try_files /x/index.html =404;',
  'set $a 1; if ($a) { return 200 open; }',
  'error_page 501 =200 /open; return 200 open;',
  'rewrite ^ /open break; root %%DIR%%;',
];

/** Place of the directive relative to the location. */
const PLACES = ['http', 'server', 'location', 'nested', 'if', 'before', 'after'] as const;

/** A configuration for `startProxy`: a request of `/x/index.html` must not succeed. */
export const closedConfigurations: fc.Arbitrary<string> = fc
  .record({
    directive: wrongDirective,
    content: fc.constantFrom(...CONTENTS),
    place: fc.constantFrom(...PLACES),
    allowed: fc.boolean(),
  })
  .map(({ directive, content, place, allowed }) => {
    const at = (where: (typeof PLACES)[number]) => (place === where ? directive : '');
    const inside =
      place === 'nested' ? `${directive} location /x/i { ${content} }` : `${at('before')} ${content} ${at('after')}`;
    return `${allowed ? 'allow_unsupported on;' : ''}
events {}
http {
  limit_req_zone $binary_remote_addr zone=requests:1m rate=1r/s;
  limit_conn_zone $binary_remote_addr zone=connections:1m;
  upstream back_end { server 127.0.0.1:1; }
  ${at('http')}
  server {
    listen 127.0.0.1:0;
    ${at('server')}
    location /x/ { ${at('location')} ${place === 'if' ? `if ($uri) { ${directive} }` : ''} ${inside} }
    location /open { return 200 open; }
  }
}`;
  });

/** Result of starting one of these configurations, and of a request. */
export async function outcomeOf(text: string): Promise<'refused' | 'closed' | 'open'> {
  let proxy: TestProxy;
  try {
    proxy = await startProxy(text, {}, { files: { 'x/index.html': 'open', open: 'open' } });
  } catch (error) {
    if (error instanceof ConfigError) return 'refused';
    throw error;
  }
  try {
    const { status, body } = await get(proxy.port, '/x/index.html');
    return status >= 400 && !body.includes('open') ? 'closed' : 'open';
  } finally {
    await proxy.close();
  }
}
