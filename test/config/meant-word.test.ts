/** Words that are nearly those of a directive: what was meant is offered, and a slip of one key is mended by `--fix`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../src/config/check.js';
import { applyFixes } from '../../src/diagnostics/fixes.js';
import { modules } from '../../src/modules/index.js';

const FILE = '/etc/nginx/nginx.conf';

function findings(http: string) {
  const text = `events { } http { ${http} }`;
  return check({ name: FILE, text }, modules, { prefix: '/nonexistent/' }).findings;
}

/** The text in `http` after `--fix`; null if there is no unambiguous fix. */
function fixed(http: string): string | null {
  const text = applyFixes(findings(http), () => FILE).texts.get(FILE);
  return text === undefined ? null : text.slice('events { } http { '.length, -' }'.length);
}

const server = (text: string) => `server { listen 80; ${text} }`;

const SLIPS: readonly (readonly [wrong: string, right: string])[] = [
  ['server { listen 80 defalt_server; }', 'server { listen 80 default_server; }'],
  ['server { listen 80 backlg=5; }', 'server { listen 80 backlog=5; }'],
  ['upstream u { server 127.0.0.1 wieght=2; }', 'upstream u { server 127.0.0.1 weight=2; }'],
  ['upstream u { server 127.0.0.1; hash $uri consistant; }', 'upstream u { server 127.0.0.1; hash $uri consistent; }'],
  ['access_log /x combined buffr=5k;', 'access_log /x combined buffer=5k;'],
  ['access_log /x combind;', 'access_log /x combined;'],
  ['sendfile onn;', 'sendfile on;'],
  [server('rewrite ^ /x lst;'), server('rewrite ^ /x last;')],
  [server('return 301 https://$hots$request_uri;'), server('return 301 https://$host$request_uri;')],
  [server('return 301 https://${hots}/x;'), server('return 301 https://${host}/x;')],
];

for (const [wrong, right] of SLIPS) {
  test(`${wrong} is mended`, () => {
    assert.equal(fixed(wrong), right);
  });
}

test('names that are numbered through are not taken for one another', () => {
  assert.equal(fixed(server('set $way1 a; return 200 $way2;')), null);
  assert.equal(findings(server('set $way1 a; return 200 $way2;'))[0]?.help, 'did you mean "$way1"?');
});

test('short names of variables are left to a person', () => {
  assert.equal(fixed(server('set $xy a; return 200 $xx;')), null);
  assert.equal(findings(server('set $b a; return 200 $a;'))[0]?.fix, undefined);
});

test('what stands for something else is not offered', () => {
  const [found] = findings('server { listen 80 prot; }');
  assert.match(found?.help ?? '', /^valid parameters: /);
});

test('a parameter with a wrong value is told what it takes', () => {
  assert.equal(findings('upstream u { server 127.0.0.1 weight=a; }')[0]?.help, 'the weight is a number, at least 1');
});

test('zones and log formats that are misspelt are found again', () => {
  const zone = findings(`limit_req_zone $uri zone=one:1m rate=1r/s; ${server('limit_req zone=onne;')}`);
  assert.equal(zone[0]?.help, 'did you mean "one"?');
});
