import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { commandName, ownerByLsof, portOwner, portUse } from '../../src/net/port-owner.js';
import { closedPort } from '../kit/index.js';

const notLinux = process.platform === 'linux' ? false : 'there is no /proc';
const withoutLsof = spawnSync('lsof', ['-v']).error === undefined ? false : 'lsof is not installed';

/** Listens in this process; returns the port. */
async function listenAt(t: TestContext, host: string, port = 0): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  t.after(() => server.close());
  return (server.address() as { port: number }).port;
}

test('the process that listens on a port is found, by its address or by a wildcard', { skip: notLinux }, async (t) => {
  const port = await listenAt(t, '127.0.0.1');
  assert.equal(portOwner('127.0.0.1', port)?.pid, process.pid);
  assert.equal(portOwner('0.0.0.0', port)?.pid, process.pid);
  const wildcard = await listenAt(t, '0.0.0.0');
  assert.equal(portOwner('127.0.0.1', wildcard)?.pid, process.pid);
  assert.equal(portUse('127.0.0.1', port), `this process itself listens on port ${port}`);
});

test('a program is named with its script, and without its arguments', { skip: notLinux }, async (t) => {
  const script = `require('node:net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) })`;
  const child = spawn(process.execPath, ['-e', script, '--', '--password=secret'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once('data', (line) => resolve(Number(line)));
    child.once('exit', reject);
  });
  assert.equal(portOwner('127.0.0.1', port)?.pid, child.pid);
  const use = portUse('127.0.0.1', port);
  assert.match(use, new RegExp(`^"node" \\(pid ${child.pid}\\) listens on port ${port}$`));
  assert.doesNotMatch(use, /secret/);
});

test('a port without a listener has no owner', async () => {
  const port = await closedPort();
  assert.equal(portOwner('127.0.0.1', port), null);
  assert.equal(portUse('127.0.0.1', port), '');
});

test('lsof finds the process where there is no /proc', { skip: withoutLsof }, async (t) => {
  const port = await listenAt(t, '127.0.0.1');
  assert.equal(ownerByLsof(port)?.pid, process.pid);
  assert.equal(ownerByLsof(await closedPort()), null);
});

test('names of programs are short, printable and without arguments', () => {
  assert.equal(commandName(['/usr/bin/node', '--inspect', '/srv/app/server.js', '--token=x']), 'node server.js');
  assert.equal(commandName(['/usr/bin/python3', '-m', 'http.server']), 'python3 http.server');
  assert.equal(commandName(['/usr/bin/python3', '-c', 'import secret']), 'python3');
  assert.equal(commandName(['/usr/sbin/sshd', '-D']), 'sshd');
  assert.equal(
    commandName(['nginx: master process nginx -g daemon off;']),
    'nginx: master process nginx -g daemon off;',
  );
  assert.equal(commandName(['/bin/a\x1b[31m"b']), 'a?[31m?b');
  assert.equal(commandName(['x'.repeat(500)])?.length, 60);
  assert.equal(commandName(['']), null);
});
