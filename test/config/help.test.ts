/** The help of findings: one mistake is one finding, and its help names the cause. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../src/config/check.js';
import { modules } from '../../src/modules/index.js';

function findings(http: string) {
  const text = Buffer.from(`events { } http { ${http} }`, 'utf8').toString('latin1');
  return check({ name: '/etc/nginx/nginx.conf', text }, modules, { prefix: '/nonexistent/' }).findings;
}

const server = (text: string) => `server { listen 80; ${text} }`;
const location = (text: string) => server(`location / { ${text} }`);

const CASES: readonly (readonly [text: string, message: RegExp, help: RegExp])[] = [
  [server('location ~ ^/v[0-9]{1,3}/x$ { }'), /unknown directive "1,3}\/x\$"/, /braces must be quoted/],
  [server('rewrite ^/([0-9]{4})/ /y last;'), /"rewrite" is not terminated/, /braces must be quoted/],
  [server('if ($uri ~ ^/[a-z]{2}/) { }'), /invalid condition "\^\/\[a-z\]"/, /braces must be quoted/],
  ['map $uri $x { ~^/[a-z]{2}/ 1; }', /unexpected "{"/, /braces must be quoted/],
  [server('server_name {{DOMAIN}}; root /{{PATH}}/x;'), /"server_name" is not terminated/, /template/],
  [server('{% if x %} root /x; {% endif %}'), /unexpected "{"/, /template/],
  [
    location('proxy_pass http://${BACKEND}:80;'),
    /unknown "backend" variable/,
    /read only if declared: expand_env BACKEND;/,
  ],
  [location('proxy_set_header Host ;'), /invalid number of arguments/, /envsubst/],
  [server(`add_header A "b "c" d; e";\n`), /unexpected "c"/, /inside a word write \\"/],
  ['resolver 2001:db8::1;', /invalid port in resolver/, /must be in brackets/],
  [
    server('if ($http_a = x && $http_b = y) { }'),
    /invalid condition "\$http_a"/,
    /"&&" is not supported in a condition/,
  ],
  [server('if ($http_a = a b) { }'), /invalid condition/, /must be quoted: "a b"/],
  [server('if ($http_a ==x) { }'), /invalid condition/, /needs a space on both sides/],
  [server('if ($http_a == x) { }'), /unexpected "==" in condition/, /written with one =/],
  [server('if ($http_a = ) { }'), /invalid condition/, /is missing; an empty one is written ""/],
  [location('proxy_pass tcp://127.0.0.1:1;'), /invalid URL prefix/, /valid targets: http:\/\/host, .* wss:\/\//],
  [server('\u200broot /x;'), /unknown directive/, /zero-width space \(U\+200B\)/],
  [server('\u00a0root /x;'), /unknown directive/, /no-break space \(U\+00A0\)/],
  ['degrade 204;', /"degrade" is not supported/, /ngx_http_degradation_module, which tsproxy does not support/],
];

for (const [text, message, help] of CASES) {
  test(`${JSON.stringify(text)} is one finding with help`, () => {
    const found = findings(text);
    assert.deepEqual(
      found.map((each) => each.severity),
      ['error'],
      found.map((each) => each.message).join('\n'),
    );
    assert.match(found[0]?.message ?? '', message);
    assert.match(found[0]?.help ?? '', help);
  });
}
