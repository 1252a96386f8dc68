/** `-t` of directories and of files that are parts of a configuration. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { command } from './running.js';

/** A directory with these files; it is removed when the test ends. */
function tree(t: { after(fn: () => void): void }, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-parts-'));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

const SITE = `
upstream app { server 127.0.0.1:3000; }
server {
    listen 8080;
    location /ws/ {
        proxy_pass http://app;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        limit_req zone=of_the_whole;
        include snippets/timeouts.conf;
    }
}
`;

test('a site is tested as a part of http, and relies on the rest for variables and zones', async (t) => {
  const directory = tree(t, {
    'nginx.conf': 'events { } http { include sites-enabled/*; }',
    'sites-enabled/app': SITE,
    'snippets/timeouts.conf': 'proxy_read_timeout 1h;\n',
  });
  const { code, stderr } = await command(['-t', join(directory, 'sites-enabled/app')]);
  assert.match(stderr, /is a part of a configuration: tested as the content of "http"\n/);
  assert.match(stderr, /test is successful\n$/);
  assert.equal(code, 0);
});

test('a mistake in a location’s snippet is found where it is, with nothing about the blocks around it', async (t) => {
  const directory = tree(t, { 'proxy.conf': 'proxy_pass http://127.0.0.1:1;\nproxy_set_header Host $hots;\n' });
  const { code, stderr } = await command(['-t', '-c', join(directory, 'proxy.conf')]);
  assert.match(stderr, /tested as the content of "location"\n/);
  assert.match(stderr, /unknown "hots" variable in .*proxy\.conf:2\n/);
  assert.match(stderr, /^1 error$/m);
  assert.doesNotMatch(stderr, /around/);
  assert.equal(code, 1);
});

test('a file with an http section is a whole configuration, however many servers stand outside of it', async (t) => {
  const directory = tree(t, { 'a.conf': 'events { }\nhttp { }\nserver { }\nserver { }\nserver { }\n' });
  const { code, stderr } = await command(['-t', join(directory, 'a.conf')]);
  assert.match(stderr, /"server" directive is not allowed here/);
  assert.doesNotMatch(stderr, /part of a configuration/);
  assert.equal(code, 1);
});

test('a directory with a nginx.conf is tested as nginx would be started there', async (t) => {
  const directory = tree(t, {
    'nginx.conf': 'events { } http { include sites/*; server { listen 8080; retrun 200; } }',
    'sites/a': 'server { listen 8081; retrun 200; }',
    'a.conf': 'x;',
  });
  const { code, stderr } = await command(['-t', directory]);
  assert.match(stderr, /unknown directive "retrun" in .*nginx\.conf:1\n/);
  assert.match(stderr, /: 1 configuration\n/);
  assert.match(stderr, /no nginx configuration was recognised: a\.conf\n/);
  assert.equal(code, 1);
});

test('the parts in a directory are tested together', async (t) => {
  const directory = tree(t, {
    'a.conf': 'upstream app { server 127.0.0.1:3000; }\n',
    'b.conf': 'server { listen 8080; location / { proxy_pass http://app; } }\n',
    'c.conf': 'location /c { retrun 200; }\n',
  });
  const { code, stderr } = await command(['-t', directory]);
  assert.match(stderr, /: 3 parts of configurations\n/);
  assert.match(stderr, /unknown directive "retrun" in .*c\.conf:1\n/);
  assert.match(stderr, /^1 error$/m);
  assert.equal(code, 1);
});

test('several paths give one JSON array, and the exit code of the worst', async (t) => {
  const directory = tree(t, { 'good/a.conf': 'server { listen 8080; }\n', 'bad/b.conf': 'server { lisn 8080; }\n' });
  const { code, stdout } = await command(['-t', '--json', join(directory, 'good'), join(directory, 'bad')]);
  const findings = JSON.parse(stdout) as readonly { code: string }[];
  assert.deepEqual(
    findings.map((each) => each.code),
    ['unknown-directive'],
  );
  assert.equal(code, 1);
});

test('--fix mends a part where it is', async (t) => {
  const directory = tree(t, { 'site.conf': 'server { listen 8080; location / { proxy_pas http://127.0.0.1:1; } }\n' });
  const { stderr, code } = await command(['-t', '--fix', join(directory, 'site.conf')]);
  assert.match(stderr, /fixed 1/);
  assert.equal(code, 0);
});

test('a directory without configurations is refused', async (t) => {
  const directory = tree(t, { 'notes.txt': 'x' });
  const { code, stderr } = await command(['-t', directory]);
  assert.match(stderr, /no configuration file in /);
  assert.equal(code, 1);
});

test('without arguments and without a configuration the ways to start are listed', async (t) => {
  const { code, stderr } = await command([], { cwd: tree(t, {}) });
  assert.match(stderr, /open\(\) ".*\/nginx\.conf" failed \(2: No such file or directory\)\n/);
  assert.match(stderr, /tsproxy -c FILE/);
  assert.equal(code, 1);
});

test('a placeholder of a template that was not filled in is named as one, whatever directive has it', async (t) => {
  const directory = tree(t, {
    'listen.conf': 'server { listen ${PORT}; }\n',
    'size.conf': 'client_max_body_size ${MAX_SIZE};\nserver { listen 127.0.0.1:0; }\n',
  });
  for (const [file, name] of [
    ['listen.conf', 'PORT'],
    ['size.conf', 'MAX_SIZE'],
  ] as const) {
    const { code, stderr } = await command(['-t', join(directory, file)]);
    assert.equal(code, 1);
    assert.ok(stderr.includes(`expand it first: envsubst '\${${name}}' < template > nginx.conf`), stderr);
  }
});
