/** Sessions with servers that send unusual or invalid frames. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type net from 'node:net';
import { type TestContext, test } from 'node:test';
import type { StreamFailures } from '../../src/http/upstream-session.js';
import { Flag, FrameType, PREFACE } from '../../src/http2/frame-types.js';
import { Http2UpstreamSession } from '../../src/http2/upstream-session.js';
import { SocketTransport } from '../../src/net/socket-transport.js';
import { closing, listening, target } from '../net/sockets.js';
import { RecordingHost, RecordingUser } from '../upstream/session-contract.js';
import { frame, settingsFrame, uint32 } from './frames.js';

const { Data, Headers, Settings, WindowUpdate, RstStream, Goaway, PushPromise, Continuation } = FrameType;
/** `:status: 200`, indexed. */
const OK = '\x88';

class User extends RecordingUser {
  cause: unknown = null;
  override onFailure<K extends keyof StreamFailures>(kind: K, cause?: StreamFailures[K]): void {
    this.cause = cause;
    // The session may serve other streams.
    this.session = null;
    super.onFailure(kind);
  }
}

async function scene(t: TestContext, maxStreams = 1) {
  const listener = await listening();
  const accepted = once(listener, 'connection') as Promise<[net.Socket]>;
  const host = new RecordingHost();
  host.maxStreams = maxStreams;
  const user = new User();
  const { session, stream } = Http2UpstreamSession.open(host, user, target(listener), SocketTransport.connect);
  user.stream = stream;
  user.session = session;
  const [socket] = await accepted;
  socket.on('error', () => {});
  let received = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
  });
  socket.resume();
  t.after(async () => {
    session.destroy();
    socket.destroy();
    await closing(listener);
  });
  await user.untilEvent('ready');
  return { host, user, session, stream, socket, received: () => received };
}

/** Frames received: type, flags, stream, payload. */
function framesOf(bytes: Buffer): { type: number; flags: number; stream: number; payload: Buffer }[] {
  const frames = [];
  for (let at = PREFACE.length; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    if (at + 9 + length > bytes.length) break;
    const payload = bytes.subarray(at + 9, at + 9 + length);
    frames.push({
      type: bytes[at + 3] as number,
      flags: bytes[at + 4] as number,
      stream: bytes.readUInt32BE(at + 5),
      payload,
    });
    at += 9 + length;
  }
  return frames;
}

const HEAD = 'GET / HTTP/2.0\r\nHost: a\r\n\r\n';

test('a response is the same however its bytes are split', async (t) => {
  const { user, stream, socket } = await scene(t);
  stream.begin(HEAD, 0, false, 4096);
  stream.end();
  const response = Buffer.concat([
    settingsFrame([[3, 100]]),
    frame(Headers, 0, 1, OK),
    frame(Continuation, Flag.EndHeaders, 1, '\x00\x03x-a\x01b'),
    frame(Data, Flag.Padded, 1, '\x02abc\0\0'),
    frame(WindowUpdate, 0, 1, uint32(10)),
    frame(Headers, Flag.EndStream | Flag.EndHeaders, 1, '\x00\x05x-sum\x013'),
  ]);
  for (const byte of response) {
    socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await user.untilEvent('end');
  assert.equal(user.body.latin1Slice(), 'abc');
  assert.equal(stream.head.headers.joined('x-a'), 'b');
  assert.equal(stream.trailers, 'x-sum: 3\r\n');
});

test('windows of one byte are respected in the body of a request', async (t) => {
  const { user, stream, socket, received } = await scene(t);
  socket.write(settingsFrame([[4, 1]]));
  await user.until(() => framesOf(received()).some(({ type, flags }) => type === Settings && flags === Flag.Ack));
  stream.begin(HEAD.replace('GET', 'POST'), 5, false, 4096);
  assert.equal(stream.sendText('hello', true), false);
  const data = () => framesOf(received()).filter(({ type }) => type === Data);
  for (let i = 0; i < 4; i++) {
    await user.until(() => data().length === i + 1);
    socket.write(frame(WindowUpdate, 0, 1, uint32(1)));
  }
  await user.until(() => data().length === 5);
  assert.deepEqual(
    data().map(({ payload, flags }) => `${payload}${flags}`),
    ['h0', 'e0', 'l0', 'l0', 'o1'],
  );
});

test('a server that ignores the window of a paused stream fails', async (t) => {
  const { user, stream, socket } = await scene(t);
  stream.begin(HEAD, 0, false, 4096);
  stream.end();
  user.onDataHook = () => stream.pause();
  socket.write(frame(Headers, Flag.EndHeaders, 1, OK));
  for (let i = 0; i < 20; i++) socket.write(frame(Data, 0, 1, Buffer.alloc(16_384)));
  await user.untilEvent('failure invalid body');
  assert.match(String(user.cause), /^upstream violated stream flow control, received \d+ bytes with window \d+$/);
});

const INVALID: readonly (readonly [name: string, frames: readonly Buffer[], failure: string, cause: RegExp])[] = [
  ['DATA before the head', [frame(Data, 0, 1, 'x')], 'invalid head', /unexpected http2 frame: 0/],
  ['a frame of a stream that was not opened', [frame(Data, 0, 3, 'x')], 'invalid head', /unknown stream 3/],
  ['a frame of a stream of the server', [frame(Headers, Flag.EndHeaders, 2, OK)], 'invalid head', /unknown stream 2/],
  ['PUSH_PROMISE', [frame(PushPromise, Flag.EndHeaders, 1, '\0\0\0\x02')], 'invalid head', /PUSH_PROMISE/],
  ['an invalid header block', [frame(Headers, Flag.EndHeaders, 1, '\xff\xff')], 'invalid head', /upstream sent/],
  [
    'a head larger than its limit',
    [frame(Headers, Flag.EndHeaders, 1, `${OK}\x00\x01x\x7f\xa1\x1f${'y'.repeat(4128)}`)],
    'invalid head',
    /too big header/,
  ],
  [
    'a window beyond the maximum',
    [frame(WindowUpdate, 0, 1, uint32(0x7fffffff)), frame(WindowUpdate, 0, 1, uint32(0x7fffffff))],
    'invalid head',
    /too large window update/,
  ],
  ['an initial window beyond the maximum', [settingsFrame([[4, 0x80000000]])], 'invalid head', /INITIAL_WINDOW_SIZE/],
  ['RST_STREAM', [frame(RstStream, 0, 1, uint32(2))], 'invalid head', /rejected request with error 2/],
  ['REFUSED_STREAM', [frame(RstStream, 0, 1, uint32(7))], 'unprocessed', /./],
  ['GOAWAY that excludes the stream', [frame(Goaway, 0, 0, uint32(0, 0))], 'unprocessed', /./],
  [
    'trailers without the end',
    [frame(Headers, Flag.EndHeaders, 1, OK), frame(Headers, Flag.EndHeaders, 1, '\x00\x01a\x01b')],
    'invalid body',
    /trailer without end stream flag/,
  ],
  [
    'a reset in the same read as the end',
    [frame(Headers, Flag.EndHeaders, 1, OK), frame(Data, Flag.EndStream, 1, 'x'), frame(RstStream, 0, 1, uint32(8))],
    'invalid body',
    /rejected request with error 8/,
  ],
];

for (const [name, frames, failure, cause] of INVALID) {
  test(`${name} is a failure`, async (t) => {
    const { user, stream, socket } = await scene(t);
    stream.begin(HEAD, 0, false, 4096);
    stream.end();
    socket.write(Buffer.concat(frames));
    await user.untilEvent(`failure ${failure}`);
    assert.equal(user.events.at(-1), `failure ${failure}`);
    assert.match(JSON.stringify(user.cause), cause);
  });
}

test('a reset without error after the end of the response is none', async (t) => {
  const { user, stream, socket, host } = await scene(t);
  stream.begin(HEAD.replace('GET', 'POST'), 10, false, 4096);
  stream.sendText('part', false);
  socket.write(
    Buffer.concat([frame(Headers, Flag.EndStream | Flag.EndHeaders, 1, OK), frame(RstStream, 0, 1, uint32(0))]),
  );
  await user.untilEvent('end');
  assert.equal(host.closed, 0);
  assert.equal(host.available, 1);
});

test('requests wait for a place, and start in their order', async (t) => {
  const { user, stream, socket, session, received } = await scene(t, 2);
  const users = [new User(), new User()];
  for (const each of users) {
    each.session = session;
    each.stream = session.open(each);
  }
  assert.equal(session.waiting, 1);
  assert.deepEqual(
    users.map((each) => each.stream?.ready),
    [true, false],
  );
  stream.begin(HEAD, 0, false, 4096);
  stream.end();
  await user.until(() => framesOf(received()).some(({ type }) => type === Headers));
  socket.write(frame(Headers, Flag.EndStream | Flag.EndHeaders, 1, OK));
  await users[1]?.untilEvent('ready');
  assert.equal(session.waiting, 0);
  // A request that is cancelled before it is sent takes no identifier.
  users[0]?.stream?.cancel();
  users[1]?.stream?.begin(HEAD, 0, false, 4096);
  users[1]?.stream?.end();
  await user.until(() => framesOf(received()).some(({ type, stream: id }) => type === Headers && id === 3));
});
