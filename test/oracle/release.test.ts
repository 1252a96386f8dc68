/**
 * The tables of `--nginx` agree with the nginx that is installed (or that the environment variable NGINX names): it knows a
 * directive, parameter or variable exactly if its version is new enough. RELEASE_LONG=1 checks all directives; otherwise the
 * newest ones and some of the others.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Context } from '../../src/config/directive.js';
import { type KnownDirective, knownByName } from '../../src/config/foreign/known-directives.js';
import { nginxVersionOf } from '../../src/config/nginx-versions.js';
import { PARAMETERS } from '../../src/lints/release/parameters.js';
import { REMOVED } from '../../src/lints/release/removed.js';
import { variableSince, variablesWithVersions } from '../../src/lints/release/variables.js';
import { isAtLeast, parseVersion, type Version } from '../../src/lints/release/version.js';
import { NGINX, nginxVersion, unavailable } from './nginx.js';

const LONG = process.env.RELEASE_LONG === '1';
const version = (parseVersion(nginxVersion()) ?? [0, 0, 0]) as Version;
const skip = unavailable;

let directory = '';
let configure = '';
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsproxy-release-'));
  if (skip === false) configure = spawnSync(NGINX, ['-V'], { encoding: 'utf8' }).stderr;
});
after(() => rmSync(directory, { recursive: true }));

/** Modules that are not built by default. */
const OPTIONAL =
  /^ngx_(?:http_(?:addition|auth_request|dav|degradation|flv|geoip|gunzip|gzip_static|image_filter|mp4|perl|random_index|realip|secure_link|slice|ssl|stub_status|sub|v2|v3|xslt)|google_perftools)_module$/;

function isBuilt({ module }: KnownDirective): boolean {
  const short = module.slice('ngx_'.length);
  if (!OPTIONAL.test(module)) return !configure.includes(`--without-${short}`);
  return new RegExp(`--with-${short}(?!=dynamic)`).test(configure);
}

/** Messages of `nginx -t`. */
function tested(text: string): string {
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, text);
  const words = ['-t', '-q', '-p', directory, '-c', file, '-e', 'stderr'];
  // nginx would take the variable for inherited sockets.
  const { NGINX: _, ...env } = process.env;
  return spawnSync(NGINX, words, { encoding: 'utf8', timeout: 20_000, env }).stderr;
}

/** A configuration with a statement in a block. */
function inside(context: Context, statement: string): string {
  const own = `pid ${directory}/pid;\n`;
  switch (context) {
    case 'main':
      return `${own}${statement}\nevents { }\n`;
    case 'events':
      return `${own}events { ${statement} }\n`;
    case 'http':
      return `${own}events { }\nhttp { access_log off;\n${statement}\n}\n`;
    case 'upstream':
      return `${own}events { }\nhttp { access_log off; upstream u { server 127.0.0.1:1;\n${statement}\n} }\n`;
    case 'server':
      return `${own}events { }\nhttp { access_log off; server { listen 127.0.0.1:8080;\n${statement}\n} }\n`;
    default:
      return `${own}events { }\nhttp { access_log off; server { listen 127.0.0.1:8080; location / {\n${statement}\n} } }\n`;
  }
}

interface Case {
  readonly name: string;
  readonly context: Context;
  readonly since: string;
}

/** Every directive of nginx's modules for HTTP that has a version, in one of its blocks. */
function directives(): Case[] {
  const cases: Case[] = [];
  for (const [name, known] of knownByName()) {
    const removed = REMOVED.some(({ names, word }) => word === undefined && names.split(' ').includes(name));
    for (const each of removed ? [] : known) {
      const context = each.contexts?.find((one) => !one.startsWith('if') && one !== 'limit_except' && one !== 'match');
      const since = context === undefined ? null : nginxVersionOf(name, context === 'upstream' ? 'upstream' : '');
      const isUpstream = context === 'upstream' && /^keepalive_/.test(name);
      if (each.maker !== 'nginx' || context === undefined || since === null || isUpstream || !isBuilt(each)) continue;
      cases.push({ name, context, since });
    }
  }
  return cases;
}

/** Directives that distributions have added to older versions, with the fix of a vulnerability. */
const BACKPORTED: ReadonlySet<string> = new Set(['max_headers']);

test('nginx knows the directives that the table gives to its version, and no others', { skip }, () => {
  const all = directives();
  assert.ok(all.length > 400, String(all.length));
  const newest = all.filter(({ since }) => isAtLeast([1, 19, 0], since) === false);
  const others = all.filter((each) => !newest.includes(each));
  const chosen = LONG ? all : [...newest.slice(-60), ...others.filter((_, i) => i % 25 === 0)];
  assert.ok(chosen.length > 40, String(chosen.length));
  const wrong = chosen.flatMap(({ name, context, since }) => {
    const message = tested(inside(context, `${name};`));
    const isKnown = !/unknown directive|directive is not allowed here/.test(message);
    if (isKnown && BACKPORTED.has(name)) return [];
    return isKnown === isAtLeast(version, since) ? [] : [`${name} in ${context}, ${since}: ${message.trim()}`];
  });
  assert.deepEqual(wrong, []);
});

/** A statement for each row of `PARAMETERS`, in their order; those that need another program or module have none. */
const STATEMENTS: readonly (readonly [context: Context, statement: string] | null)[] = [
  ['server', 'listen 127.0.0.1:8081 so_keepalive=on;'],
  ['server', 'listen 127.0.0.1:8081 fastopen=3;'],
  ['server', 'listen 127.0.0.1:8081 proxy_protocol;'],
  ['server', 'listen 127.0.0.1:8081 reuseport;'],
  ['server', 'listen 127.0.0.1:8081 http2;'],
  null,
  ['server', 'listen 127.0.0.1:8081 multipath;'],
  ['http', 'real_ip_header proxy_protocol;'],
  ['upstream', 'server 127.0.0.1:2 max_conns=3;'],
  ['upstream', 'zone z 64k; resolver 127.0.0.1; server localhost resolve;'],
  ['upstream', 'server 127.0.0.1:2 route=a;'],
  ['upstream', 'keepalive 3 local;'],
  ['http', 'resolver 127.0.0.1 ipv6=off;'],
  ['http', 'resolver 127.0.0.1 ipv4=off;'],
  ['http', 'proxy_next_upstream http_403;'],
  ['http', 'proxy_next_upstream error non_idempotent;'],
  ['http', 'proxy_next_upstream http_429;'],
  ['http', 'add_header A b always;'],
  ['server', 'access_log logs.gz combined gzip=1;'],
  ['server', 'access_log log combined if=$arg_x;'],
  ['server', 'access_log syslog:server=127.0.0.1;'],
  ['http', 'log_format a escape=json x;'],
  ['http', 'log_format a escape=none x;'],
  ['http', 'limit_req_zone $host zone=a:1m rate=1r/s; limit_req zone=a delay=3;'],
  ['http', 'limit_rate $arg_x;'],
  ['http', 'proxy_cache_path x keys_zone=a:1m use_temp_path=off;'],
  ['http', 'proxy_cache_path x keys_zone=a:1m manager_files=3;'],
  ['http', 'proxy_cache_path x keys_zone=a:1m min_free=3m;'],
  ['http', 'ssl_verify_client optional_no_ca;'],
  ['http', 'ssl_protocols TLSv1.2;'],
  ['http', 'ssl_protocols TLSv1.3;'],
  null,
  null,
  ['http', 'gzip_static always;'],
  ['http', 'server_tokens build;'],
  ['http', 'proxy_bind $remote_addr transparent;'],
  ['main', 'worker_processes auto;'],
  ['main', 'worker_cpu_affinity auto;'],
  ['location', 'grpc_pass $arg_x;'],
  ['http', 'proxy_http_version 2;'],
  ['http', 'proxy_ignore_headers Vary;'],
];

test('nginx accepts the parameters that the table gives to its version, and no others', { skip }, () => {
  assert.equal(STATEMENTS.length, PARAMETERS.length);
  const wrong = PARAMETERS.flatMap(({ names, since }, i) => {
    const [context, statement] = STATEMENTS[i] ?? [];
    if (context === undefined || statement === undefined) return [];
    const message = tested(inside(context, statement));
    const isAccepted = !/\[emerg\]/.test(message);
    return isAccepted === isAtLeast(version, since) ? [] : [`${names}, ${since}: ${statement} ${message.trim()}`];
  });
  assert.deepEqual(wrong, []);
});

test('nginx refuses removed directives, and warns about deprecated ones', { skip }, () => {
  const statements: readonly (readonly [context: Context, statement: string, row: number])[] = [
    ['server', 'ssl off;', 0],
    ['server', 'listen 127.0.0.1:8081 http2;', 1],
    ['http', 'spdy_chunk_size 8k;', 3],
    ['http', 'http2_recv_timeout 1s;', 4],
    ['http', 'http2_max_requests 10;', 5],
    ['http', 'http2_max_field_size 4k;', 6],
    ['http', 'http2_push off;', 7],
    ['http', 'limit_zone a $host 1m;', 8],
    ['http', 'satisfy_any on;', 9],
    ['events', 'connections 10;', 10],
  ];
  const wrong = statements.flatMap(([context, statement, row]) => {
    const { deprecated, removed } = REMOVED[row] ?? {};
    const message = tested(inside(context, statement));
    const expected =
      removed !== undefined && isAtLeast(version, removed)
        ? 'refused'
        : deprecated !== undefined && isAtLeast(version, deprecated)
          ? 'warned'
          : 'accepted';
    const actual = message.includes('[emerg]') ? 'refused' : message.includes('[warn]') ? 'warned' : 'accepted';
    return actual === expected ? [] : [`${statement} ${actual} instead of ${expected}: ${message.trim()}`];
  });
  assert.deepEqual(wrong, []);
});

test('nginx knows the variables that the table gives to its version, and no others', { skip }, () => {
  const skipped = /^(?:http3|upstream_cache|ssl_|connections_|realip_|http2|limit_|tcpinfo)/;
  const names = variablesWithVersions().filter((name) => !skipped.test(name));
  assert.ok(names.length > 10);
  const wrong = names.flatMap((name) => {
    const message = tested(inside('http', `add_header A $${name};`));
    const isKnown = !message.includes(`unknown "${name}" variable`);
    return isKnown === isAtLeast(version, variableSince(name) ?? '0.0.0') ? [] : [`${name}: ${message.trim()}`];
  });
  assert.deepEqual(wrong, []);
});
