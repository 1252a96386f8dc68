import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { type InitOptions, initPlanOf } from '../../src/cli/init/plan.js';
import { answeredOptions, Cancelled } from '../../src/cli/init/questions.js';
import { startingFile } from '../../src/cli/init/starting-file.js';
import { LocalCa } from '../../src/cli/local-ca/local-ca.js';
import { UsageError } from '../../src/cli/usage-error.js';
import { toText } from '../../src/diagnostics/byte-string.js';
import { format } from '../../src/format/format.js';
import { checkConfig, createProxy } from '../../src/index.js';
import { certificates, closedPort, get, listening, until, websocket, websocketEcho } from '../kit/index.js';
import { BINARY, command } from './running.js';

let directory = '';

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsproxy-init-'));
  mkdirSync(join(directory, 'dist'));
  writeFileSync(join(directory, 'dist/index.html'), 'the page');
  writeFileSync(join(directory, 'dist/.env'), 'a secret');
});
after(() => rmSync(directory, { recursive: true, force: true }));

const flag = fc.constant(true as const);

test('the file for any options has no findings, the layout of fmt, and a comment for each part', () => {
  const { file } = LocalCa.open(join(directory, 'ca')).certificateFor(['shop.localhost', 'b.test']);
  const options = fc.record(
    {
      upstream: fc.constantFrom(
        ['3000'],
        ['ws://localhost:3000', '127.0.0.1:3001'],
        ['https://localhost:8443'],
        ['unix:/a b'],
      ),
      static: fc.constant(join(directory, 'dist')),
      ...{ websocket: flag, sse: flag, spa: flag, public: flag, tls: flag },
      name: fc.constantFrom(['shop.localhost'], ['shop.localhost', 'b.test']),
      port: fc.constant('8090'),
      output: fc.constant('nginx.conf'),
    },
    { requiredKeys: ['output'] },
  );
  fc.assert(
    fc.property(options, (given) => {
      fc.pre(given.upstream !== undefined || given.static !== undefined);
      const plan = initPlanOf(given);
      const certificate = plan.tls === null ? null : { certificate: file, key: file };
      const text = startingFile(
        plan,
        { certificate, authorities: certificates().crt('ca'), loopback: ['127.0.0.1', '[::1]'] },
        'nginx.conf',
      );
      assert.equal(format({ name: 'text', text }).text, text);
      assert.equal(checkConfig(toText(text)).rendered, '', text);
      for (const name of ['worker_processes', 'listen', 'proxy_websocket', 'sse_heartbeat', 'upstream', 'root']) {
        const at = text.search(new RegExp(`^ *${name} `, 'm'));
        if (at >= 0) assert.match(text.slice(0, at).trimEnd().split('\n').slice(-6).join('\n'), /# [A-Z]/, name);
      }
    }),
    { seed: 1, numRuns: 100 },
  );
});

test('a file written from options passes -t --strict, serves, and is not overwritten', async (t) => {
  const echo = await websocketEcho({ name: 'app' });
  t.after(() => echo.close());
  const events = await listening(
    t,
    createServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('data: one\n\n');
    }),
  );
  const port = await closedPort();
  const words = ['init', '--static', 'dist', '--websocket', '--sse', '--port', String(port)];
  const file = join(directory, 'nginx.conf');
  const written = await command([...words, '--upstream', String(echo.port)], { cwd: directory });
  assert.equal(written.code, 0, written.stderr);
  assert.equal(written.stderr, '');
  assert.match(written.stdout, /tsproxy -c nginx\.conf/);
  assert.equal((await command(['-t', '--strict', '-c', file])).code, 0);

  const refused = await command([...words, '--upstream', String(events)], { cwd: directory });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /"nginx\.conf" exists; --force replaces it/);
  const first = readFileSync(file, 'utf8');
  const proxy = createProxy({ file, prefix: directory });
  await proxy.start();
  t.after(() => proxy.close());
  assert.equal((await get(port)).body, 'the page');
  assert.equal((await get(port, '/users')).body, 'plain app /users');
  assert.equal((await get(port, '/.env')).status, 404);
  assert.equal(await (await websocket(port, '/chat')).ask('hello'), 'hello');

  const forced = await command([...words, '--upstream', String(events), '--force'], { cwd: directory });
  assert.equal(forced.code, 0, forced.stderr);
  assert.notEqual(readFileSync(file, 'utf8'), first);
  await proxy.reload();
  assert.equal((await get(port, '/events')).body, 'data: one\n\n');
});

test('options that describe no server are usage errors', async () => {
  for (const [options, message] of [
    [{}, /nothing to serve/],
    [{ upstream: ['3000'], cert: 'a.crt' }, /needs its key/],
    [{ upstream: ['3000', 'https://localhost'] }, /the same scheme/],
    [{ upstream: ['http://localhost/a'] }, /has a path/],
    [{ upstream: [join(directory, 'dist')] }, /is a directory/],
    [{ static: join(directory, 'none') }, /there is no directory/],
    [{ upstream: ['3000'], port: '0' }, /invalid port/],
    [{ upstream: ['3000'], name: ['a b'] }, /invalid host name/],
  ] as const) {
    const given: InitOptions = { output: '-', ...options };
    assert.throws(
      () => initPlanOf(given),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  }
  const { code, stderr } = await command(['init'], { cwd: join(directory, 'dist') });
  assert.equal(code, 2);
  assert.match(stderr, /nothing to serve\nGive --upstream, --static, or both/);
  assert.equal(existsSync(join(directory, 'dist/nginx.conf')), false);
});

/** Answers questions; resolves with the options, and the questions that were asked. */
async function answered(answers: readonly string[], given: Partial<InitOptions> = {}): Promise<[InitOptions, string]> {
  const input = new PassThrough();
  const output = new PassThrough();
  let asked = '';
  let next = 0;
  output.on('data', (part: Buffer) => {
    asked += String(part);
    if (!asked.endsWith(']: ')) return;
    const answer = answers[next++];
    if (answer === undefined) input.end();
    else input.write(`${answer}\n`);
  });
  return [await answeredOptions({ output: 'nginx.conf', ...given }, input, output), asked];
}

test('questions fill the options, and invalid answers are asked again', async () => {
  const [options, asked] = await answered([
    'ftp://x',
    '3000, 3001',
    '-',
    '',
    'perhaps',
    'yes',
    'y',
    'abc',
    '9000',
    '',
    'a.test b.test',
  ]);
  assert.deepEqual(
    initPlanOf(options).servers.map(({ address }) => address),
    ['localhost:3000', 'localhost:3001'],
  );
  assert.deepEqual(options, {
    output: 'nginx.conf',
    upstream: ['3000', '3001'],
    websocket: true,
    sse: true,
    tls: true,
    port: '9000',
    name: ['a.test', 'b.test'],
  });
  assert.match(asked, /invalid target "ftp:\/\/x"/);
  assert.match(asked, /Answer y or n\./);
  assert.match(asked, /invalid port "abc"/);
  assert.match(asked, /Port \[8443\]/);
});

test('what an option gives is not asked, and a site of files has questions of its own', async () => {
  const [options, asked] = await answered(['', 'y', 'n', '', '', ''], { static: join(directory, 'dist') });
  assert.deepEqual(options, { output: 'nginx.conf', static: join(directory, 'dist'), spa: true, port: '8080' });
  assert.doesNotMatch(asked, /WebSockets|Directory/);
});

test('the end of the input ends the questions', async () => {
  await assert.rejects(answered(['3000']), Cancelled);
});

const noTerminal = spawnSync('script', ['--version']).error === undefined ? false : 'script is not installed';

/** Runs `tsproxy init` on a terminal, and types each text when the output ends as expected. */
async function onTerminal(
  t: { after(fn: () => void): void },
  cwd: string,
  steps: readonly (readonly [expected: RegExp, typed: string])[],
): Promise<string> {
  const line = `'${process.execPath}' '${BINARY}' init; echo "exit $?"`;
  const child = spawn('script', ['-qec', line, '/dev/null'], { cwd, env: { ...process.env, TERM: 'dumb' } });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  for (const [expected, typed] of steps) {
    await until(`the terminal shows ${expected}`, () => expected.test(text));
    child.stdin.write(typed);
  }
  await until('it ends', () => /exit \d/.test(text));
  return text;
}

test('on a terminal it asks, and writes the file', { skip: noTerminal }, async (t) => {
  const cwd = mkdtempSync(join(directory, 'terminal-'));
  const port = await closedPort();
  const text = await onTerminal(t, cwd, [
    [/listen\? .*\]: $/, '4000\r'],
    [/static files.*\]: $/, '\r'],
    [/WebSockets\? \[Y\/n\]: $/, '\r'],
    [/server-sent.*\]: $/, '\r'],
    [/TLS.*\]: $/, '\r'],
    [/Port \[8080\]: $/, `${port}\r`],
    [/other machines.*\]: $/, '\r'],
    [/Host names.*\]: $/, '\r'],
  ]);
  assert.match(text, /wrote nginx\.conf[\s\S]*exit 0/);
  const file = readFileSync(join(cwd, 'nginx.conf'), 'utf8');
  assert.match(file, /server (?:127\.0\.0\.1|\[::1\]):4000 max_fails=0;/);
  assert.match(file, /proxy_websocket on;/);
  assert.match(file, new RegExp(`listen 127\\.0\\.0\\.1:${port};`));
});

test('Ctrl-C at a question writes nothing', { skip: noTerminal }, async (t) => {
  const cwd = mkdtempSync(join(directory, 'terminal-'));
  const text = await onTerminal(t, cwd, [[/listen\? .*\]: $/, '\x03']]);
  assert.match(text, /cancelled: nothing was written[\s\S]*exit 1/);
  assert.equal(existsSync(join(cwd, 'nginx.conf')), false);
});
