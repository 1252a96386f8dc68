/** Kinds of stages for the random sequences of `sequences.test.ts`, and streams with compressed messages. */
import assert from 'node:assert/strict';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { Limiter, type Limits, opcodeBits } from '../../src/modules/websocket_limit/limiter.js';
import type { Transport } from '../../src/net/transport.js';
import type { Exchange } from '../../src/program/exchange.js';
import { type Direction, StageChain, type StagedTunnel, type StageFactory } from '../../src/tunnel/stages.js';
import { CheckedStage } from '../../src/websocket/checked-stage.js';
import { acceptOffer, acceptResponse, type Deflate, loadDeflate } from '../../src/websocket/deflate.js';
import { PASS, WAIT } from '../../src/websocket/frame-check.js';
import { MessagePipe } from '../../src/websocket/message-pipe.js';
import type { StageHost } from '../../src/websocket/stage.js';
import type { TestFrame } from '../websocket/stage-harness.js';

await loadDeflate();

/**
 * `strict`: invalid frames close the WebSocket; `limits`: those of websocket_limit, which everything exceeds, at first in a dry
 * run; `deflate`, `takeover`: messages that are compressed on both sides.
 */
export const STAGES = ['none', 'strict', 'checked', 'messages', 'both', 'limits', 'deflate', 'takeover'] as const;
export type Kind = (typeof STAGES)[number];

const LIMITS: Limits = {
  from: 'both',
  messageSize: 20,
  frameSize: 10,
  fragments: 1,
  opcodes: opcodeBits(['binary']),
  rates: [{ unit: 'messages', rate: 1000, burst: 1000, zone: null, delay: false, code: 1013, keyedZone: null }],
  dryRun: true,
  level: 'error',
  failOpen: true,
  backend: null as never, // for zones only
};

export class SceneStages {
  /** Whether frames have been rejected, so that not all of them arrive. */
  enforced = false;
  private limits = LIMITS;
  private readonly chains: StageChain[] = [];
  private readonly client: Deflate | null;
  private readonly upstream: Deflate | null;

  constructor(
    private readonly kind: Kind,
    /** Whether a stage takes turns before it decides, repeated. */
    private readonly waits: readonly boolean[],
  ) {
    const compresses = kind === 'deflate' || kind === 'takeover';
    const contextTakeover = kind === 'takeover';
    const settings = { windowBits: 15, contextTakeover, maxMessage: 1 << 20 };
    const parameters = contextTakeover ? '' : '; server_no_context_takeover; client_no_context_takeover';
    this.client = compresses ? acceptOffer(`permessage-deflate${parameters}`, settings) : null;
    this.upstream = compresses ? acceptResponse(`permessage-deflate${parameters}`, settings) : null;
    assert.equal(this.client !== null && this.upstream !== null, compresses);
  }

  get reserved(): number {
    return this.client === null ? 0 : 4;
  }

  /** Whether bytes are still in a stage. */
  get busy(): boolean {
    return this.chains.some(({ busy }) => busy);
  }

  /** A reload has changed websocket_limit_dry_run. */
  setDryRun(dryRun: boolean): void {
    this.limits = { ...LIMITS, dryRun };
    if (this.kind === 'limits' && !dryRun) this.enforced = true;
  }

  open(tunnel: StagedTunnel, from: Transport, to: Transport, direction: Direction): StageChain | null {
    const factories = this.factories(direction);
    const chain = StageChain.open(tunnel, from, to, direction, {} as never, factories);
    if (chain !== null) this.chains.push(chain);
    return chain;
  }

  private factories(direction: Direction): StageFactory[] {
    const isUp = direction === 'up';
    const checked: StageFactory = (_x, _direction, host) => this.checked(host);
    const messages =
      (inflate: Deflate | null, deflate: Deflate | null): StageFactory =>
      (_x, _direction, host) =>
        this.messages(host, isUp, inflate, deflate);
    const limits: StageFactory = (_x, _direction, host) =>
      new CheckedStage(host, (services) => [new Limiter(this.exchange(), isUp ? 'client' : 'upstream', services)]);
    const { client, upstream } = this;
    switch (this.kind) {
      case 'none':
      case 'strict':
        return [];
      case 'checked':
        return [checked];
      case 'messages':
        return [messages(null, null)];
      case 'both':
        return [checked, messages(null, null)];
      case 'limits':
        return [limits];
      default:
        return [isUp ? messages(client, upstream) : messages(upstream, client)];
    }
  }

  private checked(host: StageHost): CheckedStage {
    const { waits } = this;
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
  }

  private messages(host: StageHost, fromClient: boolean, inflate: Deflate | null, deflate: Deflate | null) {
    const { waits } = this;
    let count = 0;
    const handle = () => (waits[count++ % waits.length] === true ? Promise.resolve(null) : null);
    return new MessagePipe(host, {
      fromClient,
      maxMessage: 1 << 20,
      inflate,
      deflate,
      handlers: [{ handle, dispose() {} }],
      onInvalid: (code, reason) => assert.fail(`${code} ${reason}`),
      onFailure: (error) => assert.fail(String(error)),
    });
  }

  /** The part of an exchange that limits use. */
  private exchange(): Exchange {
    const settings = { get: () => this.limits };
    return { location: { settings }, setState() {}, state() {}, errorLog: { threshold: -1 } } as unknown as Exchange;
  }
}

/** End of compressed data that is not sent (RFC 7692, 7.2.1). */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const WINDOW = 32_768;

/** Compresses two of three messages, each made longer before. Fragments keep their number. */
export function compressed(frames: readonly TestFrame[], takeover: boolean): TestFrame[] {
  const result: TestFrame[] = [];
  let window = Buffer.alloc(0);
  let message: number[] = [];
  let count = 0;
  for (const frame of frames) {
    if (frame.opcode < 8) message.push(result.length);
    result.push(frame);
    if (frame.opcode >= 8 || frame.fin === false) continue;
    const plain = Buffer.from(message.map((i) => String(result[i]?.payload ?? '').repeat(6)).join(''));
    const packs = count++ % 3 !== 2;
    const options = {
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(takeover && window.length > 0 && { dictionary: window }),
    };
    const data = packs ? deflateRawSync(plain, options).subarray(0, -TAIL.length) : plain;
    if (packs) window = Buffer.concat([window, plain]).subarray(-WINDOW);
    const size = Math.ceil(data.length / message.length);
    for (const [n, i] of message.entries()) {
      const payload = data.subarray(n * size, (n + 1) * size);
      result[i] = { ...(result[i] as TestFrame), payload, rsv: n === 0 && packs ? 4 : 0 };
    }
    message = [];
  }
  return result;
}

/** The payloads of data frames, joined; compressed messages are decompressed, if they are complete. */
export function dataOf(frames: readonly TestFrame[], takeover: boolean): string {
  let data = '';
  let window = Buffer.alloc(0);
  let packed: Buffer[] | null = null;
  for (const { opcode, rsv = 0, fin = true, payload = '' } of frames) {
    if (opcode >= 8) continue;
    if (opcode !== 0) packed = rsv === 4 ? [] : null;
    const bytes = Buffer.from(payload as string);
    if (packed === null) {
      data += bytes.toString('latin1');
      continue;
    }
    packed.push(bytes);
    if (!fin) continue;
    const options = {
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(takeover && window.length > 0 && { dictionary: window }),
    };
    const plain = inflateRawSync(Buffer.concat([...packed, TAIL]), options);
    window = Buffer.concat([window, plain]).subarray(-WINDOW);
    data += plain.toString('latin1');
  }
  return data;
}
