import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CheckedStage } from '../../src/websocket/checked-stage.js';
import { type CheckHost, CLOSED, type FrameCheck, PASS, WAIT } from '../../src/websocket/frame-check.js';
import type { FrameReader } from '../../src/websocket/frame-reader.js';
import { Utf8Check } from '../../src/websocket/utf8-check.js';
import { decode, encode, frameSequences, pushAll, RecordingHost } from './stage-harness.js';

/** A check of headers alone. */
function headerCheck(frame: FrameCheck['frame']): FrameCheck {
  return { frame, payload: null, dispose() {} };
}

const streams = fc.tuple(frameSequences, fc.boolean());
const cuts = fc.array(fc.nat(), { maxLength: 8 });

test('a stream passes unchanged, and each header is checked once, however it is split', () => {
  fc.assert(
    fc.property(streams, cuts, ([frames, masked], positions) => {
      const bytes = Buffer.concat(frames.map((frame) => encode(frame, masked)));
      const host = new RecordingHost();
      const seen: number[] = [];
      const check = headerCheck((header) => {
        seen.push(header.opcode);
        return PASS;
      });
      pushAll(new CheckedStage(host, () => [check]), bytes, positions);
      assert.deepEqual(host.output, bytes);
      assert.deepEqual(
        seen,
        frames.map(({ opcode }) => opcode),
      );
    }),
  );
});

test('frames before a rejected one are passed on before the WebSocket is closed, nothing of that one is', () => {
  fc.assert(
    fc.property(streams, cuts, fc.nat(20), ([frames, masked], positions, rejected) => {
      const bytes = Buffer.concat(frames.map((frame) => encode(frame, masked)));
      const host = new RecordingHost();
      let count = 0;
      const stage = new CheckedStage(host, (services) => [
        headerCheck(() => {
          if (count++ !== rejected) return PASS;
          services.close(1008, 'rejected');
          return CLOSED;
        }),
      ]);
      pushAll(stage, bytes, positions);
      const before = Buffer.concat(frames.slice(0, rejected).map((frame) => encode(frame, masked))).length;
      if (rejected >= frames.length) assert.equal(host.closed, null);
      else {
        assert.deepEqual(host.closed, { code: 1008, reason: 'rejected' });
        assert.equal(host.lengthAtClose, before);
      }
      // The rest follows: the tunnel, which reads frames as well, drops it.
      assert.deepEqual(host.output, bytes);
    }),
  );
});

test('frames that wait keep their order, and the sender is paused while much is queued', () => {
  fc.assert(
    fc.property(streams, cuts, fc.array(fc.boolean(), { minLength: 1 }), ([frames, masked], positions, waits) => {
      const bytes = Buffer.concat(frames.map((frame) => encode(frame, masked)));
      const host = new RecordingHost();
      let services: CheckHost | null = null;
      let count = 0;
      const stage = new CheckedStage(host, (given) => {
        services = given;
        return [headerCheck(() => (waits[count++ % waits.length] ? WAIT : PASS))];
      });
      pushAll(stage, bytes, positions);
      for (let i = 0; stage.busy && i <= frames.length; i++) (services as CheckHost | null)?.proceed();
      assert.equal(stage.busy, false);
      assert.deepEqual(host.output, bytes);
    }),
  );
  const host = new RecordingHost();
  let services: CheckHost | null = null;
  const stage = new CheckedStage(host, (given) => {
    services = given;
    return [headerCheck((header) => (header.opcode === 1 ? WAIT : PASS))];
  });
  const large = encode({ opcode: 2, payload: Buffer.alloc(70_000) }, true);
  pushAll(stage, encode({ opcode: 1, payload: 'a' }, true), []);
  assert.equal(host.paused, false);
  pushAll(stage, large, []);
  assert.deepEqual([host.paused, stage.full, host.output.length], [true, true, 0]);
  (services as CheckHost | null)?.proceed();
  assert.deepEqual([host.paused, stage.full, host.idles], [false, false, 1]);
  assert.equal(decode(host.output).frames.length, 2);
});

test('once the receiver has been sent a Close frame, nothing waits or is queued', () => {
  for (const early of [true, false]) {
    const host = new RecordingHost();
    const stage = new CheckedStage(host, () => [headerCheck(() => WAIT)]);
    const flood = encode({ opcode: 2, payload: Buffer.alloc(70_000) }, true);
    if (early) pushAll(stage, flood, [3]);
    assert.equal(host.paused, early);
    stage.receiverClosed();
    assert.deepEqual([stage.busy, host.paused, host.output.length], [false, false, early ? flood.length : 0]);
    pushAll(stage, flood, [1, 7, 30_000]);
    assert.deepEqual([stage.busy, host.paused, host.output.length], [false, false, (early ? 2 : 1) * flood.length]);
  }
});

test('a Close frame that is inserted while frames pass ends the wait of later ones', () => {
  for (let inserted = 0; inserted < 4; inserted++) {
    const frames = ['pass', 'wait', 'pass', 'wait'].map((payload) => encode({ opcode: 2, payload }, true));
    const bytes = Buffer.concat(frames);
    for (let cut = 1; cut < bytes.length; cut++) {
      let passes = 0;
      const host = new RecordingHost();
      const stage: CheckedStage = new CheckedStage(host, () => [headerCheck(() => (++passes % 2 === 0 ? WAIT : PASS))]);
      const pass = host.pass.bind(host);
      let calls = 0;
      host.pass = (piece, start, end) => {
        if (calls++ === inserted) stage.receiverClosed();
        return pass(piece, start, end);
      };
      pushAll(stage, bytes, [cut]);
      // The second frame waits forever, unless a Close frame was inserted before.
      stage.receiverClosed();
      assert.deepEqual([stage.busy, host.output.equals(bytes)], [false, true], `${inserted} ${cut}`);
    }
  }
});

test('a frame that waits can be rejected later', () => {
  const host = new RecordingHost();
  let services: CheckHost | null = null;
  const stage = new CheckedStage(host, (given) => {
    services = given;
    return [headerCheck((header: FrameReader) => (header.opcode === 1 ? WAIT : PASS))];
  });
  pushAll(stage, Buffer.concat([encode({ opcode: 2, payload: 'first' }, true), encode({ opcode: 1 }, true)]), [5, 13]);
  assert.equal(stage.busy, true);
  (services as CheckHost | null)?.close(1013, 'later');
  assert.deepEqual(host.closed, { code: 1013, reason: 'later' });
  assert.equal(decode(host.output.subarray(0, host.lengthAtClose)).frames.length, 1);
  assert.deepEqual([stage.busy, host.idles], [false, 1]);
});

test('text that is not UTF-8 is found in any fragment, wherever the stream is split', () => {
  const good = Buffer.from('κόσμε');
  for (const [payloads, invalid] of [
    [[good.subarray(0, 3), good.subarray(3)], false],
    [[good.subarray(0, 3), Buffer.alloc(0), good.subarray(3)], false],
    [[good.subarray(0, 3)], true],
    [[good.subarray(0, 3), Buffer.alloc(0)], true],
    [[good, Buffer.from([0x80])], true],
    [[Buffer.from([0xed, 0xa0, 0x80])], true],
    [[Buffer.alloc(0)], false],
  ] as const) {
    const bytes = Buffer.concat(
      payloads.flatMap((payload, i) => [
        encode({ opcode: i === 0 ? 1 : 0, fin: i === payloads.length - 1, payload }, true),
        encode({ opcode: 9, payload: Buffer.from([0xff]) }, true),
      ]),
    );
    for (let cut = 0; cut <= bytes.length; cut++) {
      const host = new RecordingHost();
      const stage = new CheckedStage(host, (services) => [
        new Utf8Check(() => {
          services.close(1007, 'invalid UTF-8');
          return true;
        }),
      ]);
      pushAll(stage, bytes, [cut]);
      assert.equal(host.closed?.code, invalid ? 1007 : undefined);
      assert.deepEqual(host.output, bytes);
      // The receiver was not sent more of the invalid frame than arrived before its invalid byte.
      if (invalid) assert.ok(host.lengthAtClose < bytes.length);
    }
  }
});

test('binary messages, compressed text and control frames may contain any bytes', () => {
  const host = new RecordingHost();
  const stage = new CheckedStage(host, () => [new Utf8Check(() => assert.fail())]);
  const payload = Buffer.from([0xff, 0x80]);
  const frames = [
    { opcode: 2, payload },
    { opcode: 1, rsv: 4, payload },
    { opcode: 8, payload },
  ];
  pushAll(stage, Buffer.concat(frames.map((frame) => encode(frame, false))), []);
  assert.equal(host.closed, null);
});
