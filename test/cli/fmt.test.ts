import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { BINARY, type CommandResult, command } from './running.js';

const UGLY = 'events{}\nhttp { server {listen  80;} }\n';
const PRETTY = 'events {}\nhttp {\n    server {\n        listen 80;\n    }\n}\n';

/** A directory with files; it goes when the test ends. */
function directory(t: TestContext, files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), 'tsproxy-fmt-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(path, name, '..'), { recursive: true });
    writeFileSync(join(path, name), text, 'latin1');
  }
  return path;
}

/** Runs `tsproxy fmt` with a text on its standard input. */
function filter(words: readonly string[], input: string): Promise<CommandResult> {
  const child = spawn(process.execPath, [BINARY, 'fmt', ...words]);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('latin1')));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
  child.stdin.end(Buffer.from(input, 'latin1'));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

test('fmt writes changed files only', async (t) => {
  const path = directory(t, { 'a.conf': UGLY, 'b.conf': PRETTY });
  const { mtimeMs } = statSync(join(path, 'b.conf'));
  const result = await command(['fmt', 'a.conf', 'b.conf'], { cwd: path });
  assert.deepEqual(result, { code: 0, stdout: '', stderr: 'tsproxy: formatted a.conf\n' });
  assert.equal(readFileSync(join(path, 'a.conf'), 'utf8'), PRETTY);
  assert.equal(statSync(join(path, 'b.conf')).mtimeMs, mtimeMs);
  assert.deepEqual(readdirSync(path).sort(), ['a.conf', 'b.conf']);
});

test('fmt keeps the mode of a file and the links that lead to it', async (t) => {
  const path = directory(t, { 'available/a.conf': UGLY });
  chmodSync(join(path, 'available/a.conf'), 0o640);
  symlinkSync('available/a.conf', join(path, 'a.conf'));
  assert.equal((await command(['fmt', 'a.conf'], { cwd: path })).code, 0);
  assert.ok(lstatSync(join(path, 'a.conf')).isSymbolicLink());
  assert.equal(readFileSync(join(path, 'available/a.conf'), 'utf8'), PRETTY);
  assert.equal(statSync(join(path, 'available/a.conf')).mode & 0o777, 0o640);
});

test('fmt --check lists the files that would change and fails', async (t) => {
  const path = directory(t, { 'a.conf': UGLY, 'b.conf': PRETTY });
  const result = await command(['fmt', '--check', 'a.conf', 'b.conf'], { cwd: path });
  assert.deepEqual(result, { code: 1, stdout: 'a.conf\n', stderr: '' });
  assert.equal(readFileSync(join(path, 'a.conf'), 'utf8'), UGLY);
  assert.equal((await command(['fmt', '--check', 'b.conf'], { cwd: path })).code, 0);
});

test('fmt --diff prints the changes', async (t) => {
  const path = directory(t, { 'a.conf': 'a  1;\nb 2;\n' });
  const result = await command(['fmt', '--diff', 'a.conf'], { cwd: path });
  assert.deepEqual(result, {
    code: 0,
    stdout: '--- a.conf\n+++ a.conf\n@@ -1,2 +1,2 @@\n-a  1;\n+a 1;\n b 2;\n',
    stderr: '',
  });
  assert.equal((await command(['fmt', '--diff', '--check', 'a.conf'], { cwd: path })).code, 1);
  assert.equal(readFileSync(join(path, 'a.conf'), 'utf8'), 'a  1;\nb 2;\n');
});

test('fmt reads standard input and keeps its bytes', async () => {
  for (const words of [[], ['-']]) {
    assert.deepEqual(await filter(words, 'a  "\xff";\r\n'), { code: 0, stdout: 'a "\xff";\n', stderr: '' });
  }
  assert.deepEqual(await filter(['--check', '-'], 'a  b;'), { code: 1, stdout: '<stdin>\n', stderr: '' });
  const wrong = await filter([], 'a {\n');
  assert.equal(wrong.code, 1);
  assert.equal(wrong.stdout, '');
  assert.match(wrong.stderr, /unexpected end of file, expecting "}" in <stdin>:2\n/);
});

test('fmt skips a file with errors, and continues with the next', async (t) => {
  const path = directory(t, { 'a.conf': 'a "b"c;\n', 'b.conf': UGLY });
  const result = await command(['fmt', 'a.conf', 'b.conf'], { cwd: path });
  assert.equal(result.code, 1);
  assert.match(result.stderr, /unexpected "c" in a\.conf:1\n/);
  assert.equal(readFileSync(join(path, 'a.conf'), 'utf8'), 'a "b"c;\n');
  assert.equal(readFileSync(join(path, 'b.conf'), 'utf8'), PRETTY);
});

test('fmt follows includes only where that is asked for, each file once', async (t) => {
  const files = {
    'nginx.conf': 'include  sites/*.conf;\nhttp { include mime.types; include a.conf; }\n',
    'sites/x.conf': 'include  mime.types ;\ninclude nginx.conf;\n',
    'mime.types': 'types{ }\n',
    'a.conf': UGLY,
  };
  const path = directory(t, files);
  assert.equal((await command(['fmt', '--check', 'nginx.conf'], { cwd: path })).stdout, 'nginx.conf\n');
  const result = await command(['fmt', '--check', '--recursive', 'nginx.conf'], { cwd: path });
  assert.deepEqual(result, { code: 1, stdout: 'nginx.conf\nsites/x.conf\nmime.types\na.conf\n', stderr: '' });
  assert.equal((await command(['fmt', '--recursive', 'nginx.conf'], { cwd: path })).code, 0);
  assert.equal(readFileSync(join(path, 'sites/x.conf'), 'utf8'), 'include mime.types;\ninclude nginx.conf;\n');
});

test('fmt reports files that it cannot read or write', async (t) => {
  const path = directory(t, { 'dir/a.conf': UGLY });
  const missing = await command(['fmt', 'b.conf', 'dir'], { cwd: path });
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /open\(\) "b\.conf" failed \(2: No such file or directory\)/);
  assert.match(missing.stderr, /formatted dir\/a\.conf\n/);
  const empty = await command(['fmt', '--check', 'dir', 'none'], { cwd: directory(t, { 'dir/x.txt': '' }) });
  assert.equal(empty.code, 1);
  assert.match(empty.stderr, /no configuration file in "dir"\n/);
});

test('fmt --diff of a file of which every line changes takes no quadratic time', async () => {
  const result = await filter(['--diff'], 'a  b;\n'.repeat(20_000));
  assert.equal(result.code, 0);
  assert.match(result.stdout, /^--- <stdin>\n\+\+\+ <stdin>\n@@ -1,20000 \+1,20000 @@\n-a {2}b;\n/);
});
