import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { hostname } from 'node:os';
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

test('a syslog server that is gone stops no request, is said once, and is found again', async (t) => {
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
  await until('it is said', () => proxy.messages('error').includes(complaint));
  const second = await syslogServer(first.port);
  t.after(() => second.close());
  await get(proxy.port);
  await get(proxy.port);
  await until('messages arrive again', () => second.messages.length > 0);
  assert.deepEqual(proxy.messages('error'), [complaint]);
});
