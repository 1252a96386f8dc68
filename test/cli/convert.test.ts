import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { command } from './running.js';

function directory(t: { after(fn: () => void): void }, files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), 'tsproxy-convert-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

const TABLE = `{
  "/api": { "target": "http://127.0.0.1:9", "changeOrigin": true },
  "/x": { "target": "http://127.0.0.1:9", "changeOrigin": true,
    "followRedirects": true }
}`;

test('convert prints a file, lists what is missing on standard error, and exits with 3', async (t) => {
  const path = directory(t, { 'proxy.json': TABLE });
  const { code, stdout, stderr } = await command(['convert', '--from', 'vite', 'proxy.json'], { cwd: path });
  assert.equal(code, 3);
  assert.equal(stderr, 'proxy.json:4: not converted: option "followRedirects" is not converted\n');
  assert.match(stdout, /location \/api \{\n {12}proxy_pass http:\/\/127\.0\.0\.1:9;\n/);
});

test('convert recognizes a format, writes to a file, and lists in it what is missing', async (t) => {
  const path = directory(t, { 'proxy.json': TABLE });
  const words = ['convert', 'proxy.json', '--comments', '--listen', '127.0.0.1:8765', '-o', 'out.conf'];
  assert.equal((await command(words, { cwd: path })).code, 3);
  const text = readFileSync(join(path, 'out.conf'), 'utf8');
  assert.match(text, /^# Converted from proxy\.json .*\n# Not converted:\n# - line 4: option "followRedirects" /);
  assert.match(text, /listen 127\.0\.0\.1:8765;/);
  const formatted = await command(['fmt', '--check', 'out.conf'], { cwd: path });
  assert.deepEqual([formatted.code, formatted.stdout], [0, '']);
  assert.equal((await command(['-t', '-c', join(path, 'out.conf')], { cwd: path })).code, 0);
});

test('convert exits with 0 if everything was converted, and with 1 and the place of a syntax error', async (t) => {
  const path = directory(t, {
    'vite.config.js': `export default { server: { proxy: { '/a': 'http://127.0.0.1:9' } } }`,
    'broken.js': `createProxyMiddleware({\n  target: ,\n})`,
    'other.txt': 'nothing of it',
  });
  const good = await command(['convert', 'vite.config.js'], { cwd: path });
  assert.deepEqual([good.code, good.stderr], [0, '']);
  const broken = await command(['convert', 'broken.js'], { cwd: path });
  assert.deepEqual([broken.code, broken.stdout], [1, '']);
  assert.match(broken.stderr, /^tsproxy: broken\.js:2: SyntaxError: /);
  const other = await command(['convert', 'other.txt'], { cwd: path });
  assert.deepEqual(
    [other.code, other.stderr],
    [1, 'tsproxy: the format of "other.txt" is not known; name it with --from\n'],
  );
});

test('a configuration with includes is the same after a way through JSON, and its errors are in the JSON', async (t) => {
  const site = 'server { listen 127.0.0.1:8080; # here\n}\n';
  const path = directory(t, { 'nginx.conf': 'events {}\nhttp { include site.conf; }\n', 'site.conf': site });
  const json = await command(['convert', '--to', 'json', 'nginx.conf'], { cwd: path });
  assert.equal(json.code, 0);
  assert.deepEqual((JSON.parse(json.stdout) as { errors: unknown }).errors, []);
  writeFileSync(join(path, 'all.json'), json.stdout);
  assert.equal((await command(['convert', 'all.json', '-o', 'copy'], { cwd: path })).code, 0);
  assert.equal(readFileSync(join(path, 'copy/site.conf'), 'utf8'), 'server {\n    listen 127.0.0.1:8080; # here\n}\n');
  assert.equal(readFileSync(join(path, 'copy/nginx.conf'), 'utf8'), 'events {}\nhttp {\n    include site.conf;\n}\n');
  writeFileSync(join(path, 'site.conf'), 'server { lisen 80; }');
  const failed = await command(['convert', '--to', 'json', 'nginx.conf'], { cwd: path });
  assert.equal(failed.code, 3);
  const { errors } = JSON.parse(failed.stdout) as { errors: { file: string; line: number; error: string }[] };
  assert.deepEqual(
    errors.map(({ file, line, error }) => [file, line, error]),
    [[join(path, 'site.conf'), 1, 'unknown directive "lisen"']],
  );
});

test('files of a JSON are not written outside of the directory', async (t) => {
  const files = ['/etc/a/nginx.conf', '/etc/a/../b.conf'].map((file) => ({ file, parsed: [] }));
  const path = directory(t, { 'x.json': JSON.stringify({ config: files }) });
  const { code, stderr } = await command(['convert', '--from', 'json', 'x.json', '-o', 'out'], { cwd: path });
  assert.equal(code, 1);
  assert.match(stderr, /"\/etc\/a\/\.\.\/b\.conf" is not below the directory/);
});

test('files beside a configuration are written once, and not replaced by others', async (t) => {
  const site = (hash: string) => `http://x.localhost:8080 {\n\tbasic_auth {\n\t\tbob ${hash}\n\t}\n\trespond hi\n}\n`;
  const path = directory(t, { Caddyfile: site('$2a$14$first') });
  const convert = () => command(['convert', 'Caddyfile', '-o', 'nginx.conf'], { cwd: path });
  assert.match((await convert()).stderr, /^tsproxy: wrote .*\/x\.localhost-2\.htpasswd\n$/);
  const file = join(path, 'x.localhost-2.htpasswd');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(await convert(), { code: 0, stdout: '', stderr: '' });
  writeFileSync(join(path, 'Caddyfile'), site('$2a$14$second'));
  const { code, stderr } = await convert();
  assert.equal(code, 1);
  assert.match(stderr, /x\.localhost-2\.htpasswd" failed \(17: File already exists\)/);
  assert.match(readFileSync(file, 'utf8'), /first/);
});

test('without -o, files with passwords are named and their content is not printed', async (t) => {
  const path = directory(t, {
    Caddyfile: 'http://x.localhost:8080 {\n\tbasic_auth {\n\t\tbob $2a$14$secret\n\t}\n\trespond hi\n}\n',
  });
  const { code, stdout, stderr } = await command(['convert', 'Caddyfile'], { cwd: path });
  assert.equal(code, 3);
  assert.equal(stderr, 'tsproxy: the configuration needs the file x.localhost-2.htpasswd, which -o writes beside it\n');
  assert.match(stdout, /auth_basic_user_file x\.localhost-2\.htpasswd;/);
  assert.doesNotMatch(stdout, /secret/);
});
