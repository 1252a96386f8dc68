import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type JsonReport, reportText, verdictOf } from '../../src/cli/compat/report.js';
import { type Status, type Survey, surveyOf } from '../../src/cli/compat/survey.js';
import { check } from '../../src/config/check.js';
import { textReader } from '../../src/config/reader.js';
import { COLOURED, PLAIN } from '../../src/diagnostics/style.js';
import { modules } from '../../src/modules/index.js';
import { command, Prefix } from './running.js';

function survey(text: string, files: Readonly<Record<string, string>> = {}): Survey {
  const reader = textReader(new Map(Object.entries(files)));
  return surveyOf(check({ name: '/nginx.conf', text }, modules, { reader }), modules);
}

/** Names with that status, with the count of their places where there are several. */
function named({ entries }: Survey, status: Status): string[] {
  return entries
    .filter((entry) => entry.status === status)
    .map(({ name, places }) => (places.length === 1 ? name : `${name} ${places.length}`));
}

const GOOD = 'events { }\nhttp {\n    server {\n        listen 127.0.0.1:8080;\n        return 204;\n    }\n}\n';

test('a configuration that is supported as a whole', () => {
  const result = survey(GOOD);
  assert.equal(verdictOf(result), 'supported');
  assert.deepEqual(named(result, 'supported'), ['events', 'http', 'server', 'listen', 'return']);
  assert.deepEqual(result.refusals, []);
});

test('directives without effect do no harm to a verdict', () => {
  const result = survey(`worker_rlimit_core 1m;\n${GOOD}`);
  assert.equal(verdictOf(result), 'without effect');
  assert.deepEqual(named(result, 'without effect'), ['worker_rlimit_core']);
  assert.ok(result.entries[0]?.remark);
});

test('a directive is different where its words are about the difference', () => {
  const result = survey(GOOD.replace('return', 'error_log syslog:server=localhost; error_log stderr; return'));
  assert.equal(verdictOf(result), 'different');
  assert.deepEqual(named(result, 'different'), ['error_log']);
  assert.ok(named(result, 'supported').includes('error_log'));
});

test('directives of nginx and third parties are listed as missing, with their module', () => {
  const result = survey(
    'stream { server { listen 1; } }\nevents { }\nhttp { degrade 204; pagespeed on; server { degrade off; location / { content_by_lua_block { "}" } } } log_format a $memcached_key; }',
  );
  assert.equal(verdictOf(result), 'refused');
  assert.deepEqual(named(result, 'missing'), [
    'stream',
    'degrade',
    'pagespeed',
    'content_by_lua_block',
    '$memcached_key',
  ]);
  assert.deepEqual(result.refusals, []);
  const owners = new Map(result.entries.map(({ name, module }) => [name, module]));
  assert.equal(owners.get('degrade'), 'ngx_http_degradation_module');
  assert.equal(owners.get('$memcached_key'), 'ngx_http_memcached_module');
  assert.match(owners.get('pagespeed') ?? '', /third-party/);
});

test('with allow_unsupported missing features are differences; what is off, and mere settings, have no effect', () => {
  const text = 'events { }\nhttp { degrade 204; modsecurity off; fastcgi_param A b; server { listen 127.0.0.1:1; } }';
  const refused = survey(text);
  assert.equal(verdictOf(refused), 'refused');
  assert.deepEqual(named(refused, 'missing'), ['degrade']);
  assert.deepEqual(named(refused, 'without effect'), ['modsecurity', 'fastcgi_param']);
  assert.match(
    refused.entries.find(({ name }) => name === 'degrade')?.remark ?? '',
    /^With allow_unsupported, it is ignored/,
  );
  assert.equal(verdictOf(survey(`allow_unsupported on;\n${text}`)), 'different');
});

test('errors of -t are refusals: parameters, values, unknown names, places, syntax', () => {
  const result = survey(
    'events { }\nhttp { foo bar; map $a $b { x; }\n server { listen 443 sdp; location ~ (?C1)a { return 200 "x; } } worker_processes 1; }',
  );
  assert.equal(verdictOf(result), 'refused');
  assert.deepEqual(named(result, 'missing'), []);
  assert.deepEqual(named(result, 'refused').slice(0, 2), ['map', 'listen']);
  assert.ok(!named(result, 'supported').includes('foo'));
  assert.ok(result.refusals.some(({ message }) => message.includes('invalid parameter "sdp"')));
  assert.ok(result.refusals.some(({ message }) => message === 'unknown directive "foo"'));
});

test('included files are looked through, and a place counts once', () => {
  const result = survey('events { }\nhttp { include a.conf; server { include a.conf; listen 127.0.0.1:1; } }', {
    '/a.conf': 'degrade 204;\n',
  });
  const [degrade] = result.entries.filter(({ name }) => name === 'degrade');
  assert.deepEqual(
    degrade?.places.map(({ source, start }) => `${source.name}:${start}`),
    ['/a.conf:0'],
  );
});

test('the text names places and reasons, and ends with the verdict', () => {
  const result = survey(`degrade 204;\n${'http { degrade 204; }\n'.repeat(6)}events { }\nworker_rlimit_core 1m;\n`);
  const text = reportText({ file: 'nginx.conf', readAs: null }, result, PLAIN, 80);
  assert.match(
    text,
    /^Missing \(1\)\n {2}degrade \(ngx_http_degradation_module\) {2}\/nginx\.conf:2:8, .* and 2 more\n/,
  );
  assert.match(text, /\nAccepted without effect \(1\)\n {2}worker_rlimit_core {2}\/nginx\.conf:9:1\n {6}\w/);
  assert.match(
    text,
    /\nnginx\.conf: tsproxy refuses this configuration as it is\. Directives, parameters and variables: .*\.\n$/,
  );
  for (const line of text.split('\n')) assert.ok(line.length <= 80 || !line.startsWith('      '), line);
  assert.match(reportText({ file: 'nginx.conf', readAs: null }, result, COLOURED, 80), /\x1b\[31mtsproxy refuses/);
});

function prefix(t: TestContext, text: string): Prefix {
  return new Prefix(t, text);
}

test('compat exits 0 where all is supported or without effect, else 1', async (t) => {
  const { path } = prefix(t, GOOD);
  const good = await command(['compat', `${path}/nginx.conf`]);
  assert.equal(good.code, 0);
  assert.match(
    good.stdout,
    /^Supported \(5\)\n {2}events http server listen return\n\n.*tsproxy accepts this configuration/,
  );
  const bad = await command(['compat', '-c', `${prefix(t, 'events { }\nhttp { degrade 204; }\n').path}/nginx.conf`]);
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /^Missing \(1\)\n/);
});

test('compat --json gives all places', async (t) => {
  const { path } = prefix(t, 'events { }\nhttp {\n degrade 204;\n server { listen 1 sdp; degrade 204; }\n}\n');
  const output = await command(['compat', '--json', '-p', path, '-c', 'nginx.conf']);
  assert.equal(output.code, 1);
  const report = JSON.parse(output.stdout) as JsonReport;
  assert.equal(report.verdict, 'refused');
  assert.equal(report.counts.missing, 1);
  assert.deepEqual(
    report.entries.find(({ name }) => name === 'degrade'),
    {
      name: 'degrade',
      status: 'missing',
      module: 'ngx_http_degradation_module',
      remark: 'With allow_unsupported, it is ignored, because it affects only speed or size.',
      count: 2,
      places: [
        { file: `${path}/nginx.conf`, line: 3, column: 2 },
        { file: `${path}/nginx.conf`, line: 4, column: 25 },
      ],
    },
  );
  assert.equal(report.refusals[0]?.at?.line, 4);
});

test('a file that is a part of a configuration is read as one', async (t) => {
  const parts: readonly (readonly [text: string, block: string, names: string])[] = [
    ['upstream u { server 127.0.0.1:1; }\nserver { listen 127.0.0.1:8080; }\n', 'http', 'upstream server listen'],
    [
      'listen 127.0.0.1:1;\nserver_name a;\nlocation / { return 204; }\n',
      'server',
      'listen server_name location return',
    ],
    ['proxy_set_header Host $host;\nproxy_pass http://127.0.0.1:1;\n', 'location', 'proxy_set_header proxy_pass'],
  ];
  for (const [text, block, names] of parts) {
    const { path } = prefix(t, text);
    const output = await command(['compat', `${path}/nginx.conf`]);
    assert.equal(output.code, 0, output.stdout);
    assert.ok(output.stdout.startsWith(`${path}/nginx.conf is read as a part of ${block} { }.\n`), output.stdout);
    assert.ok(output.stdout.includes(`\n  ${names}\n`), output.stdout);
  }
});

test('compat reports a file that cannot be read', async () => {
  const output = await command(['compat', '/nonexistent.conf']);
  assert.equal(output.code, 1);
  assert.equal(output.stdout, '');
  assert.match(output.stderr, /open\(\) "\/nonexistent\.conf" failed \(2: No such file or directory\)/);
});

test('rubbish and deep blocks are surveyed without a crash', () => {
  for (const text of [
    '\0\x7fELF{}{};"'.repeat(1000),
    'http {'.repeat(2000),
    'http { server { '.repeat(400),
    'a;'.repeat(100_000),
  ]) {
    assert.equal(verdictOf(survey(text)), 'refused');
  }
});
