/** A drain at any moment, between any two peers: frames stay whole, messages too, and both sides hear Close once, last. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Transport } from '../../src/net/transport.js';
import { Drain } from '../../src/tunnel/drain.js';
import { FrameRelay, type RelayHost } from '../../src/tunnel/relay.js';
import { close, frame } from './raw-frames.js';

/** The frames of a peer: messages in one or more fragments, with control frames in between. Bytes. */
const fragments = fc.array(fc.tuple(fc.string({ maxLength: 200 }), fc.boolean()), { minLength: 1, maxLength: 4 });
const messages = fc.array(fragments, { maxLength: 5 });

function framesOf(all: readonly (readonly (readonly [string, boolean])[])[], masked: boolean): string[] {
  return all.flatMap((message) =>
    message.flatMap(([text, ping], i) => {
      const payload = Buffer.from(text).toString('latin1').slice(0, 120);
      const part = frame({ opcode: i === 0 ? 2 : 0, more: i < message.length - 1, payload }, masked);
      return ping ? [part, frame({ opcode: 9, payload: '\x88\x02' }, masked)] : [part];
    }),
  );
}

interface Parsed {
  readonly whole: string;
  readonly close: boolean;
  /** A message is under way behind it. */
  readonly open: boolean;
}

/** Takes a stream of short frames apart; what is left over is a frame that is not complete. */
function parse(bytes: string): { readonly frames: readonly Parsed[]; readonly rest: string } {
  const frames: Parsed[] = [];
  let at = 0;
  let open = false;
  for (;;) {
    const [first, second] = [bytes.charCodeAt(at), bytes.charCodeAt(at + 1)];
    const end = at + 2 + (second & 0x80 ? 4 : 0) + (second & 0x7f);
    if (Number.isNaN(second) || end > bytes.length) return { frames, rest: bytes.slice(at) };
    const opcode = first & 0xf;
    if (opcode < 8) open = (first & 0x80) === 0;
    frames.push({ whole: bytes.slice(at, end), close: opcode === 8, open });
    at = end;
  }
}

/** One end of a tunnel: sends its frames in pieces, and answers a Close behind the frame that it is sending. */
class Peer {
  readonly sent: string[] = [];
  received = '';
  private left: string;
  private frames: string[];
  saidClose = false;
  paused = false;

  constructor(
    frames: readonly string[],
    private readonly masked: boolean,
    /** Closes by itself at the end. */
    private readonly closes: boolean,
  ) {
    this.frames = [...frames];
    this.left = '';
  }

  /** The next bytes that it sends; empty where it waits. */
  next(size: number): string {
    if (this.left === '') {
      const heard = parse(this.received).frames.some((each) => each.close);
      const ends = heard || (this.closes && this.frames.length === 0);
      if (this.saidClose || (!ends && this.frames.length === 0)) return '';
      this.left = ends ? close(heard ? 1001 : 1000, this.masked) : (this.frames.shift() as string);
      this.saidClose = ends;
      this.sent.push(this.left);
    }
    const bytes = this.left.slice(0, size);
    this.left = this.left.slice(size);
    return bytes;
  }

  /** As much of a transport as a relay uses. */
  get transport(): Transport {
    const transport = {
      write: (bytes: Buffer) => {
        this.received += bytes.toString('latin1');
        return true;
      },
      resume: () => {},
    };
    return transport as unknown as Transport;
  }
}

test('a drain at any moment cuts nothing, and both sides hear Close once and last', () => {
  const moves = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 300 })), { minLength: 200, maxLength: 300 });
  fc.assert(
    fc.property(
      messages,
      messages,
      fc.boolean(),
      fc.boolean(),
      moves,
      fc.nat(60),
      fc.nat(80),
      (fromClient, fromUpstream, clientCloses, upstreamCloses, steps, begin, impatient) => {
        const client = new Peer(framesOf(fromClient, true), true, clientCloses);
        const upstream = new Peer(framesOf(fromUpstream, false), false, upstreamCloses);
        let drain: Drain | null = null;
        let over = false;
        const host: RelayHost = {
          forward: (_from, to, bytes, start, end) => {
            const peer = to === toClient ? client : upstream;
            peer.received += bytes.toString('latin1', start, end);
          },
          onCloseFrame: (relay) => drain?.onCloseFrame(relay),
          onCloseInserted: () => {},
          onViolation: () => {},
        };
        const [toClient, toUpstream] = [client.transport, upstream.transport];
        const down = new FrameRelay(host, toUpstream, toClient, false);
        const up = new FrameRelay(host, toClient, toUpstream, true);
        const tunnel = { down, up, onDrained: () => (over = true), cut: () => assert.fail('cut') };
        for (const [i, [fromTheClient, size]] of steps.entries()) {
          if (i === begin) {
            drain = new Drain(tunnel, { code: 1001, at: 0, deadline: Number.MAX_SAFE_INTEGER });
            drain.start();
          }
          // The client has had time enough to answer.
          if (i === begin + impatient) drain?.timedOut();
          if (over) break;
          const bytes = (fromTheClient ? client : upstream).next(size);
          if (bytes === '') continue;
          (fromTheClient ? up : down).pass(Buffer.from(bytes, 'latin1'), 0, bytes.length);
          drain?.finishIfClosed();
        }
        drain?.onSocketEnd();
        for (const [receiver, sender] of [
          [client, upstream],
          [upstream, client],
        ] as const) {
          const { frames, rest } = parse(receiver.received);
          const closed = frames.findIndex((each) => each.close);
          if (closed >= 0) {
            assert.equal(closed, frames.length - 1, 'Close is the last frame');
            assert.equal(rest, '');
            const inside = frames[closed - 1]?.open === true;
            assert.ok(!inside || sender.saidClose, 'only the sender itself gives up a message');
          }
          const passed = frames.filter((each) => !each.close).map(({ whole }) => whole);
          assert.deepEqual(passed, sender.sent.slice(0, passed.length), 'what comes was sent, in order');
        }
        if (over) {
          for (const { received } of [client, upstream]) assert.ok(parse(received).frames.at(-1)?.close);
          // Data that the client sent before it answered has arrived, unless it took too long.
          const late = begin + impatient < steps.length;
          const lost = client.sent.filter((each) => each.charCodeAt(0) !== 0x88).length;
          if (!late) assert.equal(parse(upstream.received).frames.filter((each) => !each.close).length, lost);
        }
      },
    ),
    { numRuns: 300 },
  );
});
