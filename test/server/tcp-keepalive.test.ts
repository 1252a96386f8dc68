/** `so_keepalive`: the kernel's timers of accepted connections. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { connect, startProxy } from '../kit/index.js';

const skip = process.platform === 'linux' ? false : 'reads /proc/net/tcp';

/** Seconds until the first keepalive probe of the proxy's end of a connection to the port; null if there is no such timer. */
function probeIn(port: number): number | null {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const [, , , , , timer = ''] =
    readFileSync('/proc/net/tcp', 'latin1')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .find(([, address, , state]) => address?.endsWith(local) && state === '01') ?? [];
  const [kind, jiffies = ''] = timer.split(':');
  // USER_HZ is 100 on all architectures that Node supports.
  return kind === '02' ? Number.parseInt(jiffies, 16) / 100 : null;
}

async function probeWith(parameter: string): Promise<number | null> {
  const proxy = await startProxy(`access_log off; server { listen 127.0.0.1:0 ${parameter}; return 204; }`);
  try {
    const client = await connect(proxy.port);
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until('\r\n\r\n');
    const found = probeIn(proxy.port);
    client.close();
    return found;
  } finally {
    await proxy.close();
  }
}

test('so_keepalive sets the idle time of probes, or that of the system', { skip }, async () => {
  assert.equal(await probeWith(''), null);
  assert.equal(await probeWith('so_keepalive=off'), null);
  const usual = Number(readFileSync('/proc/sys/net/ipv4/tcp_keepalive_time', 'latin1'));
  const near = (seconds: number | null, expected: number): void =>
    assert.ok(
      seconds !== null && seconds <= expected && seconds > expected - 60,
      `${seconds} s instead of ${expected}`,
    );
  near(await probeWith('so_keepalive=on'), usual);
  near(await probeWith('so_keepalive=30m::'), 1800);
  near(await probeWith('so_keepalive=::10'), usual);
});

test('a reload changes so_keepalive of an address that it keeps', { skip }, async (t) => {
  const proxy = await startProxy('server { listen 127.0.0.1:0; return 204; }');
  t.after(() => proxy.close());
  const { port } = proxy;
  await proxy.proxy.reload({
    config: `events { } http { access_log off; server { listen 127.0.0.1:0 so_keepalive=1000:5:3; return 204; } }`,
  });
  const client = await connect(port);
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.until('\r\n\r\n');
  const seconds = probeIn(port);
  assert.ok(seconds !== null && seconds <= 1000 && seconds > 900, `${seconds} s`);
  client.close();
});
