/**
 * Random sequences of what two ends of a WebSocket, its stages and the proxy do, against a model: neither end ever receives a broken frame,
 * a message that was not sent, or anything after a Close frame; and each end that is still there receives a Close frame, unless the
 * stream to it stopped inside of a frame. `SEQUENCES=10000` runs more of them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { memoryPair } from '../../src/net/memory-transport.js';
import type { Transport, TransportOwner } from '../../src/net/transport.js';
import { Tap } from '../../src/tap/tap.js';
import { openTunnel } from '../../src/tunnel/open-tunnel.js';
import type { StagedTunnel } from '../../src/tunnel/stages.js';
import { StageChain } from '../../src/tunnel/stages.js';
import type { Tunnel } from '../../src/tunnel/tunnel.js';
import { WEBSOCKET } from '../../src/tunnel/websocket-settings.js';
import { CheckedStage } from '../../src/websocket/checked-stage.js';
import { PASS, WAIT } from '../../src/websocket/frame-check.js';
import { MessagePipe } from '../../src/websocket/message-pipe.js';
import type { StageHost } from '../../src/websocket/stage.js';
import { decode, encode, frameSequences, type TestFrame } from '../websocket/stage-harness.js';

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
  | { readonly what: 'proxy closes' | 'proxy ends' | 'drain' | 'shutdown' | 'turn' };

const side = fc.constantFrom<Side>('client', 'upstream');
const length = fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 700 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 40, arbitrary: fc.record({ what: fc.constant('send' as const), side, length }) },
  { weight: 30, arbitrary: fc.record({ what: fc.constant('turn' as const) }) },
  { weight: 20, arbitrary: fc.record({ what: fc.constant('ping' as const), side }) },
  { weight: 8, arbitrary: fc.record({ what: fc.constantFrom('slow' as const, 'ready', 'ready'), side }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('close' as const, 'close', 'fin', 'reset'), side }) },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constantFrom('proxy closes' as const, 'proxy ends', 'drain', 'shutdown') }),
  },
);

const STAGES = ['none', 'checked', 'messages', 'both', 'strict'] as const;

function chainOf(
  kind: (typeof STAGES)[number],
  tunnel: StagedTunnel,
  from: Transport,
  to: Transport,
  direction: 'up' | 'down',
  waits: readonly boolean[],
): StageChain | null {
  const checked = (_x: unknown, _direction: unknown, host: StageHost) => {
    let count = 0;
    return new CheckedStage(host, (services) => [
      {
        frame: () => {
          if (waits[count++ % waits.length] !== true) return PASS;
          setImmediate(() => services.proceed());
          return WAIT;
        },
        payload: null,
        dispose() {},
      },
    ]);
  };
  const messages = (_x: unknown, _direction: unknown, host: StageHost) => {
    let count = 0;
    const handle = () => (waits[count++ % waits.length] === true ? Promise.resolve(null) : null);
    return new MessagePipe(host, {
      fromClient: direction === 'up',
      maxMessage: 1 << 20,
      inflate: null,
      deflate: null,
      handlers: [{ handle, dispose() {} }],
      onInvalid: (code, reason) => assert.fail(`${code} ${reason}`),
      onFailure: (error) => assert.fail(String(error)),
    });
  };
  const factories = kind === 'checked' ? [checked] : kind === 'messages' ? [messages] : [checked, messages];
  if (kind === 'none' || kind === 'strict') return null;
  return StageChain.open(tunnel, from, to, direction, {} as never, factories);
}

interface Scene {
  readonly kind: (typeof STAGES)[number];
  readonly sent: Readonly<Record<Side, TestFrame[]>>;
  readonly steps: readonly Step[];
  readonly waits: readonly boolean[];
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function run({ kind, sent, steps, waits }: Scene): Promise<void> {
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
        lifetimes: { lifetime: 0, credentialExpiry: 0 },
        websocket: {
          settings: { ...WEBSOCKET.initial, closeOnViolation: kind === 'strict' },
          reserved: 0,
          openStages: (tunnel, from, to, direction) => chainOf(kind, tunnel, from, to, direction, waits),
          log() {},
          tap: new Tap(),
          tapFrames() {},
        },
      },
      (opened) => {
        tunnel = opened;
      },
      () => {
        over = true;
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
    else tunnel.stop();
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
  for (let i = 0; i < 200 && !over; i++) await turn();
  ends.upstream.transport.end();
  for (let i = 0; i < 20 && !over; i++) await turn();
  ends.client.transport.end();
  for (let i = 0; i < 20; i++) await turn();
  assert.ok(over, 'the tunnel has not ended');
  for (const end of [ends.client, ends.upstream]) {
    const other = end.side === 'client' ? ends.upstream : ends.client;
    const { frames, rest } = end.stream;
    const opcodes = frames.map(({ opcode }) => opcode);
    const closeAt = opcodes.indexOf(8);
    assert.ok(closeAt < 0 || (closeAt === frames.length - 1 && rest.length === 0), `${end.side}: bytes after Close`);
    const data = (list: readonly TestFrame[]): string =>
      list
        .map(({ opcode, payload = '' }) => (opcode < 8 ? Buffer.from(payload as string).toString('latin1') : ''))
        .join('');
    assert.ok(data(sent[other.side]).startsWith(data(frames)), `${end.side}: data`);
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
    { numRuns: RUNS },
  );
});
