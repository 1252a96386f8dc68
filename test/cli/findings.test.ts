/** Output formats and exit codes of `-t`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { command, Prefix } from './running.js';

const WARNED = 'events { }\nhttp { error_log off; server { listen 127.0.0.1:0; } }\n';
const WRONG = 'events { }\nhttp { sendfle on; }\n';

test('warnings do not fail, unless with --strict', async (t) => {
  const prefix = new Prefix(t, WARNED);
  const lenient = await command([...prefix.words, '-t']);
  assert.equal(lenient.code, 0);
  assert.match(lenient.stderr, /^tsproxy: \[warn\] .*\(error-log-off\).*\n1 warning\n.*test is successful\n$/s);
  const strict = await command([...prefix.words, '-t', '--strict']);
  assert.equal(strict.code, 1);
  assert.match(strict.stderr, /test failed\n$/);
});

test('--ignore silences a code for the run, but no error', async (t) => {
  const warned = new Prefix(t, WARNED);
  const quiet = await command([...warned.words, '--strict', '--ignore', 'error-log-off', '--ignore', 'no-effect']);
  assert.equal(quiet.code, 0);
  assert.doesNotMatch(quiet.stderr, /warn/);
  const wrong = new Prefix(t, WRONG);
  const result = await command([...wrong.words, '-t', '--ignore', 'unknown-directive']);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /\[emerg\] unknown directive/);
});

test('--ignore requires an existing code', async (t) => {
  const prefix = new Prefix(t, WARNED);
  const result = await command([...prefix.words, '-t', '--ignore', 'error-log-of']);
  assert.deepEqual(result, {
    code: 2,
    stdout: '',
    stderr: 'tsproxy: there is no code "error-log-of"; did you mean "error-log-off"?\n',
  });
});

test('a comment that silences nothing is a hint', async (t) => {
  const prefix = new Prefix(t, 'events { } # tsproxy-ignore: no-effect\n http { server { listen 127.0.0.1:0; } }\n');
  const result = await command([...prefix.words, '-t', '--strict']);
  assert.equal(result.code, 0);
  assert.match(result.stderr, /\[notice\] "tsproxy-ignore: no-effect" silences nothing/);
});

test('each format prints the same finding on standard output', async (t) => {
  const prefix = new Prefix(t, WRONG);
  const run = async (format: string) => (await command([...prefix.words, '-t', '--format', format])).stdout;
  const [finding] = JSON.parse(await run('json')) as { code: string }[];
  assert.equal(finding?.code, 'unknown-directive');
  const sarif = JSON.parse(await run('sarif')) as {
    runs: { results: { ruleId: string; message: { text: string } }[] }[];
  };
  assert.match(sarif.runs[0]?.results[0]?.message.text ?? '', /^unknown directive "sendfle"/);
  assert.match(await run('github'), /^::error file=.*nginx\.conf,line=2,col=8,endColumn=14,title=unknown-directive::/);
  assert.equal(await run('text'), '');
});

test('a format that finds nothing is empty in its own way', async (t) => {
  const prefix = new Prefix(t, 'events { }\nhttp { server { listen 127.0.0.1:0; } }\n');
  const run = async (format: string) => (await command([...prefix.words, '-tq', '--format', format])).stdout;
  assert.equal(await run('json'), '[]\n');
  assert.equal(await run('github'), '');
  assert.deepEqual((JSON.parse(await run('sarif')) as { runs: { results: unknown[] }[] }).runs[0]?.results, []);
});

test('an unknown format is refused with the list of formats', async (t) => {
  const prefix = new Prefix(t, WRONG);
  const result = await command([...prefix.words, '-t', '--format', 'xml']);
  assert.equal(result.code, 2);
  assert.match(result.stderr, /"xml" is invalid\. Allowed choices are text, json, sarif, github\./);
});

test('where there is no terminal, there are no colours', async (t) => {
  const prefix = new Prefix(t, WRONG);
  assert.doesNotMatch((await command([...prefix.words, '-t'])).stderr, /\x1b/);
});

test('tsproxy code prints descriptions, lists all codes, and suggests similar ones', async () => {
  const story = await command(['code', 'syntax', 'error-log-off']);
  assert.match(story.stdout, /^syntax\n {2}The text is not a valid configuration/);
  assert.match(story.stdout, /\nerror-log-off \(warning\)\n/);
  const list = await command(['code']);
  assert.match(list.stdout, /^unknown-directive +No directive has this name/m);
  const wrong = await command(['code', 'syntx']);
  assert.deepEqual([wrong.code, wrong.stderr], [1, 'tsproxy: there is no code "syntx"; did you mean "syntax"?\n']);
});
