import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCommandLine } from '../../src/cli/command-line.js';
import { readNginxOptions } from '../../src/cli/nginx-options.js';

test('nginx’s options are read as nginx reads them', () => {
  assert.deepEqual(readCommandLine(['-p', '/a/', '-c', 'nginx.conf', '-e', 'error.log', '-g', 'daemon off;']), {
    do: 'run',
    which: { file: 'nginx.conf', prefix: '/a/', errorLog: 'error.log', globals: 'daemon off;' },
  });
  const test = readCommandLine(['-tqcnginx.conf']);
  assert.ok(test.do === 'test' && test.quiet && !test.dump && test.which.file === 'nginx.conf');
  assert.ok(readCommandLine(['-T']).do === 'test');
  assert.deepEqual(readCommandLine(['-s', 'reload']), {
    do: 'signal',
    which: { file: undefined, prefix: undefined, errorLog: undefined, globals: undefined },
    signal: 'reload',
  });
});

const refused: readonly [words: string[], sentence: string, hint?: string][] = [
  [['-x'], 'invalid option: "x"'],
  [['nginx.conf'], 'invalid option: "nginx.conf"'],
  [
    ['-c', 'a.conf', '-t', 'extra'],
    'invalid option: "extra"',
    'Test one of them: "tsproxy -t -c a.conf" or "tsproxy -t extra".',
  ],
  [['expain', 'GET /'], 'invalid option: "expain"', 'Did you mean the command "explain"?'],
  [['reload'], 'invalid option: "reload"', 'Did you mean "tsproxy -s reload"?'],
  [
    ['package.json'],
    'invalid option: "package.json"',
    'Did you mean "tsproxy -c package.json", or "tsproxy -t package.json" to test it?',
  ],
  [['--fromat', 'json'], 'invalid option: "--fromat"', 'Did you mean "--format"?'],
  [['-s', 'restart'], 'invalid option: "-s restart"', 'The signals are: stop, quit, reopen, reload.'],
  [['-s'], 'option "-s" requires parameter', 'The signals are: stop, quit, reopen, reload.'],
  [['serve', 'nginx.conf'], 'invalid option: "serve"', '"tsproxy -c FILE" serves a configuration.'],
  [
    ['http://localhost:3000'],
    'invalid option: "http://localhost:3000"',
    'Did you mean "tsproxy 8080 http://localhost:3000"?',
  ],
  [
    ['./docs'],
    'invalid option: "./docs"',
    'Did you mean "tsproxy 8080 ./docs" to serve its files, or "tsproxy -t ./docs" to test those in it?',
  ],
  [
    ['--from', ':8080', '--to', ':3000'],
    'invalid option: "--from"',
    'Without a configuration file: "tsproxy 8080 http://localhost:3000".',
  ],
  [['check'], 'invalid option: "check"', '"tsproxy -t -c FILE" tests a configuration.'],
  [['--config', 'nginx.conf'], 'invalid option: "--config"', 'The configuration file is given with "-c FILE".'],
  [['-c'], 'option "-c" requires file name'],
  [['-p'], 'option "-p" requires directory name'],
  [['-e'], 'option "-e" requires file name'],
  [['-g'], 'option "-g" requires parameter'],
];
for (const [words, sentence, hint] of refused) {
  test(`"${words.join(' ')}" is refused in nginx’s words, with a hint and where help is`, () => {
    const lines = [`tsproxy: ${sentence}`, ...(hint === undefined ? [] : [hint])];
    const text = `${lines.join('\n')}\nRun "tsproxy --help" for options and commands.\n`;
    // nginx exits with 1 for its own options, which have a value.
    const code = /^-[cpegs]/.test(words[0] ?? '') && words.length < 3 ? 1 : 2;
    assert.deepEqual(readCommandLine(words), { do: 'print', text, stream: 'stderr', code });
  });
}

test('a mistake in the arguments of a command refers to the help of that command', () => {
  for (const [words, message] of [
    [['explain'], 'missing required argument "request"'],
    [['explain', '--jsn', '/'], 'invalid option: "--jsn"\nDid you mean "--json"?'],
  ] as const) {
    const text = `tsproxy: ${message}\nRun "tsproxy explain --help" for its arguments and options.\n`;
    assert.deepEqual(readCommandLine(words), { do: 'print', text, stream: 'stderr', code: 2 });
  }
});

test('--version is -v', () => {
  assert.deepEqual(readCommandLine(['--version']), readCommandLine(['-v']));
});

test('help is asked for by -h and -?', () => {
  for (const word of ['-h', '-?']) {
    const order = readCommandLine([word]);
    assert.ok(order.do === 'print' && order.code === 0 && order.text.includes('-s <signal>'));
  }
});

const everyday: readonly string[][] = [
  [],
  ['-t'],
  ['-tq', '-c', 'nginx.conf'],
  ['-qtcnginx.conf', '-T'],
  ['-p', '/a/', '-e', 'stderr', '-g', 'daemon off;'],
  ['-c', '-t'],
  ['-c', 'a', '-cb'],
  ['-c', ''],
  ['-v'],
  ['-Vt'],
];
for (const words of everyday) {
  test(`"${words.join(' ')}" means the same, read with and without commander`, () => {
    const order = readNginxOptions(words);
    assert.ok(order !== null);
    assert.deepEqual(order, readCommandLine(words));
  });
}

test('uncommon options are left to the full parser', () => {
  for (const words of [['-x'], ['-c'], ['-s', 'quit'], ['--json'], ['demo'], ['-'], ['--'], ['-h'], ['-t-'], ['']]) {
    assert.equal(readNginxOptions(words), null, words.join(' '));
  }
});
