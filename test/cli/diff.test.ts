/** `tsproxy diff`: exit codes, text and JSON. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { BINARY, Prefix } from './running.js';

const OLD = 'events {}\nhttp {\n    server {\n        listen 8080;\n        location /ü { return 404; }\n    }\n}\n';

function diff(prefix: Prefix, ...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(BINARY, ['diff', ...words], { cwd: prefix.path, encoding: 'utf8' });
}

test('configurations that mean the same give nothing and exit 0', (t) => {
  const prefix = new Prefix(t, OLD);
  prefix.write('new.conf', 'events { }  http { server { location "/ü" { return 404; } listen *:8080; } }');
  assert.deepEqual({ ...diff(prefix, 'nginx.conf', 'new.conf') }.stdout, '');
  assert.equal(diff(prefix, 'nginx.conf', 'new.conf').status, 0);
});

test('differences are listed with their places, and the exit code is 1', (t) => {
  const prefix = new Prefix(t, OLD);
  prefix.write('new.conf', OLD.replace('404', '403').replace('8080', '8080 backlog=9'));
  const { status, stdout } = diff(prefix, 'nginx.conf', 'new.conf');
  assert.equal(
    stdout,
    [
      'changed listener 0.0.0.0:8080: listen (nginx.conf:4 -> new.conf:4)',
      'changed location /ü of server 0.0.0.0:8080: return (nginx.conf:5 -> new.conf:5)',
      '',
    ].join('\n'),
  );
  assert.equal(status, 1);
  const json: unknown = JSON.parse(diff(prefix, '--json', 'nginx.conf', 'new.conf').stdout);
  assert.deepEqual(json, {
    same: false,
    changes: [
      {
        kind: 'listener',
        change: 'changed',
        name: '0.0.0.0:8080',
        within: '',
        before: { file: `${prefix.path}/nginx.conf`, line: 4, column: 9 },
        after: { file: `${prefix.path}/new.conf`, line: 4, column: 9 },
        directives: ['listen'],
        locations: 0,
      },
      {
        kind: 'location',
        change: 'changed',
        name: '/ü',
        within: 'server 0.0.0.0:8080',
        before: { file: `${prefix.path}/nginx.conf`, line: 5, column: 9 },
        after: { file: `${prefix.path}/new.conf`, line: 5, column: 9 },
        directives: ['return'],
        locations: 1,
      },
    ],
  });
});

test('a configuration that is refused is trouble: findings on standard error, exit 2', (t) => {
  const prefix = new Prefix(t, OLD);
  prefix.write('new.conf', 'events {} http { serve { } }');
  const { status, stdout, stderr } = diff(prefix, 'nginx.conf', 'new.conf');
  assert.equal(status, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /unknown directive "serve"/);
  assert.equal(diff(prefix, 'nginx.conf', 'missing.conf').status, 2);
  assert.notEqual(diff(prefix, 'nginx.conf').status, 0);
});
