import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { get, startProxy, type TestProxy, until } from '../kit/index.js';

/** A syslog server that keeps what it receives. */
async function syslogServer(port = 0) {
  const socket = createSocket('udp4');
  const messages: string[] = [];
  socket.on('message', (message) => messages.push(message.toString('latin1')));
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, messages, close: () => socket.close() };
}

const TIME = /[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d/.source;

describe('syslog', () => {
  let server: Awaited<ReturnType<typeof syslogServer>>;
  let proxy: TestProxy;
  before(async () => {
    server = await syslogServer();
    const to = `syslog:server=127.0.0.1:${server.port}`;
    proxy = await startProxy(`
      log_format brief '$uri $status';
      server {
        listen 127.0.0.1:0;
        root %%DIR%%;
        location /access { access_log ${to} brief; return 200; }
        location /parameters { access_log ${to},facility=user,severity=alert,tag=Web_1,nohostname brief; return 200; }
        location /name { access_log syslog:server=localhost:${server.port} brief; return 200; }
        location /if { access_log ${to} brief if=$arg_log; return 200; }
        location /error { access_log off; error_log ${to},facility=mail; error_log ${to},tag=second info; }
        location /long { access_log off; error_log ${to}; }
      }`);
  });
  after(async () => {
    await proxy.close();
    server.close();
  });

  /** The messages that a request leads to. */
  async function sent(path: string, count = 1): Promise<string[]> {
    server.messages.length = 0;
    await get(proxy.port, path);
    await until('the messages are there', () => server.messages.length >= count);
    return server.messages;
  }

  test('gets a line of an access log with time, host and tag, and no line break', async () => {
    const [message = ''] = await sent('/access');
    assert.match(message, new RegExp(`^<190>${TIME} ${hostname().toLowerCase()} nginx: /access 200$`));
  });

  test('gets facility, severity and tag as they are given', async () => {
    const [message = ''] = await sent('/parameters');
    assert.match(message, new RegExp(`^<9>${TIME} Web_1: /parameters 200$`));
  });

  test('may be given by name', async () => {
    assert.match((await sent('/name'))[0] ?? '', /nginx: \/name 200$/);
  });

  test('gets only what if= lets through', async () => {
    server.messages.length = 0;
    await get(proxy.port, '/if');
    assert.match((await sent('/if/1?log=1'))[0] ?? '', /\/if\/1 200$/);
  });

  test('gets the lines of error logs with the severity of their level', async () => {
    const [first = '', second = ''] = await sent('/error/x', 2);
    assert.match(
      first,
      new RegExp(`^<19>${TIME} \\S+ nginx: \\d{4}/\\d\\d/\\d\\d \\d\\d:\\d\\d:\\d\\d \\[error\\] \\d+#0: \\*`),
    );
    assert.match(second, new RegExp(`^<187>${TIME} \\S+ second: \\d{4}.*\\(2: No such file or directory\\), client: `));
  });

  test('gets no more of a line than nginx sends', async () => {
    const [message = ''] = await sent(`/long/${'x'.repeat(4000)}`);
    assert.ok(message.length > 2048 && message.length < 2200, `${message.length}`);
  });
});

test('a syslog server that is unavailable delays no request, is logged once, and is used again when it is back', async (t) => {
  const first = await syslogServer();
  const proxy = await startProxy(
    `server { listen 127.0.0.1:0; access_log syslog:server=127.0.0.1:${first.port}; return 200; }`,
  );
  t.after(() => proxy.close());
  await get(proxy.port);
  await until('a message', () => first.messages.length === 1);
  first.close();
  for (let i = 0; i < 5; i++) assert.equal((await get(proxy.port)).status, 200);
  const complaint = `send() failed (111: Connection refused) while logging to syslog, server: 127.0.0.1:${first.port}`;
  await until('it is logged', () => proxy.messages('error').includes(complaint));
  const second = await syslogServer(first.port);
  t.after(() => second.close());
  await get(proxy.port);
  await get(proxy.port);
  await until('messages arrive again', () => second.messages.length > 0);
  assert.deepEqual(proxy.messages('error'), [complaint]);
});

describe('a syslog server on a unix domain socket', { skip: !['logger', 'perl'].every(has) }, () => {
  /** Prints each datagram on a line of its own: Node cannot receive them. */
  const SERVER = `use Socket; $| = 1; unlink $ARGV[0]; socket(S, PF_UNIX, SOCK_DGRAM, 0); bind(S, sockaddr_un($ARGV[0]));
    print "ready\\n"; print "$b\\n" while defined recv(S, $b, 65536, 0);`;

  async function localServer(path: string): Promise<{ messages: () => string[]; close: () => Promise<void> }> {
    const child = spawn('perl', ['-e', SERVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString('latin1')));
    const ended = once(child, 'close');
    const close = async (): Promise<void> => {
      child.kill('SIGKILL');
      await ended;
    };
    await until('it listens', () => output.startsWith('ready\n'));
    return { messages: () => output.split('\n').slice(1, -1), close };
  }

  test('gets lines in nginx’s format, and is found again after it was gone', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-syslog-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'log');
    const first = await localServer(path);
    t.after(first.close);
    const to = `syslog:server=unix:${path}`;
    const proxy = await startProxy(`
      log_format brief '$uri $status';
      server {
        listen 127.0.0.1:0;
        location / { access_log ${to},facility=user,severity=alert brief; return 200; }
        location /nameless { access_log ${to},tag=Web_1,nohostname brief; return 200; }
        location /error { access_log off; error_log ${to}; root /nonexistent; }
      }`);
    t.after(() => proxy.close());
    for (const uri of ['/', '/nameless', '/error/x']) await get(proxy.port, uri);
    await until('the messages are there', () => first.messages().length === 3);
    const named = `${TIME} ${hostname().replace(/\..*/, '')} nginx: `;
    const [access = '', nameless = '', error = ''] = first
      .messages()
      .sort((a, b) => (a.slice(0, 3) < b.slice(0, 3) ? 1 : -1));
    assert.match(access, new RegExp(`^<9>${named}/ 200$`));
    assert.match(nameless, new RegExp(`^<190>${TIME} Web_1: /nameless 200$`));
    assert.match(error, new RegExp(`^<187>${named}.* \\[error\\] .* open\\(\\) "/nonexistent/error/x" failed `));

    await first.close();
    const complaint = `connect() failed (Connection refused) while logging to syslog, server: unix:${path}`;
    while (!proxy.messages('error').includes(complaint)) await get(proxy.port);
    const second = await localServer(path);
    t.after(second.close);
    while (second.messages().length === 0) await get(proxy.port);
    assert.deepEqual(new Set(proxy.messages('error')), new Set([complaint]));
  });
});

function has(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}
