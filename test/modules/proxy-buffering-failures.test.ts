/** Temporary files that fail: the upstream waits for a slow client after all, and nobody gets a wrong answer. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { type TestContext, test } from 'node:test';
import { type Flood, flood, patternDigest } from '../kit/flood.js';
import { type Connection, connect, request, scriptedBackend, startProxy, type TestProxy, until } from '../kit/index.js';

const TOTAL = 24 << 20;
/** The most that the sockets of both sides hold, with what the proxy keeps in memory. */
const HELD = 16 << 20;

type Callback = (error: NodeJS.ErrnoException | null, count: number) => void;

/** Puts another function in the place of one of `node:fs`, for all that import it, until the test is over. */
function replace<K extends 'writev' | 'read'>(t: TestContext, name: K, make: (real: (typeof fs)[K]) => unknown): void {
  const real = fs[name];
  Object.assign(fs, { [name]: make(real) });
  syncBuiltinESMExports();
  t.after(() => {
    Object.assign(fs, { [name]: real });
    syncBuiltinESMExports();
  });
}

function noSpace(): NodeJS.ErrnoException {
  return Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', errno: -28 });
}

interface Scene {
  readonly proxy: TestProxy;
  readonly client: Connection;
  given(): number;
}

/** A client that asked, has read the head, and reads no further; `prepare` comes between the start and the request. */
async function scene(t: TestContext, prepare: (proxy: TestProxy) => void = () => {}): Promise<Scene> {
  let state: Flood = { given: 0 };
  const backend = await scriptedBackend(async (connection) => {
    await connection.request();
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL}\r\n\r\n`);
    state = flood(connection.socket, TOTAL);
  });
  const proxy = await startProxy(
    `proxy_temp_path %%DIR%%/temp;
    server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:%%PORT%%; } }`,
    { PORT: backend.port },
  );
  t.after(async () => {
    await proxy.close();
    await backend.close();
  });
  prepare(proxy);
  const client = await connect(proxy.port);
  await client.send(request('/')).until('\r\n\r\n');
  client.socket.pause();
  return { proxy, client, given: () => state.given };
}

/** Waits until the file has failed and the back end cannot send any more. */
async function stuck({ proxy, given }: Scene): Promise<void> {
  await until('the failure is logged', () => complaints(proxy).length > 0);
  let before = -1;
  let times = 0;
  await until('nothing moves', () => {
    times = given() === before ? times + 1 : 0;
    before = given();
    return times >= 20;
  });
}

async function arrives({ client }: Scene): Promise<void> {
  client.socket.resume();
  const body = await client.all();
  assert.equal(createHash('md5').update(body, 'latin1').digest('hex'), patternDigest(TOTAL));
}

function complaints(proxy: TestProxy): string[] {
  return proxy.messages('crit');
}

test('a full disk makes the upstream wait for its client, is logged once, and loses nothing', async (t) => {
  let writes = 0;
  replace(t, 'writev', (real) => (fd: number, pieces: Buffer[], position: number, then: Callback) => {
    if (++writes <= 3) real(fd, pieces, position, then);
    else setImmediate(then, noSpace(), 0);
  });
  const all = await scene(t);
  await stuck(all);
  assert.equal(writes, 4);
  assert.ok(all.given() < HELD, `${all.given()} bytes were taken`);
  await arrives(all);
  assert.equal(complaints(all.proxy).length, 1);
  assert.match(
    complaints(all.proxy)[0] ?? '',
    /pwritev\(\) ".*\/temp\/\d{10}" failed \(28: No space left on device\) while reading upstream, client: /,
  );
});

test('a disk that is full in the middle of a write loses nothing either', async (t) => {
  replace(t, 'writev', (real) => (fd: number, pieces: Buffer[], position: number, then: Callback) => {
    const [first] = pieces;
    if (first === undefined || position > 0) setImmediate(then, noSpace(), 0);
    else real(fd, [first.subarray(0, 1000)], position, then);
  });
  const all = await scene(t);
  await stuck(all);
  assert.ok(all.given() < HELD, `${all.given()} bytes were taken`);
  await arrives(all);
  assert.equal(complaints(all.proxy).length, 1);
});

test('what is written in parts arrives whole', async (t) => {
  replace(t, 'writev', (real) => (fd: number, pieces: Buffer[], position: number, then: Callback) => {
    const left = Buffer.concat(pieces);
    real(fd, [left.subarray(0, Math.ceil(left.length / 3))], position, then);
  });
  const all = await scene(t);
  await until('the upstream has given all', () => all.given() === TOTAL);
  await arrives(all);
  assert.deepEqual(complaints(all.proxy), []);
});

test('where no file can be made the upstream waits', async (t) => {
  const all = await scene(t, (proxy) => {
    fs.rmSync(`${proxy.directory}/temp`, { recursive: true });
    fs.writeFileSync(`${proxy.directory}/temp`, 'not a directory');
  });
  await stuck(all);
  assert.ok(all.given() < HELD, `${all.given()} bytes were taken`);
  await arrives(all);
  assert.match(
    complaints(all.proxy).join('\n'),
    /^\*\d+ open\(\) ".*\/temp\/\d{10}" failed \(20: Not a directory\) while reading upstream/,
  );
});

test('a directory that is gone is made again', async (t) => {
  const all = await scene(t, (proxy) => fs.rmSync(`${proxy.directory}/temp`, { recursive: true }));
  await until('the upstream has given all', () => all.given() === TOTAL);
  await arrives(all);
  assert.deepEqual(complaints(all.proxy), []);
});

test('a file that cannot be read cuts the answer off', async (t) => {
  replace(t, 'read', () => (...all: unknown[]) => {
    const error = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', errno: -5 });
    setImmediate(all.at(-1) as Callback, error, 0);
  });
  const all = await scene(t);
  await until('the upstream has given all', () => all.given() === TOTAL);
  all.client.socket.resume();
  const body = await all.client.all();
  assert.ok(body.length < TOTAL);
  assert.match(complaints(all.proxy).join('\n'), /pread\(\) ".*" failed \(5: .*\) while sending to client/);
  await until('the request is over', () => all.proxy.proxy.status.active === 0);
});
