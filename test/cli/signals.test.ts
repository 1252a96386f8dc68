/** `-s`: messages where a signal cannot be sent, in nginx's words and with its exit codes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { get, until } from '../kit/index.js';
import { BINARY, command, freePort, Prefix, serve } from './running.js';

const CONFIGURATION = 'pid %%DIR%%/nginx.pid; events { } http { }';

/** No process has a number as high as that. */
const NOBODY = 2 ** 31 - 2;

// A machine with several cores, or one that is busy, runs several proxies in the time of one.
describe('signals', { concurrency: 3 }, () => {
  for (const [what, content, sentence] of [
    ['is missing', null, '[error] open() "PATH" failed (2: No such file or directory)'],
    ['holds no number', 'soon\n', '[error] invalid PID number "soon" in "PATH"'],
    ['names a process that is gone', `${NOBODY}\n`, `[alert] kill(${NOBODY}, 1) failed (3: No such process)`],
  ] as const) {
    test(`a pid file that ${what} is reported on standard error and in the log, with exit code 1`, async (t) => {
      const prefix = new Prefix(t, CONFIGURATION);
      if (content !== null) prefix.write('nginx.pid', content);
      const expected = sentence.replace('PATH', join(prefix.path, 'nginx.pid'));
      const { code, stderr } = await command([...prefix.words, '-s', 'reload']);
      assert.deepEqual({ code, stderr }, { code: 1, stderr: `tsproxy: ${expected}\n` });
      const log = prefix.log.replaceAll(/^.* (\[\w+\]) \d+#0:/gm, '$1');
      assert.equal(log, `[notice] signal process started\n${expected}\n`);
      prefix.write('nginx.pid', '');
    });
  }

  test('a pid file and a configuration that are directories cannot be read, as in nginx', async (t) => {
    const prefix = new Prefix(t, CONFIGURATION);
    mkdirSync(join(prefix.path, 'nginx.pid'));
    const output = await command([...prefix.words, '-s', 'quit']);
    assert.equal(output.code, 1);
    assert.match(output.stderr, /^tsproxy: \[crit\] pread\(\) ".*nginx\.pid" failed \(21: Is a directory\)\n$/);
    const other = await command(['-p', `${prefix.path}/`, '-c', 'logs', '-e', 'error.log', '-s', 'reload']);
    assert.equal(other.code, 1);
    rmdirSync(join(prefix.path, 'nginx.pid'));
    assert.match(other.stderr, /^tsproxy: \[emerg\] pread\(\) ".*\/logs" failed \(21: Is a directory\)\n/);
  });

  test('warnings about the configuration are printed with the signal, as at a start', async (t) => {
    const server = 'server { listen 127.0.0.1:8080; server_name a; }';
    const prefix = new Prefix(t, CONFIGURATION.replace('http { }', `http { ${server} ${server} }`));
    const { code, stderr } = await command([...prefix.words, '-s', 'reload']);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^tsproxy: \[warn\] conflicting server name "a" on 127\.0\.0\.1:8080, ignored.*\ntsproxy: \[error\] open\(\) /,
    );
    assert.match(prefix.log, /\[warn\] \d+#0: conflicting server name/);
  });

  test('a reload moves the pid file, and is refused if the file cannot be written', async (t) => {
    const port = await freePort();
    const configuration = (pid: string, answer: string): string => `
    pid %%DIR%%/${pid}; error_log %%DIR%%/error.log info; events { }
    http { access_log off; server { listen 127.0.0.1:${port}; return 200 ${answer}; } }`;
    const proxy = await serve(t, configuration('nginx.pid', 'one'));
    const { prefix } = proxy;
    prefix.write('nginx.conf', configuration('missing/nginx.pid', 'two'));
    proxy.signal('SIGHUP');
    await proxy.logged(/\[emerg\] \d+#0: open\(\) ".*missing\/nginx\.pid" failed \(2: No such file or directory\)/);
    assert.equal((await get(port)).body, 'one');
    assert.equal(Number(prefix.read('nginx.pid')), proxy.child.pid);
    prefix.write('nginx.conf', configuration('other.pid', 'three'));
    proxy.signal('SIGHUP');
    await until('it has moved', () => Number(prefix.read('other.pid')) === proxy.child.pid);
    await until('the old one is gone', () => !existsSync(join(prefix.path, 'nginx.pid')));
    assert.equal((await command([...prefix.words, '-s', 'quit'])).code, 0);
    assert.equal(await proxy.exited, 0);
    assert.equal(existsSync(join(prefix.path, 'other.pid')), false);
  });

  test('-t reports an unknown user, and the place of the directive', {
    skip: process.geteuid?.() !== 0,
  }, async (t) => {
    const prefix = new Prefix(t, 'events { }\nuser nobody-of-this-name;\nhttp { }');
    const { code, stderr } = await command([...prefix.words, '-t']);
    assert.equal(code, 1);
    assert.match(stderr, /^tsproxy: \[emerg\] getpwnam\("nobody-of-this-name"\) failed in \S+\/nginx\.conf:2\n/);
  });

  test('worker_shutdown_timeout ends a QUIT also where a worker that does not answer holds up a reload', async (t) => {
    const port = await freePort();
    const proxy = await serve(
      t,
      `pid %%DIR%%/nginx.pid; error_log %%DIR%%/error.log info; worker_shutdown_timeout 200ms; events { }
    http { access_log off; server { listen 127.0.0.1:${port}; return 200 $pid; } }`,
    );
    const worker = Number((await get(port)).body);
    process.kill(worker, 'SIGSTOP');
    proxy.signal('SIGHUP');
    await proxy.logged(/reconfiguring/);
    proxy.signal('SIGQUIT');
    assert.equal(await proxy.exited, 0);
    assert.match(proxy.prefix.log, new RegExp(`worker process ${worker} exited on signal 9`));
  });

  test('-s finds a proxy whose prefix has no logs directory, and nothing is left in the prefix', async (t) => {
    const prefix = new Prefix(t, '');
    rmSync(`${prefix.path}/logs`, { recursive: true });
    const port = await freePort();
    const text = (body: string) => `events { }\nhttp { server { listen 127.0.0.1:${port}; return 200 ${body}; } }\n`;
    prefix.write('nginx.conf', text('one'));
    const child = spawn(process.execPath, [BINARY, '-p', `${prefix.path}/`], { stdio: ['ignore', 'ignore', 'pipe'] });
    t.after(() => void child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => (output += part));
    await until('it listens', () => output.includes(`tsproxy: listening on http://127.0.0.1:${port}\n`));
    prefix.write('nginx.conf', text('two'));
    assert.deepEqual(await command(['-p', `${prefix.path}/`, '-s', 'reload']), { code: 0, stdout: '', stderr: '' });
    for (let body = ''; body !== 'two'; ) ({ body } = await get(port));
    assert.equal((await command(['-p', `${prefix.path}/`, '-s', 'quit'])).code, 0);
    assert.deepEqual(await exited, [0, null]);
    const { code, stderr } = await command(['-p', `${prefix.path}/`, '-s', 'reload']);
    assert.equal(code, 1);
    const [sentence, hint] = stderr.split('\n');
    assert.match(sentence ?? '', /^tsproxy: \[error\] open\(\) "\/.*\.pid" failed \(2: No such file or directory\)$/);
    assert.ok(
      hint?.startsWith(
        `No proxy is running with prefix ${prefix.path}/ and configuration file ${prefix.path}/nginx.conf:`,
      ),
      stderr,
    );
    assert.deepEqual(readdirSync(prefix.path), ['nginx.conf']);
  });

  test('a configuration that is refused is printed once where the error log is standard error', async (t) => {
    for (const [text, message] of [
      ['events { }\nhttp { server { lissten 80; } }\n', 'unknown directive "lissten"'],
      ['error_log %%DIR%%/missing/error.log;\nevents { }\nhttp { }\n', 'missing/error.log" failed'],
    ] as const) {
      const prefix = new Prefix(t, text);
      rmSync(`${prefix.path}/logs`, { recursive: true });
      const { code, stderr } = await command(['-p', `${prefix.path}/`]);
      assert.equal(code, 1);
      assert.equal(stderr.split(message).length - 1, 1, stderr);
    }
  });

  test('warnings are printed at start where the error log is standard error at its default level', async (t) => {
    const prefix = new Prefix(t, `error_log stderr;\nhttp { server { listen 127.0.0.1:${await freePort()}; } }\n`);
    const child = spawn(process.execPath, [BINARY, '-p', `${prefix.path}/`], { stdio: ['ignore', 'ignore', 'pipe'] });
    t.after(() => void child.kill('SIGKILL'));
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => (output += part));
    await until('it listens', () => output.includes('tsproxy: listening on '));
    assert.match(output, /^tsproxy: \[warn\] no "events" section in configuration/);
    child.kill('SIGTERM');
    await once(child, 'exit');
  });

  test('-t does not report ports of the running proxy itself, wherever its pid file is', async (t) => {
    const port = await freePort();
    const site = `server { listen 127.0.0.1:${port}; }\n`;
    const prefix = new Prefix(t, `events { }\nhttp { include site.conf; }\n`);
    prefix.write('site.conf', site);
    rmSync(`${prefix.path}/logs`, { recursive: true });
    const child = spawn(process.execPath, [BINARY, '-p', `${prefix.path}/`], { stdio: ['ignore', 'ignore', 'pipe'] });
    t.after(() => void child.kill('SIGKILL'));
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => (output += part));
    await until('it listens', () => output.includes('tsproxy: listening on '));
    assert.doesNotMatch((await command(['-p', `${prefix.path}/`, '-t'])).stderr, /Address already in use/);
    assert.doesNotMatch((await command(['-t', `${prefix.path}/site.conf`])).stderr, /Address already in use/);
    prefix.write('other.conf', `events { }\nhttp { ${site} }\n`);
    assert.match((await command(['-p', `${prefix.path}/`, '-c', 'other.conf', '-t'])).stderr, /Address already in use/);
    child.kill('SIGTERM');
    await once(child, 'exit');
  });

  test('a port that is in use is one message, which names the process', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    t.after(() => other.close());
    const { port } = other.address() as { port: number };
    const prefix = new Prefix(t, `events { }\nhttp { server { listen 127.0.0.1:${port}; } }\n`);
    rmSync(`${prefix.path}/logs`, { recursive: true });
    const { code, stderr } = await command(['-p', `${prefix.path}/`]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^\S+ \S+ \[emerg\] \d+#\d+: bind\(\) to 127\.0\.0\.1:\d+ failed \(98: Address already in use\).*\n$/,
    );
    const tested = await command(['-p', `${prefix.path}/`, '-t']);
    assert.equal(tested.stderr.match(/Address already in use/g)?.length, 1);
    if (process.platform !== 'linux') return;
    const owner = new RegExp(`"node [^"]*" \\(pid ${process.pid}\\) listens on port ${port}`);
    assert.match(stderr, owner);
    assert.match(tested.stderr, owner);
  });
});
