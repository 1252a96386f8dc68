import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { command } from './running.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

let directory = '';

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tsproxy-completion-'));
  mkdirSync(join(directory, 'sites'));
  writeFileSync(join(directory, 'my site.conf'), '');
  writeFileSync(join(directory, 'nginx.conf'), '');
  for (const shell of SHELLS) {
    const result = await command(['completion', shell]);
    assert.equal(result.code, 0, result.stderr);
    writeFileSync(script(shell), result.stdout);
  }
});
after(() => rmSync(directory, { recursive: true, force: true }));

function script(shell: Shell): string {
  return join(directory, `completion.${shell}`);
}

/** Whether the tests of a shell, or another tool, have to be skipped. */
function without(tool: string): string | false {
  return spawnSync(tool, ['--version']).error === undefined ? false : `${tool} is not installed`;
}

function run(shell: Shell, words: readonly string[]): string {
  const environment = { ...process.env, HOME: directory, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory };
  const { stdout, stderr, status } = spawnSync(shell, words, { cwd: directory, env: environment, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  return stdout;
}

/** Completions that a shell offers for the last word. */
const OFFERED: Partial<Record<Shell, (words: readonly string[]) => string[]>> = {
  bash(words) {
    const list = ['tsproxy', ...words].map((word) => `'${word}'`).join(' ');
    const text = run('bash', [
      '-c',
      `source ${script('bash')}; COMP_WORDS=(${list}); COMP_CWORD=${words.length}; _tsproxy; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ]);
    return text.split('\n').filter((line) => line !== '');
  },
  fish(words) {
    const text = run('fish', ['-c', `source ${script('fish')}; complete -C 'tsproxy ${words.join(' ')}'`]);
    return text.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0] ?? '']));
  },
};

const LINES: readonly (readonly [fact: string, words: readonly string[], offered: readonly string[]])[] = [
  ['commands', ['f'], ['fmt', 'forward']],
  ['commands behind options with values', ['-c', 'fmt', '-g', 'x', 'he'], ['help']],
  ['options of the program', ['--st'], ['--strict']],
  ['options of a command', ['fmt', '--'], ['--check', '--diff', '--help', '--recursive']],
  ['signals', ['-s', ''], ['quit', 'reload', 'reopen', 'stop']],
  ['formats', ['--format', 's'], ['sarif']],
  ['codes of an option', ['--ignore', 'unknown-dir'], ['unknown-directive']],
  ['codes of a command, one after the other', ['code', 'syntax', 'unknown-dir'], ['unknown-directive']],
  ['directives', ['help', 'worker_conn'], ['worker_connections']],
  ['no second directive', ['help', 'listen', 'worker_conn'], []],
  ['shells', ['completion', 'z'], ['zsh']],
  ['files', ['fmt', '--check', 'nginx.conf', 'ngi'], ['nginx.conf']],
  ['the file of an option', ['-c', 'ngi'], ['nginx.conf']],
  ['directories', ['-p', 'sit'], ['sites']],
  ['targets behind a port', ['8080', '/api=4000', 'sit'], ['sites']],
  ['options behind a port', ['8080', '3000', '--tl'], ['--tls']],
  ['options of a command before its arguments', ['forward', '8080', '--spa', '--print'], ['--print-config']],
];

for (const [shell, offered] of Object.entries(OFFERED)) {
  for (const [fact, words, expected] of LINES) {
    test(`${shell} offers ${fact}`, { skip: without(shell) }, () => {
      const found = offered(words).map((word) => word.replace(/\/$/, ''));
      assert.deepEqual(found.sort(), [...expected].sort());
    });
  }
}

test('bash offers the value behind a =', { skip: without('bash') }, () => {
  assert.deepEqual(OFFERED.bash?.(['--format', '=', 'gi']), ['github']);
  assert.equal(OFFERED.bash?.(['--format', '=']).length, 4);
});

/** A shell that a person types into. */
const INTERACTIVE: Partial<Record<Shell, readonly [start: string, prepare: string]>> = {
  bash: ['bash --norc --noprofile -i', 'true'],
  zsh: ['zsh -f -i', 'autoload -Uz compinit; compinit -D -u'],
};

/** Types a line and a tab; resolves when the shell has completed it to what is expected. */
function typed(t: TestContext, shell: Shell, line: string, expected: string): Promise<void> {
  const [start, prepare] = INTERACTIVE[shell] ?? ['', ''];
  const environment = { ...process.env, TERM: 'dumb', PS1: '', HOME: directory };
  const child = spawn('script', ['-qec', start, '/dev/null'], { env: environment, cwd: directory });
  t.after(() => child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    let shown = '';
    let ready = false;
    const late = setTimeout(() => reject(new Error(`"${line}" was completed to ${JSON.stringify(shown)}`)), 30_000);
    child.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString('latin1');
      if (!ready && shown.includes('READY-NOW')) {
        ready = true;
        shown = '';
        child.stdin.write(`${line}\t`);
      } else if (ready && shown.includes(expected)) {
        clearTimeout(late);
        // Ctrl-U takes the line away.
        child.stdin.end('\x15exit\n');
        resolve();
      }
    });
    child.stdin.write(`${prepare}; source ${script(shell)}; echo READY'-NOW'\n`);
  });
}

const TYPED: readonly (readonly [line: string, completed: string])[] = [
  ['tsproxy fm', 'tsproxy fmt '],
  ['tsproxy -s rel', 'tsproxy -s reload '],
  ['tsproxy -c nginx.conf help worker_conn', 'help worker_connections '],
  ['tsproxy fmt --che', 'tsproxy fmt --check '],
  ['tsproxy fmt my', 'tsproxy fmt my\\ site.conf '],
  ['tsproxy --format=sar', 'tsproxy --format=sarif '],
  ['tsproxy 8080 3000 --print', 'tsproxy 8080 3000 --print-config '],
  ['tsproxy 8080 sit', 'tsproxy 8080 sites/'],
];
for (const shell of ['bash', 'zsh'] as const) {
  for (const [line, completed] of TYPED) {
    // zsh is told --format and its value as two words.
    const given =
      shell === 'zsh' ? [line, completed].map((text) => text.replace('--format=', '--format ')) : [line, completed];
    test(`${shell}: a tab completes "${given[0]}"`, { skip: without(shell) || without('script') }, (t) =>
      typed(t, shell, given[0] ?? '', given[1] ?? ''),
    );
  }
}

test('the words of the scripts need no quotes', async () => {
  const { stdout } = await command(['completion', 'bash']);
  for (const [, words = ''] of stdout.matchAll(/value='([^']*)'/g)) assert.match(words, /^[\w<>. -]*$/);
});

test('an unknown shell is refused with the list of shells', async () => {
  const result = await command(['completion', 'tcsh']);
  assert.equal(result.code, 2);
  assert.match(result.stderr, /Allowed choices are bash, zsh, fish/);
});
