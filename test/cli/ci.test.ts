/** The action for GitHub and the hooks for pre-commit, run as these programs run them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const skip = existsSync('/bin/bash') ? false : 'bash is not installed';

function directory(t: { after(fn: () => void): void }, files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), 'tsproxy-ci-'));
  t.after(() => rmSync(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

interface Input {
  readonly description: string;
  readonly default: string;
}

/** The inputs of action.yml, and the variables that its step passes: lines in the form that this file has. */
function action(): {
  readonly inputs: ReadonlyMap<string, Input>;
  readonly variables: ReadonlyMap<string, string>;
  readonly run: string;
} {
  const text = readFileSync(join(ROOT, 'action.yml'), 'utf8');
  const inputs = new Map(
    [...text.matchAll(/^ {2}(\w+):\n {4}description: "?(.+?)"?\n {4}default: (.*)$/gm)].map(
      ([, name = '', description = '', value = '']) => [
        name,
        { description, default: value.replace(/^(['"])(.*)\1$/, '$2') },
      ],
    ),
  );
  const variables = new Map(
    [...text.matchAll(/^ {8}(TSPROXY_\w+): \$\{\{ inputs\.(\w+) \}\}$/gm)].map(([, variable = '', input = '']) => [
      input,
      variable,
    ]),
  );
  return { inputs, variables, run: /^ {6}run: '(.*)'$/m.exec(text)?.[1] ?? '' };
}

/** Runs the step of the action with these inputs. */
function step(cwd: string, given: Readonly<Record<string, string>>) {
  const { inputs, variables, run } = action();
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    GITHUB_ACTION_PATH: ROOT.replace(/\/$/, ''),
    GITHUB_OUTPUT: join(cwd, 'output'),
    GITHUB_STEP_SUMMARY: join(cwd, 'summary'),
  };
  for (const [input, variable] of variables) env[variable] = given[input] ?? inputs.get(input)?.default ?? '';
  return spawnSync('/bin/bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', run], {
    cwd,
    env,
    encoding: 'utf8',
  });
}

test('the action passes all of its inputs to its script, which reads no others', () => {
  const { inputs, variables } = action();
  assert.deepEqual([...variables.keys()].sort(), [...inputs.keys()].sort());
  const script = readFileSync(join(ROOT, 'action/check.sh'), 'utf8');
  const read = new Set([...script.matchAll(/\$\{(TSPROXY_\w+)/g)].map(([, name]) => name));
  assert.deepEqual([...read].sort(), [...variables.values()].sort());
});

test('the action shows findings beside their lines, writes SARIF, and fails with the test', { skip }, (t) => {
  const cwd = directory(t, {
    'site.conf': 'server {\n    listen 80;\n    retrun 200;\n}\n',
    'ugly.conf.template': 'server {listen ${PORT};}\n',
  });
  const { status, stdout } = step(cwd, { sarif: 'x.sarif', fmt: 'true' });
  assert.equal(status, 1);
  assert.match(stdout, /^::error file=site\.conf,line=3,col=5,endColumn=10,title=unknown-directive::/m);
  assert.match(stdout, /^::error file=ugly\.conf\.template,title=fmt::not formatted/m);
  const sarif = JSON.parse(readFileSync(join(cwd, 'x.sarif'), 'utf8')) as {
    runs: readonly { results: readonly unknown[] }[];
  };
  assert.equal(sarif.runs[0]?.results.length, 1);
  assert.equal(readFileSync(join(cwd, 'output'), 'utf8'), 'findings=1\n');
  assert.match(readFileSync(join(cwd, 'summary'), 'utf8'), /test is failed, findings: 1/);
});

test('the action tests the named paths only, and fails on warnings if it is strict', { skip }, (t) => {
  const cwd = directory(t, {
    'a b.conf': 'server { listen 80 http2; }\n',
    'c.conf': 'server { lisn 80; }\n',
  });
  const lenient = step(cwd, { paths: 'a b.conf\n' });
  assert.equal(lenient.status, 0, lenient.stderr);
  assert.match(lenient.stdout, /^::warning file=a b\.conf,.*title=deprecated::/m);
  assert.equal(step(cwd, { paths: 'a b.conf\n', strict: 'true' }).status, 1);
});

test('the action tests for a release of nginx', { skip }, (t) => {
  const cwd = directory(t, { 'site.conf': 'server { listen 80; http2 on; }\n' });
  assert.equal(step(cwd, {}).status, 0);
  const { status, stdout } = step(cwd, { nginx: '1.24.0' });
  assert.equal(status, 1);
  assert.match(
    stdout,
    /^::error file=site\.conf,.*title=nginx-lacks::nginx 1\.24\.0 does not have the directive "http2"/m,
  );
});

/** The hooks: a list of mappings with plain scalars and one-line lists. */
function hooks(): Record<string, string>[] {
  const text = readFileSync(join(ROOT, '.pre-commit-hooks.yaml'), 'utf8');
  return text
    .split(/^- /m)
    .slice(1)
    .map((hook) =>
      Object.fromEntries(
        [...hook.matchAll(/^(?: {2})?(\w+): (.*)$/gm)].map(([, key = '', value = '']) => [key, value]),
      ),
    );
}

/** Runs a hook as pre-commit does: its words, with the program in the path. */
function runHook(hook: Record<string, string>, cwd: string) {
  const words = [...(hook.entry ?? '').split(' '), ...(hook.args ?? '').replace(/[[\]]/g, '').split(', ')];
  assert.equal(words[0], 'tsproxy');
  return spawnSync(process.execPath, [join(ROOT, 'bin/tsproxy'), ...words.slice(1)], { cwd, encoding: 'utf8' });
}

test('the hooks of pre-commit have all required keys, and patterns for names of configurations', () => {
  const all = hooks();
  assert.deepEqual(
    all.map(({ id }) => id),
    ['tsproxy-check', 'tsproxy-fmt'],
  );
  for (const hook of all) {
    for (const key of ['id', 'name', 'entry', 'language', 'files', 'pass_filenames']) assert.ok(key in hook, key);
    const pattern = new RegExp(hook.files ?? '');
    for (const name of ['nginx.conf', 'a/site.conf', 'sites-enabled/shop', 'x.conf.template', 'nginx/default']) {
      assert.match(name, pattern);
    }
    for (const name of ['README.md', 'src/x.ts', 'a/Dockerfile']) assert.doesNotMatch(name, pattern);
  }
});

test('the hooks of pre-commit test and format a repository', (t) => {
  const [check, fmt] = hooks();
  const cwd = directory(t, { 'site.conf': 'server {listen 80;}\n' });
  assert.equal(runHook(check ?? {}, cwd).status, 0);
  assert.equal(runHook(fmt ?? {}, cwd).status, 0);
  assert.equal(readFileSync(join(cwd, 'site.conf'), 'utf8'), 'server {\n    listen 80;\n}\n');
  writeFileSync(join(cwd, 'site.conf'), 'server {\n    lisn 80;\n}\n');
  const { status, stderr } = runHook(check ?? {}, cwd);
  assert.equal(status, 1);
  assert.match(stderr, /unknown directive "lisn" in .*site\.conf:2/);
});
