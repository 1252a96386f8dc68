/**
 * Random sequences of what two ends of a WebSocket, its stages and the proxy do, against a model: neither end ever receives a broken frame,
 * a message that was not sent, or anything after a Close frame; and each end that is still there receives a Close frame, unless the
 * stream to it stopped inside of a frame. Without a cause of its end, everything arrives. `SEQUENCES=10000` runs more of them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { memoryPair } from '../../src/net/memory-transport.js';
import type { Transport, TransportOwner } from '../../src/net/transport.js';
import { Tap } from '../../src/tap/tap.js';
import { openTunnel } from '../../src/tunnel/open-tunnel.js';
import type { Tunnel } from '../../src/tunnel/tunnel.js';
import { WEBSOCKET } from '../../src/tunnel/websocket-settings.js';
import { decode, encode, frameSequences, type TestFrame } from '../websocket/stage-harness.js';
import { compressed, dataOf, type Kind, SceneStages, STAGES } from './sequence-stages.js';

type Side = 'client' | 'upstream';

/** An end of the WebSocket: answers a Close frame, and reads only while it is not told to be slow. */
class End implements TransportOwner {
  transport!: Transport;
  private received = Buffer.alloc(0);
  /** Nothing was lost because of this end. */
  intact = true;
  closeSent = false;

  constructor(readonly side: Side) {}

  get stream(): { frames: Required<TestFrame>[]; rest: Buffer } {
    return decode(this.received);
  }

  send(bytes: Buffer): void {
    if (this.transport.writable) this.transport.write(bytes);
  }

  sendClose(code: number): void {
    if (this.closeSent) return;
    this.closeSent = true;
    this.send(encode({ opcode: 8, payload: Buffer.from([code >> 8, code & 0xff]) }, this.side === 'client'));
  }

  /** It has received a Close frame, which it answers between its own frames. */
  get isClosing(): boolean {
    return this.stream.frames.some(({ opcode }) => opcode === 8);
  }

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.received = Buffer.concat([this.received, bytes.subarray(0, length)]);
  }
  onEnd(transport: Transport): void {
    transport.destroySoon();
  }
  onDrain(): void {}
  onConnected(): void {}
  onClosed(): void {}
}

const NO_OWNER: TransportOwner = { onBytes() {}, onEnd() {}, onDrain() {}, onConnected() {}, onClosed() {} };

/** What happens next. Sending continues with the next bytes of that end's stream. */
type Step =
  | { readonly what: 'send'; readonly side: Side; readonly length: number }
  | { readonly what: 'close' | 'fin' | 'reset' | 'slow' | 'ready' | 'ping'; readonly side: Side }
  | { readonly what: 'reload'; readonly strict: boolean; readonly dryRun: boolean }
  | { readonly what: 'proxy closes' | 'proxy ends' | 'drain' | 'drain later' | 'cancel drain' | 'shutdown' | 'turn' };

const side = fc.constantFrom<Side>('client', 'upstream');
const length = fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 700 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 40, arbitrary: fc.record({ what: fc.constant('send' as const), side, length }) },
  { weight: 30, arbitrary: fc.record({ what: fc.constant('turn' as const) }) },
  { weight: 20, arbitrary: fc.record({ what: fc.constant('ping' as const), side }) },
  { weight: 8, arbitrary: fc.record({ what: fc.constantFrom('slow' as const, 'ready', 'ready'), side }) },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('reload' as const),
      strict: fc.boolean(),
      dryRun: fc.constantFrom(true, true, true, false),
    }),
  },
  { weight: 3, arbitrary: fc.record({ what: fc.constantFrom('drain later' as const, 'cancel drain') }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('close' as const, 'close', 'fin', 'reset'), side }) },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constantFrom('proxy closes' as const, 'proxy ends', 'drain', 'shutdown') }),
  },
);

interface Scene {
  readonly kind: Kind;
  readonly sent: Readonly<Record<Side, TestFrame[]>>;
  readonly steps: readonly Step[];
  readonly waits: readonly boolean[];
}

/** ms for a compression, on a machine that is busy. */
const SETTLE_TIMEOUT = 10_000;
const LIFETIMES = { lifetime: 0, credentialExpiry: 0 };

/** Steps that are no cause of an end. */
const HARMLESS: ReadonlySet<Step['what']> = new Set([
  'send',
  'turn',
  'ping',
  'slow',
  'ready',
  'reload',
  'drain later',
  'cancel drain',
]);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function run({ kind, sent: plain, steps, waits }: Scene): Promise<void> {
  const takeover = kind === 'takeover';
  const compresses = takeover || kind === 'deflate';
  const sent = compresses
    ? { client: compressed(plain.client, takeover), upstream: compressed(plain.upstream, takeover) }
    : plain;
  const stages = new SceneStages(kind, waits);
  const ends = { client: new End('client'), upstream: new End('upstream') };
  const inner = {} as Record<Side, Transport>;
  for (const end of [ends.client, ends.upstream]) {
    const { outgoing, accepted } = memoryPair(end, NO_OWNER);
    end.transport = outgoing;
    accepted.pause();
    inner[end.side] = accepted;
  }
  const streams = {
    client: Buffer.concat(sent.client.map((frame) => encode(frame, true))),
    upstream: Buffer.concat(sent.upstream.map((frame) => encode(frame, false))),
  };
  const written = { client: 0, upstream: 0 };
  let tunnel!: Tunnel;
  let over = false;
  {
    const side = (transport: Transport) => ({ transport, early: Buffer.alloc(0), peerEnded: false });
    openTunnel(
      side(inner.client),
      side(inner.upstream),
      {
        readTimeout: 60_000,
        sendTimeout: 60_000,
        clientSendTimeout: 60_000,
        lingering: 0,
        lifetimes: LIFETIMES,
        websocket: {
          settings: { ...WEBSOCKET.initial, closeOnViolation: kind === 'strict' },
          reserved: stages.reserved,
          openStages: (tunnel, from, to, direction) => stages.open(tunnel, from, to, direction),
          log() {},
          tap: new Tap(),
          tapFrames() {},
        },
      },
      (opened) => {
        tunnel = opened;
        tunnel.owner = {
          ended: () => {
            over = true;
          },
        };
      },
    );
  }
  const write = (side: Side, length: number): void => {
    const end = ends[side];
    if (end.closeSent) return;
    const to = Math.min(written[side] + length, streams[side].length);
    end.send(streams[side].subarray(written[side], to));
    written[side] = to;
  };
  /** Ends the frame in progress, so that a control frame may follow. */
  const finishFrame = (side: Side): void => {
    const { rest } = decode(streams[side].subarray(0, written[side]));
    if (rest.length === 0) return;
    const begun = written[side] - rest.length;
    let to = written[side];
    while (to < streams[side].length && decode(streams[side].subarray(begun, to)).frames.length === 0) to++;
    write(side, to - written[side]);
  };
  /** Waits that many turns, and until stages have nothing left: compression takes place in threads. */
  const settle = async (turns: number): Promise<void> => {
    for (let i = 0; i < turns && !over; i++) await turn();
    const limit = performance.now() + SETTLE_TIMEOUT;
    while (stages.busy && !over && performance.now() < limit) await turn();
  };
  for (const each of steps) {
    if (each.what === 'send') write(each.side, each.length);
    else if (each.what === 'turn') await turn();
    else if (each.what === 'slow') ends[each.side].transport.pause();
    else if (each.what === 'ready') ends[each.side].transport.resume();
    else if (each.what === 'close') {
      finishFrame(each.side);
      ends[each.side].sendClose(3000);
    } else if (each.what === 'fin' || each.what === 'reset') {
      const end = ends[each.side];
      end.intact = false;
      end.closeSent = true;
      if (each.what === 'fin') end.transport.end();
      else end.transport.destroy();
    } else if (each.what === 'ping') {
      const relay = each.side === 'client' ? tunnel.down : tunnel.up;
      if (!over) relay?.insertPing(Buffer.from('of proxy'), { onInserted() {} });
    } else if (each.what === 'proxy closes') tunnel.closeByProxy(1008, 'rule');
    else if (each.what === 'proxy ends') tunnel.closeGracefully(1001, 'age');
    else if (each.what === 'drain') tunnel.drain({ code: 1012, at: 0, deadline: Number.POSITIVE_INFINITY });
    else if (each.what === 'drain later') {
      tunnel.drain({ code: 1012, at: Number.MAX_SAFE_INTEGER, deadline: Number.POSITIVE_INFINITY });
    } else if (each.what === 'cancel drain') tunnel.cancelDrain();
    else if (each.what === 'reload') {
      // The tunnel moves to another configuration.
      stages.setDryRun(each.dryRun);
      tunnel.configure({ ...WEBSOCKET.initial, closeOnViolation: each.strict }, LIFETIMES);
    } else tunnel.stop();
    for (const end of [ends.client, ends.upstream]) {
      if (end.closeSent || !end.isClosing) continue;
      finishFrame(end.side);
      end.sendClose(1000);
    }
  }
  for (const end of [ends.client, ends.upstream]) end.transport.resume();
  for (let i = 0; i < 5; i++) await turn();
  // What is left: both send the rest, and then close.
  for (const end of [ends.client, ends.upstream]) {
    write(end.side, streams[end.side].length);
    end.sendClose(1000);
  }
  // Stages may take turns for each frame. Then the server closes the connection, as RFC 6455, 7.1.1 requires.
  await settle(200);
  ends.upstream.transport.end();
  await settle(20);
  ends.client.transport.end();
  await settle(20);
  for (let i = 0; i < 20; i++) await turn();
  assert.ok(over, 'the tunnel has not ended');
  for (const end of [ends.client, ends.upstream]) {
    const other = end.side === 'client' ? ends.upstream : ends.client;
    const { frames, rest } = end.stream;
    const opcodes = frames.map(({ opcode }) => opcode);
    const closeAt = opcodes.indexOf(8);
    assert.ok(closeAt < 0 || (closeAt === frames.length - 1 && rest.length === 0), `${end.side}: bytes after Close`);
    const [data, received] = [dataOf(sent[other.side], takeover), dataOf(frames, takeover)];
    assert.ok(data.startsWith(received), `${end.side}: data`);
    const isWhole = steps.every(({ what }) => HARMLESS.has(what)) && !stages.enforced;
    if (isWhole) assert.equal(received.length, data.length, `${end.side}: not all data has arrived`);
    const foreign = frames.filter(({ opcode, payload }) => opcode === 9 && String(payload) !== 'of proxy');
    const pings = sent[other.side].filter(({ opcode }) => opcode === 9).map(({ payload }) => String(payload));
    assert.deepEqual(
      foreign.map(({ payload }) => String(payload)),
      pings.slice(0, foreign.length),
      `${end.side}: pings`,
    );
    if (end.intact && other.intact && !steps.some(({ what }) => what === 'shutdown')) {
      assert.notEqual(closeAt, -1, `${end.side}: no Close`);
    } else if (end.intact && rest.length === 0) assert.notEqual(closeAt, -1, `${end.side}: no Close at the end`);
  }
}

const RUNS = Number(process.env.SEQUENCES ?? 300);

test(`${RUNS} random sequences leave whole frames, messages in order, and a Close frame at the end`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        kind: fc.constantFrom(...STAGES),
        sent: fc.record({ client: frameSequences, upstream: frameSequences }),
        steps: fc.array(step, { maxLength: 60, size: 'max' }),
        waits: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
      }),
      run,
    ),
    // The search for a shorter failure is bounded; runs that are not made fail.
    {
      numRuns: RUNS,
      ...(process.env.SEQUENCES === undefined && { interruptAfterTimeLimit: 120_000, markInterruptAsFailure: true }),
    },
  );
});
