/** Control frames of the proxy in a stream that is split at every byte: the receiver never sees a broken frame. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as ws from 'ws';
import type { Transport } from '../../src/net/transport.js';
import { FrameRelay, type RelayHost } from '../../src/tunnel/relay.js';
import { FrameReader } from '../../src/websocket/frame-reader.js';
import { frame } from './raw-frames.js';

type Direction = 'up' | 'down';
/** The payload that answers the proxy's ping. */
const OWN = 'own ping';

/** A stream with fragments, control frames between them, empty frames, lengths of two bytes, and answers to pings. */
function streamOf(direction: Direction): string {
  const masked = direction === 'up';
  const long = 'long'.repeat(40);
  return [
    frame({ payload: 'one' }, masked),
    frame({ opcode: 10, payload: OWN }, masked),
    frame({ more: true, payload: 'a' }, masked),
    frame({ opcode: 9, payload: 'peer' }, masked),
    frame({ opcode: 0, more: true, payload: '' }, masked),
    frame({ opcode: 10, payload: 'notowned' }, masked),
    frame({ opcode: 0, payload: 'b' }, masked),
    frame({ opcode: 2, payload: long }, masked),
    frame({ opcode: 10, payload: '' }, masked),
    frame({ payload: '' }, masked),
    frame({ payload: 'last' }, masked),
  ].join('');
}

const ALL = [
  'message one',
  'ping peer',
  'pong notowned',
  'message ab',
  `message ${'long'.repeat(40)}`,
  'pong ',
  'message ',
  'message last',
];

/** Events of the receiver of `ws`: it fails for every violation of RFC 6455. */
class Receiver {
  readonly events: string[] = [];
  error: Error | null = null;
  private readonly receiver: NodeJS.WritableStream;

  constructor(direction: Direction) {
    type Options = { isServer: boolean; allowSynchronousEvents: boolean };
    const { Receiver: Class } = ws as unknown as { Receiver: new (options: Options) => NodeJS.WritableStream };
    this.receiver = new Class({ isServer: direction === 'up', allowSynchronousEvents: true });
    this.receiver
      .on('message', (data: Buffer) => this.events.push(`message ${String(data)}`))
      .on('ping', (data: Buffer) => this.events.push(`ping ${String(data)}`))
      .on('pong', (data: Buffer) => this.events.push(`pong ${String(data)}`))
      .on('conclude', (code: number, reason: Buffer) => this.events.push(`close ${code} ${String(reason)}`))
      .on('error', (error: Error) => (this.error = error));
  }

  async receive(bytes: Buffer): Promise<void> {
    await new Promise<void>((resolve) => this.receiver.write(bytes, () => resolve()));
    assert.equal(this.error, null);
  }
}

interface Relayed {
  readonly relay: FrameRelay;
  readonly out: Buffer[];
  answers: number;
}

function relayed(direction: Direction): Relayed {
  const out: Buffer[] = [];
  const host: RelayHost = {
    forward: (_from, _to, bytes, start, end) => void out.push(Buffer.from(bytes.subarray(start, end))),
    onCloseFrame: () => {},
    onCloseInserted: () => {},
    onViolation: () => assert.fail('violation'),
  };
  const to = {
    write: (bytes: Buffer) => out.push(bytes) > 0,
    writeBorrowed: (bytes: Buffer, start: number, end: number) => out.push(Buffer.from(bytes.subarray(start, end))) > 0,
  } as unknown as Transport;
  const from = { resume: () => {} } as unknown as Transport;
  const sender = direction === 'up' ? 'client' : 'server';
  const relay = new FrameRelay(host, from, to, direction === 'up', { sender, reserved: 0 });
  return { relay, out, answers: 0 };
}

/** Expects the answer to the proxy's ping, as `Pings` does. */
function expectAnswer(it: Relayed): void {
  it.relay.expectPong({
    length: OWN.length,
    answers: (payload) => {
      if (payload.latin1Slice(0, OWN.length) !== OWN) return false;
      it.answers++;
      it.relay.expectPong(null);
      return true;
    },
  });
}

for (const direction of ['up', 'down'] as const) {
  const bytes = Buffer.from(streamOf(direction), 'latin1');
  const pass = (it: Relayed, start: number, end: number): void => {
    if (end > start) it.relay.pass(bytes, start, end);
  };

  describe(`in the direction ${direction}, with the stream split at every byte`, () => {
    test('a ping is inserted whole, once, and everything else arrives', async () => {
      for (let split = 0; split <= bytes.length; split++) {
        for (const strict of [false, true]) {
          const it = relayed(direction);
          it.relay.inspectAll(strict);
          let inserted = 0;
          pass(it, 0, split);
          it.relay.insertPing(Buffer.from('inserted'), { onInserted: () => void inserted++ });
          pass(it, split, bytes.length);
          const receiver = new Receiver(direction);
          await receiver.receive(Buffer.concat(it.out));
          assert.equal(inserted, 1);
          const others = receiver.events.filter((event) => event !== 'ping inserted');
          assert.equal(others.length, receiver.events.length - 1);
          assert.deepEqual(others, ALL.toSpliced(1, 0, `pong ${OWN}`));
        }
      }
    });

    test('the answer to a ping of the proxy is removed, and nothing else, wherever its expectation begins', async () => {
      const answer = Buffer.from(frame({ opcode: 10, payload: OWN }, direction === 'up'), 'latin1');
      const at = bytes.indexOf(answer);
      for (let split = 0; split <= bytes.length; split++) {
        for (let second = split; second <= Math.min(bytes.length, split + 20); second++) {
          const it = relayed(direction);
          pass(it, 0, split);
          expectAnswer(it);
          pass(it, split, second);
          pass(it, second, bytes.length);
          const isRemoved = split <= at;
          assert.equal(it.answers, isRemoved ? 1 : 0);
          const receiver = new Receiver(direction);
          await receiver.receive(Buffer.concat(it.out));
          assert.deepEqual(receiver.events, isRemoved ? ALL : ALL.toSpliced(1, 0, `pong ${OWN}`));
        }
      }
    });

    test('a Close frame follows the frame or the message in flight, and is the last one', async () => {
      for (let split = 0; split <= bytes.length; split++) {
        for (const kind of ['drain', 'force', 'final'] as const) {
          const it = relayed(direction);
          pass(it, 0, split);
          const reader = new FrameReader();
          reader.skip(bytes, 0, split);
          if (kind === 'final') {
            // The connection ends here: possible between two frames only.
            assert.equal(it.relay.finalClose(1014, 'lost'), reader.betweenFrames);
            if (!reader.betweenFrames) continue;
          } else {
            it.relay.drain();
            if (kind === 'drain') it.relay.sendClose(1001, 'bye');
            else it.relay.forceClose(1001, 'bye');
            pass(it, split, bytes.length);
          }
          const receiver = new Receiver(direction);
          await receiver.receive(Buffer.concat(it.out));
          assert.equal(receiver.events.at(-1), kind === 'final' ? 'close 1014 lost' : 'close 1001 bye');
          const before = receiver.events.slice(0, -1);
          assert.deepEqual(before, ALL.toSpliced(1, 0, `pong ${OWN}`).slice(0, before.length));
          if (kind === 'drain' && reader.betweenMessages) assert.equal(it.out.length, split === 0 ? 1 : 2, 'at once');
        }
      }
    });

    test('single bytes with a ping after each arrive as whole frames', async () => {
      const it = relayed(direction);
      let inserted = 0;
      for (let at = 0; at < bytes.length; at++) {
        pass(it, at, at + 1);
        it.relay.insertPing(Buffer.from('inserted'), { onInserted: () => void inserted++ });
      }
      const receiver = new Receiver(direction);
      await receiver.receive(Buffer.concat(it.out));
      assert.equal(receiver.events.filter((event) => event === 'ping inserted').length, inserted);
      assert.ok(inserted >= 11);
      const others = receiver.events.filter((event) => event !== 'ping inserted');
      assert.deepEqual(others, ALL.toSpliced(1, 0, `pong ${OWN}`));
    });
  });
}
