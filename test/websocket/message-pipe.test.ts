import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { acceptOffer, acceptResponse, type Deflate, loadDeflate, offerOf } from '../../src/websocket/deflate.js';
import type { Decision, Message, MessageHandler, MessageOutput } from '../../src/websocket/message-handler.js';
import { MessagePipe, type PipeOptions } from '../../src/websocket/message-pipe.js';
import { decode, encode, frameSequences, pushAll, RecordingHost, type TestFrame } from './stage-harness.js';

await loadDeflate();

function handler(handle: (message: Message) => Decision | Promise<Decision>): MessageHandler {
  return { handle, dispose() {} };
}

function pipe(host: RecordingHost, options: Partial<PipeOptions> = {}): MessagePipe {
  return new MessagePipe(host, {
    fromClient: true,
    maxMessage: 1 << 20,
    inflate: null,
    deflate: null,
    handlers: [],
    onInvalid() {},
    onFailure(error) {
      throw error;
    },
    ...options,
  });
}

/** The messages of a stream, joined from their fragments, and its control frames where they end. */
function contents(frames: readonly TestFrame[]): (readonly [opcode: number, payload: string])[] {
  const found: [number, string][] = [];
  let opcode = 0;
  let text = '';
  for (const { opcode: op, fin = true, payload = '' } of frames) {
    if (op >= 8) found.push([op, String(payload)]);
    else {
      if (op !== 0) [opcode, text] = [op, ''];
      text += String(payload);
      if (fin) found.push([opcode, text]);
    }
  }
  return found;
}

const cuts = fc.array(fc.nat(), { maxLength: 8 });

test('messages and control frames keep their order and content, however they are split and fragmented', () => {
  fc.assert(
    fc.property(frameSequences, fc.boolean(), cuts, (frames, fromClient, positions) => {
      const host = new RecordingHost();
      const stage = pipe(host, { fromClient });
      pushAll(stage, Buffer.concat(frames.map((frame) => encode(frame, fromClient))), positions);
      const { frames: passed, rest } = decode(host.output);
      assert.deepEqual(contents(passed), contents(frames));
      assert.ok(passed.every(({ fin }) => fin));
      assert.deepEqual([rest.length, stage.busy, host.closed], [0, false, null]);
    }),
  );
});

/** Deflate of both ends of one side, negotiated with each other. */
function side(settings: { windowBits: number; contextTakeover: boolean }): { client: Deflate; server: Deflate } {
  const all = { ...settings, maxMessage: 1 << 20 };
  const server = acceptOffer(offerOf(all), all);
  const client = acceptResponse(server?.field ?? '', all);
  if (server === null || client === null) throw new Error('nothing was negotiated');
  return { client, server };
}

function coded(deflate: Deflate, how: 'compress' | 'decompress', data: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    deflate[how](data, (result) => ('code' in result ? reject(new Error(result.reason)) : resolve(result)));
  });
}

test('order and content survive random delays of handlers, slow receivers, compression, and Close in between', async () => {
  const sides = fc.constantFrom<{ windowBits: number; contextTakeover: boolean } | null>(
    null,
    { windowBits: 15, contextTakeover: true },
    { windowBits: 10, contextTakeover: false },
  );
  const delays = fc.array(fc.constantFrom(-1, 0, 1), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(
      frameSequences,
      sides,
      sides,
      delays,
      cuts,
      fc.boolean(),
      async (frames, from, to, ms, positions, slow) => {
        const sender = from === null ? null : side(from);
        const receiver = to === null ? null : side(to);
        // Messages are compressed as a whole, in one frame each.
        const sent: TestFrame[] = [];
        for (const [opcode, payload] of contents(frames)) {
          if (sender === null || opcode >= 8) sent.push({ opcode, payload });
          else sent.push({ opcode, rsv: 4, payload: await coded(sender.client, 'compress', Buffer.from(payload)) });
        }
        sent.push({ opcode: 8, payload: '\x03\xe8' });
        const host = new RecordingHost();
        host.slow = slow;
        let count = 0;
        const waiting = handler(({ data, binary }) => {
          const delay = ms[count++ % ms.length] ?? 0;
          if (delay < 0) return null;
          const copy = Buffer.from(data);
          return new Promise((resolve) => {
            setTimeout(() => resolve(delay === 0 ? null : { action: 'replace', data: copy, binary }), delay);
          });
        });
        const stage = pipe(host, {
          inflate: sender?.server ?? null,
          deflate: receiver?.client ?? null,
          handlers: [waiting, handler(() => null)],
        });
        pushAll(stage, Buffer.concat(sent.map((frame) => encode(frame, true))), positions);
        const complete = () => decode(host.output).frames.at(-1)?.opcode === 8;
        while (!complete()) {
          await new Promise((resolve) => setImmediate(resolve));
          stage.drained();
        }
        const passed: TestFrame[] = [];
        for (const frame of decode(host.output).frames) {
          const compressed = frame.rsv === 4 && receiver !== null;
          passed.push(
            compressed
              ? { ...frame, payload: await coded(receiver.server, 'decompress', frame.payload as Buffer) }
              : frame,
          );
        }
        assert.deepEqual(contents(passed), [...contents(frames), [8, '\x03\xe8']]);
        assert.deepEqual([stage.busy, host.paused], [false, false]);
        stage.dispose();
        for (const deflate of [sender?.client, receiver?.server]) deflate?.dispose();
      },
    ),
    { numRuns: 40 },
  );
});

test('messages are dropped, replaced, or close the WebSocket as handlers decide', () => {
  const host = new RecordingHost();
  const seen: string[] = [];
  const first = handler(({ data }) => {
    const text = data.toString();
    if (text === 'drop') return { action: 'drop' };
    if (text === 'close') return { action: 'close', code: 1008, reason: 'policy' };
    return text === 'a' ? { action: 'replace', data: Buffer.from('bb'), binary: true } : null;
  });
  const second = handler(({ data, binary }) => {
    seen.push(`${data} ${binary}`);
    return null;
  });
  const stage = pipe(host, { handlers: [first, second] });
  const texts = ['a', 'drop', 'c', 'close', 'after'];
  const frames = [...texts.map((payload) => ({ opcode: 1, payload })), { opcode: 8, payload: '\x03\xe8' }];
  pushAll(stage, Buffer.concat(frames.map((frame) => encode(frame, true))), []);
  assert.deepEqual(seen, ['bb true', 'c false']);
  assert.deepEqual(host.closed, { code: 1008, reason: 'policy' });
  // The tunnel awaits the sender's Close frame.
  assert.deepEqual(contents(decode(host.output).frames), [
    [2, 'bb'],
    [1, 'c'],
    [8, '\x03\xe8'],
  ]);
});

test('a handler that fails closes the WebSocket with 1011', async () => {
  for (const fail of [
    () => {
      throw new Error('broken');
    },
    () => Promise.reject(new Error('broken')),
  ]) {
    const host = new RecordingHost();
    const failures: unknown[] = [];
    const stage = pipe(host, { handlers: [handler(fail)], onFailure: (error) => failures.push(error) });
    pushAll(stage, encode({ opcode: 1, payload: 'x' }, true), []);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(host.closed?.code, 1011);
    assert.equal(failures.length, 1);
    assert.equal(stage.busy, false);
  }
});

test('the sender is paused while a handler waits and much is queued, and the queue does not depend on the number of frames', async () => {
  const host = new RecordingHost();
  let release: (decision: null) => void = () => {};
  let first = true;
  const waiting = handler(() => {
    if (!first) return null;
    first = false;
    return new Promise((resolve) => {
      release = resolve;
    });
  });
  const stage = pipe(host, { handlers: [waiting] });
  // Empty messages, 6 bytes each.
  const empty = encode({ opcode: 2 }, true);
  const many = Buffer.concat(new Array(20_000).fill(empty));
  pushAll(stage, many, []);
  assert.deepEqual([host.paused, stage.full, stage.busy, host.output.length], [true, true, true, 0]);
  release(null);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([host.paused, stage.full, stage.busy], [false, false, false]);
  assert.equal(decode(host.output).frames.length, 20_000);
});

test('a slow receiver stops reading, and its drain continues', () => {
  const host = new RecordingHost();
  host.slow = true;
  const stage = pipe(host);
  const message = encode({ opcode: 2, payload: Buffer.alloc(40_000) }, true);
  pushAll(stage, Buffer.concat([message, message, message]), []);
  assert.equal(decode(host.output).frames.length, 1);
  assert.deepEqual([host.paused, stage.busy], [true, true]);
  stage.drained();
  assert.equal(decode(host.output).frames.length, 2);
  host.slow = false;
  stage.drained();
  assert.equal(decode(host.output).frames.length, 3);
  assert.deepEqual([host.paused, stage.busy, host.idles], [false, false, 1]);
});

test('once the receiver has been sent a Close frame, only that of the sender passes, and nothing waits or is queued', () => {
  const message = encode({ opcode: 2, payload: Buffer.alloc(40_000) }, true);
  const answer = encode({ opcode: 8, payload: '\x03\xe8' }, true);
  const host = new RecordingHost();
  host.slow = true;
  const never = handler(() => new Promise(() => {}));
  for (const handlers of [[], [never]]) {
    const stage = pipe(host, { handlers });
    pushAll(stage, Buffer.concat([message, message, message]), []);
    assert.deepEqual([host.paused, stage.busy], [true, true]);
    const before = host.output.length;
    stage.receiverClosed();
    assert.deepEqual([host.paused, stage.full, stage.busy], [false, false, false]);
    for (let i = 0; i < 10; i++) pushAll(stage, message, [20_000]);
    assert.deepEqual([host.paused, stage.busy, host.output.length], [false, false, before]);
    pushAll(stage, Buffer.concat([answer, message]), []);
    assert.deepEqual(
      decode(host.output.subarray(before)).frames.map(({ opcode }) => opcode),
      [8],
    );
  }
});

test('invalid streams are closed with the code of their error', () => {
  const cases: readonly (readonly [what: string, bytes: Buffer, code: number])[] = [
    ['unmasked', encode({ opcode: 1 }, false), 1002],
    ['reserved bit', encode({ opcode: 1, rsv: 4 }, true), 1002],
    ['opcode 3', encode({ opcode: 3 }, true), 1002],
    ['opcode 11', encode({ opcode: 11 }, true), 1002],
    ['fragmented ping', encode({ opcode: 9, fin: false }, true), 1002],
    ['long ping', encode({ opcode: 9, payload: 'x'.repeat(126) }, true), 1002],
    ['long Close', encode({ opcode: 8, payload: 'x'.repeat(126) }, true), 1002],
    ['continuation', encode({ opcode: 0 }, true), 1002],
    [
      'message within a message',
      Buffer.concat([encode({ opcode: 1, fin: false }, true), encode({ opcode: 2 }, true)]),
      1002,
    ],
    ['too big', encode({ opcode: 2, payload: Buffer.alloc(101) }, true), 1009],
    [
      'too big in fragments',
      Buffer.concat([
        encode({ opcode: 2, fin: false, payload: Buffer.alloc(60) }, true),
        encode({ opcode: 0, payload: Buffer.alloc(60) }, true),
      ]),
      1009,
    ],
    ['2^63-1', Buffer.from('82ff7fffffffffffffff00000000', 'hex'), 1009],
  ];
  for (const [what, bytes, code] of cases) {
    for (let cut = 0; cut <= Math.min(bytes.length, 20); cut++) {
      const host = new RecordingHost();
      const reported: number[] = [];
      const stage = pipe(host, { maxMessage: 100, onInvalid: (c) => reported.push(c) });
      pushAll(stage, Buffer.concat([bytes, encode({ opcode: 8 }, true)]), [cut]);
      assert.deepEqual([host.closed?.code, reported], [code, [code]], what);
      const after = decode(host.output).frames.map(({ opcode }) => opcode);
      assert.deepEqual(after, what === '2^63-1' ? [] : [8], what);
      stage.dispose();
    }
  }
});

test('a decompression bomb is stopped at the maximum length of a message', async () => {
  const settings = { windowBits: 15, contextTakeover: true, maxMessage: 400_000 };
  // 256 MiB.
  const part = deflateRawSync(Buffer.alloc(16 << 20), { finishFlush: constants.Z_FULL_FLUSH });
  const bomb = Buffer.concat(Array<Buffer>(16).fill(part)).subarray(0, -4);
  assert.ok(bomb.length < 400_000);
  const host = new RecordingHost();
  const inflate = acceptOffer('permessage-deflate', settings);
  const before = process.memoryUsage().rss;
  const stage = pipe(host, { inflate, maxMessage: 400_000 });
  pushAll(stage, encode({ opcode: 2, rsv: 4, payload: bomb }, true), []);
  while (host.closed === null) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(host.closed.code, 1009);
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 100 << 20, `${grown} bytes`);
  stage.dispose();
});

test('invalid compressed data closes with 1007', async () => {
  const host = new RecordingHost();
  const settings = { windowBits: 15, contextTakeover: true, maxMessage: 100_000 };
  const stage = pipe(host, { inflate: acceptOffer('permessage-deflate; client_max_window_bits', settings) });
  pushAll(stage, encode({ opcode: 1, rsv: 4, payload: Buffer.alloc(20, 0xff) }, true), []);
  while (host.closed === null) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(host.closed.code, 1007);
  stage.dispose();
});

test('offers and responses are evaluated by RFC 7692', () => {
  const settings = { windowBits: 15, contextTakeover: true, maxMessage: 1000 };
  assert.equal(acceptOffer('x-other', settings), null);
  assert.equal(acceptOffer('permessage-deflate; unknown', settings), null);
  assert.equal(acceptOffer('permessage-deflate; server_max_window_bits=7', settings), null);
  assert.equal(acceptOffer('permessage-deflate; ;', settings), null);
  assert.equal(acceptOffer('permessage-deflate', settings)?.field, 'permessage-deflate');
  assert.equal(
    acceptOffer('permessage-deflate; client_max_window_bits', { ...settings, windowBits: 10 })?.field,
    'permessage-deflate; client_max_window_bits=10; server_max_window_bits=10',
  );
  assert.equal(
    acceptOffer('permessage-deflate', { ...settings, contextTakeover: false })?.field.includes(
      'server_no_context_takeover',
    ),
    true,
  );
  assert.equal(acceptResponse('', settings), null);
  assert.throws(() => acceptResponse('x-other', settings), /"x-other" was not offered/);
  assert.throws(() => acceptResponse('permessage-deflate, permessage-deflate', settings));
  assert.throws(() => acceptResponse('permessage-deflate; client_max_window_bits', settings));
  assert.throws(() => acceptResponse('permessage-deflate; x=1', settings));
});

/** The direction to which a handler is attached. */
function outputOf(): { handler: MessageHandler; output(): MessageOutput } {
  let attached: MessageOutput | null = null;
  return {
    handler: { ...handler(() => null), attach: (output) => (attached = output) },
    output() {
      if (attached === null) throw new Error('not attached');
      return attached;
    },
  };
}

test('messages that are inserted precede the message that is being handled, compressed or not', async () => {
  for (const compressed of [false, true]) {
    const both = compressed ? side({ windowBits: 15, contextTakeover: true }) : null;
    const host = new RecordingHost();
    const { handler: first, output } = outputOf();
    const inserting = handler(({ data }) => {
      output().insert(false, Buffer.from(`before ${data.toString()}`.repeat(10)));
      return null;
    });
    const stage = pipe(host, { handlers: [first, inserting], deflate: both?.server ?? null });
    const sent = ['one', 'two'.repeat(20)].map((payload) => encode({ opcode: 1, payload }, true));
    pushAll(stage, Buffer.concat(sent), [3, 9]);
    while (stage.busy) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(output().insert(true, Buffer.from('later'.repeat(20))), true);
    while (stage.busy) await new Promise((resolve) => setImmediate(resolve));
    const passed: string[] = [];
    for (const { rsv, payload } of decode(host.output).frames) {
      const data = rsv === 4 && both !== null ? await coded(both.client, 'decompress', payload as Buffer) : payload;
      passed.push(data.toString());
    }
    assert.deepEqual(passed, [
      'before one'.repeat(10),
      'one',
      `before ${'two'.repeat(20)}`.repeat(10),
      'two'.repeat(20),
      'later'.repeat(20),
    ]);
    stage.dispose();
    for (const deflate of [both?.client, both?.server]) deflate?.dispose();
  }
});

test('inserted messages wait for a slow receiver, and are counted', async () => {
  const host = new RecordingHost();
  const { handler: first, output } = outputOf();
  const stage = pipe(host, { handlers: [first] });
  host.slow = true;
  let inserted = 0;
  for (const text of ['a', 'b', '']) output().insert(false, Buffer.from(text));
  output().whenInserted(() => inserted++);
  assert.equal(decode(host.output).frames.length, 1);
  assert.ok(output().waiting > 0 && stage.busy);
  pushAll(stage, encode({ opcode: 8, payload: '\x03\xe8' }, true), []);
  stage.drained();
  assert.equal(decode(host.output).frames.length, 2);
  host.slow = false;
  stage.drained();
  assert.deepEqual(contents(decode(host.output).frames), [
    [1, 'a'],
    [1, 'b'],
    [1, ''],
    [8, '\x03\xe8'],
  ]);
  assert.deepEqual([inserted, output().waiting, stage.busy], [1, 0, false]);
  assert.equal(output().insert(false, Buffer.from('after Close')), false);
});

test('inserted messages are dropped when the WebSocket is closed', () => {
  for (const end of ['receiverClosed', 'dispose'] as const) {
    const host = new RecordingHost();
    const { handler: first, output } = outputOf();
    const stage = pipe(host, { handlers: [first] });
    host.slow = true;
    for (const text of ['a', 'b']) output().insert(false, Buffer.from(text));
    let inserted = 0;
    output().whenInserted(() => inserted++);
    stage[end]();
    assert.deepEqual([inserted, output().waiting, output().insert(true, Buffer.from('c'))], [1, 0, false]);
    assert.equal(decode(host.output).frames.length, 1);
  }
});

test('messages of any size that are handled at the same time do not share a buffer', async () => {
  const sizes = [0, 1, 4095, 4096, 4097, 32_767, 32_768, 32_769, 65_537, 524_288, 524_289];
  /** Odd messages are dropped or replaced by a part of themselves, each after another number of turns. */
  const decide = async ({ data }: Message): Promise<Decision> => {
    for (let i = 0; i <= data.length % 3; i++) await new Promise((resolve) => setImmediate(resolve));
    if (data.length % 4 === 1) return { action: 'drop' };
    if (data.length % 4 === 3) return { action: 'replace', binary: true, data: data.subarray(1) };
    return null;
  };
  const hosts = Array.from({ length: 4 }, () => new RecordingHost());
  const pipes = hosts.map((host) => pipe(host, { handlers: [handler(decide)] }));
  for (let round = 0; round < 3; round++) {
    for (const [i, stage] of pipes.entries()) {
      for (const size of sizes) {
        const payload = Buffer.alloc(size, 16 * round + i);
        pushAll(stage, encode({ opcode: 2, payload }, true), [size >> 1]);
      }
    }
  }
  while (pipes.some(({ busy }) => busy)) await new Promise((resolve) => setImmediate(resolve));
  const passed = sizes.filter((size) => size % 4 !== 1).map((size) => (size % 4 === 3 ? size - 1 : size));
  for (const [i, host] of hosts.entries()) {
    const { frames } = decode(host.output);
    assert.deepEqual(
      frames.map(({ payload }) => payload.length),
      [0, 1, 2].flatMap(() => passed),
    );
    for (const [index, { payload }] of frames.entries()) {
      const value = 16 * Math.floor(index / passed.length) + i;
      assert.ok(Buffer.from(payload as Buffer).equals(Buffer.alloc(payload.length, value)));
    }
  }
});

test('a WebSocket may end while messages are compressed and decompressed', async () => {
  const settings = { windowBits: 15, contextTakeover: true, maxMessage: 1 << 20 };
  const payload = deflateRawSync(Buffer.alloc(100_000, 'abc'), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const message = encode({ opcode: 2, rsv: 4, payload }, true);
  const extension = (): Deflate => {
    const accepted = acceptOffer('permessage-deflate', settings);
    assert.ok(accepted);
    return accepted;
  };
  // After the end of one, another one is awaited, whose messages were queued later.
  for (let turns = 0; turns < 6; turns++) {
    const stages = Array.from({ length: 12 }, () =>
      pipe(new RecordingHost(), { inflate: extension(), deflate: extension() }),
    );
    for (const stage of stages) pushAll(stage, message, []);
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
    for (const stage of stages) stage.dispose();
    const host = new RecordingHost();
    const last = pipe(host, { inflate: extension(), deflate: extension() });
    pushAll(last, message, []);
    while (last.busy) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(decode(host.output).frames.length, 1);
    last.dispose();
  }
});
