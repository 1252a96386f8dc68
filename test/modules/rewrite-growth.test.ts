/** Strings that a configuration makes from themselves do not grow without limit, and neither do the log lines about them. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LEVELS } from '../../src/config/log-level.js';
import { DestinationLog } from '../../src/logging/destination-log.js';
import { LogFile } from '../../src/logging/log-file.js';
import { get, startProxy } from '../kit/index.js';

test('URIs and variables that grow without end are a 500, and their log lines are as long as nginx’s at most', async (t) => {
  const proxy = await startProxy(
    `
    rewrite_log on;
    ssi_types text/html;
    server {
      listen 127.0.0.1:0;
      root %%DIR%%;
      error_log logs/error.log notice;
      location /loop { rewrite ^(.*)$ $1$1$1$1$1$1$1$1 last; }
      location /row { ${'rewrite ^(.*)$ $1$1$1$1;'.repeat(30)} }
      location /args { ${'rewrite ^(.*)$ $1?$args$args$args$args;'.repeat(30)} }
      location /set { set $a $uri; ${'set $a $a$a$a$a;'.repeat(30)} return 200 $a; }
      location /redirect { try_files /none $uri$uri$uri$uri$uri$uri$uri$uri; }
      location /page { error_page 404 $uri$uri$uri$uri$uri$uri$uri$uri$uri$uri; recursive_error_pages on; return 404; }
      location /ssi { ssi on; default_type text/html; }
      location /enough { rewrite ^/enough(.*)$ /a$1$1$1; return 200 $uri; }
    }`,
    {},
    { files: { ssi: `<!--# set var="a" value="aaaaaaaa" -->${'<!--# set var="a" value="$a$a$a$a" -->'.repeat(30)}` } },
  );
  t.after(() => proxy.close());
  const long = 'x'.repeat(4000);
  for (const path of ['/loop', '/row', '/args', '/set', '/redirect', '/page']) {
    assert.equal((await get(proxy.port, `${path}/${long}?${long}`)).status, 500, path);
  }
  const page = await get(proxy.port, '/ssi');
  assert.ok(page.body.length < 10_000, `${page.body.length}`);
  assert.equal((await get(proxy.port, `/enough/${long}`)).body, `/a${`/${long}`.repeat(3)}`);
  const lines = proxy.file('logs/error.log').split('\n');
  assert.equal(Math.max(...lines.map(({ length }) => length)), 2047);
  assert.ok(lines.some((line) => line.includes('rewrite or internal redirection cycle while processing "/row/xxx')));
  assert.ok(lines.some((line) => line.includes('redirection cycle while internally redirecting to "/redirect/xxx')));
  assert.ok(lines.some((line) => line.includes('too long value of the variable "a"')));
});

test('a line of the error log is cut at 2,048 bytes, its line break included', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-long-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = new LogFile(join(directory, 'error.log'));
  t.after(() => file.close());
  const entries: string[] = [];
  const threshold = LEVELS.indexOf('info');
  const log = new DestinationLog([
    { to: file, threshold },
    { to: ({ message }) => entries.push(message), threshold },
  ]);
  for (const length of [1000, 2000, 3000, 1_000_000]) log.write('error', 'x'.repeat(length));
  const lines = readFileSync(file.path, 'latin1').split('\n');
  assert.deepEqual(
    lines.map(({ length }) => length + 1 > 2048),
    [false, false, false, false, false],
  );
  assert.deepEqual([lines[2]?.length, lines[3]?.length], [2047, 2047]);
  assert.ok(Math.max(...entries.map(({ length }) => length)) <= 2048);
});
