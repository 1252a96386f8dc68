/** Checks the frames of one direction of a WebSocket against the limits of its location. */
import { performance } from 'node:perf_hooks';
import type { Level } from '../../config/log-level.js';
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import { SettingsKey } from '../../program/settings-key.js';
import { StateKey } from '../../program/state-key.js';
import { type KeyedZone, keyOf } from '../../program/zones.js';
import { MESSAGE_TOO_BIG, POLICY_VIOLATION, UNSUPPORTED_DATA } from '../../websocket/close-codes.js';
import { type CheckHost, type CheckVerdict, CLOSED, type FrameCheck, PASS, WAIT } from '../../websocket/frame-check.js';
import type { FrameReader } from '../../websocket/frame-reader.js';
import { BINARY, CLOSE, CONTROL, PING, PONG, TEXT } from '../../websocket/opcodes.js';
import { countRequest, type RateAnswer, type RateLimit } from '../../zones/limits.js';
import type { ZoneBackend } from '../../zones/zone.js';
import type { RateData } from './rate-argument.js';

/** Maximum delay of a Node timer, ms: a longer one would fire immediately. */
const MAX_TIMER = 2 ** 31 - 1;
/** Bytes; as for `limit_req`. */
const MAX_KEY_LENGTH = 65535;

export interface Rate extends RateData {
  readonly unit: 'messages' | 'bytes';
  readonly keyedZone: KeyedZone | null;
}

/** Limits of a location. Sizes in bytes; 0: unlimited. */
export interface Limits {
  readonly from: 'client' | 'upstream' | 'both';
  readonly messageSize: number;
  readonly frameSize: number;
  readonly fragments: number;
  /** Permitted opcodes as bits; -1: all. */
  readonly opcodes: number;
  readonly rates: readonly Rate[];
  readonly dryRun: boolean;
  readonly level: Level;
  readonly failOpen: boolean;
  readonly backend: ZoneBackend;
}

export const LIMITS = new SettingsKey<Limits | null>('websocket_limit', null);

export type LimitStatus = 'PASSED' | 'DELAYED' | 'REJECTED' | 'DELAYED_DRY_RUN' | 'REJECTED_DRY_RUN';

export const STATUS = new StateKey<LimitStatus>('websocket_limit status', 'request');

const OPCODES = ['continuation', 'text', 'binary', '', '', '', '', '', 'Close', 'ping', 'pong'];

export type OpcodeName = 'text' | 'binary' | 'ping' | 'pong';

const NAMED: Readonly<Record<OpcodeName, number>> = { text: TEXT, binary: BINARY, ping: PING, pong: PONG };

/** Bits of opcodes, with those that cannot be forbidden: continuation and Close. */
export function opcodeBits(names: readonly OpcodeName[]): number {
  return names.reduce((bits, name) => bits | (1 << NAMED[name]), 1 | (1 << CLOSE));
}

/** A leaky bucket of this connection. Amounts in thousandths. */
interface Bucket {
  excess: number;
  /** ms; -1: nothing was counted yet. */
  last: number;
}

export class Limiter implements FrameCheck {
  readonly payload = null;
  private size = 0;
  private fragments = 0;
  private buckets: Bucket[] = [];
  private bucketsOf: readonly Rate[] | null = null;
  /** Keys in zones, by rate; null: not counted. */
  private keys: (string | null)[] = [];
  private timer: NodeJS.Timeout | null = null;
  private over = false;
  /** Limits that were logged in a dry run or with a delay, which is done once. */
  private readonly logged = new Set<string>();

  constructor(
    private readonly x: Exchange,
    private readonly sender: 'client' | 'upstream',
    private readonly host: CheckHost,
  ) {}

  dispose(): void {
    this.over = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  frame(header: FrameReader): CheckVerdict {
    // Read for each frame, because a reload may have changed the limits.
    const limits = this.x.location.settings.get(LIMITS);
    if (limits === null || (limits.from !== 'both' && limits.from !== this.sender)) return PASS;
    const { opcode, length } = header;
    if (limits.frameSize > 0 && length > limits.frameSize) {
      const text = `frame of ${length} bytes exceeds "websocket_max_frame_size"`;
      if (this.reject(limits, text, MESSAGE_TOO_BIG, 'frame too big')) return CLOSED;
    }
    if (opcode < CONTROL && this.isMessageRejected(header, limits)) return CLOSED;
    if ((limits.opcodes & (1 << opcode)) === 0) {
      const name = OPCODES[opcode] || String(opcode);
      const code = opcode < CONTROL ? UNSUPPORTED_DATA : POLICY_VIOLATION;
      if (this.reject(limits, `opcode "${name}" is not permitted`, code, `${name} is not permitted`)) return CLOSED;
    }
    return limits.rates.length === 0 ? PASS : this.count(header, limits);
  }

  private isMessageRejected({ opcode, length }: FrameReader, limits: Limits): boolean {
    if (opcode !== 0) {
      this.size = 0;
      this.fragments = 0;
    }
    this.size += length;
    this.fragments++;
    if (limits.messageSize > 0 && this.size > limits.messageSize) {
      const text = `message of ${this.size} bytes exceeds "websocket_max_message_size"`;
      if (this.reject(limits, text, MESSAGE_TOO_BIG, 'message too big')) return true;
    }
    if (limits.fragments > 0 && this.fragments > limits.fragments) {
      const text = `message exceeds "websocket_max_fragments" ${limits.fragments}`;
      if (this.reject(limits, text, POLICY_VIOLATION, 'too many fragments')) return true;
    }
    return false;
  }

  // -- rates

  private count({ opcode, length }: FrameReader, limits: Limits): CheckVerdict {
    const { rates } = limits;
    // Continuations and Close frames do not count as messages.
    const starts = opcode !== 0 && opcode !== CLOSE;
    if (this.bucketsOf !== rates) this.openBuckets(rates);
    const time = performance.now();
    let delay = 0;
    let question: RateLimit[] | null = null;
    let asked: Rate[] | null = null;
    for (let i = 0; i < rates.length; i++) {
      const rate = rates[i] as Rate;
      const cost = rate.unit === 'bytes' ? length * 1000 : starts ? 1000 : 0;
      if (cost === 0) continue;
      if (rate.keyedZone !== null) {
        const key = this.keys[i] ?? null;
        if (key === null) continue;
        question ??= [];
        asked ??= [];
        question.push(zoneLimit(rate, rate.keyedZone.zone.id, key, cost));
        asked.push(rate);
        continue;
      }
      const excess = this.excess(this.buckets[i] as Bucket, rate, cost, time);
      if (excess <= 0) continue;
      if (rate.delay) delay = Math.max(delay, (excess * 1000) / rate.rate);
      else if (this.rejectRate(limits, rate)) return CLOSED;
    }
    if (question !== null && asked !== null) {
      const answer = limits.backend.ask(countRequest, { limits: question });
      const rates = asked;
      if (answer instanceof Promise) {
        answer.then((arrived) => this.continue(limits, rates, arrived, delay - (performance.now() - time)));
        return WAIT;
      }
      const more = this.evaluate(limits, rates, answer);
      if (more < 0) return CLOSED;
      delay = Math.max(delay, more);
    }
    return this.wait(limits, delay) ? WAIT : PASS;
  }

  private openBuckets(rates: readonly Rate[]): void {
    this.bucketsOf = rates;
    this.buckets = rates.map(() => ({ excess: 0, last: -1 }));
    this.keys = rates.map(({ keyedZone, unit }) => {
      const key = keyedZone === null ? null : keyOf(this.x, keyedZone, MAX_KEY_LENGTH);
      // Messages and bytes of a key are counted separately.
      return key === null ? null : `${unit}:${key}`;
    });
  }

  /** Counts in a bucket of this connection; returns the amount above the burst, or 0. */
  private excess(bucket: Bucket, { rate, burst }: Rate, cost: number, time: number): number {
    const drained = bucket.last < 0 ? 0 : ((time - bucket.last) * rate) / 1000;
    bucket.excess = Math.max(0, bucket.excess - drained) + cost;
    bucket.last = time;
    return bucket.excess - burst;
  }

  /** Result of the zones: ms of delay, or -1 if the WebSocket was closed. */
  private evaluate(limits: Limits, asked: readonly Rate[], { result, delay, limitIndex }: RateAnswer): number {
    if (result === 'passed' || (result === 'unanswered' && limits.failOpen)) return 0;
    if (result === 'delayed') return delay;
    const rate = asked[Math.max(0, limitIndex)] as Rate;
    if (result !== 'memory') return this.rejectRate(limits, rate) ? -1 : 0;
    const name = rate.keyedZone?.zone.declaration.name;
    if (!this.logged.has('memory'))
      logError(this.x, 'alert', `could not allocate node in websocket_limit zone "${name}"`);
    this.logged.add('memory');
    return this.rejectRate(limits, rate) ? -1 : 0;
  }

  private continue(limits: Limits, asked: readonly Rate[], answer: RateAnswer, delay: number): void {
    if (this.over) return;
    const more = this.evaluate(limits, asked, answer);
    if (more >= 0 && !this.wait(limits, Math.max(delay, more))) this.host.proceed();
  }

  /** Delays the frame by that many ms; returns false if no delay is needed. */
  private wait(limits: Limits, delay: number): boolean {
    if (delay <= 0) return false;
    const { dryRun } = limits;
    if (this.x.state(STATUS) === 'PASSED') this.x.setState(STATUS, dryRun ? 'DELAYED_DRY_RUN' : 'DELAYED');
    this.log(limits, 'delaying', `messages, by ${Math.ceil(delay)} ms`);
    if (dryRun) return false;
    this.timer = setTimeout(
      () => {
        this.timer = null;
        if (!this.wait(limits, delay - MAX_TIMER)) this.host.proceed();
      },
      Math.min(delay, MAX_TIMER),
    );
    return true;
  }

  // -- results

  private rejectRate(limits: Limits, { unit, code, keyedZone }: Rate): boolean {
    const by = keyedZone === null ? '' : ` by zone "${keyedZone.zone.declaration.name}"`;
    return this.reject(limits, `rate exceeds "websocket_limit_${unit}"${by}`, code, 'rate exceeded');
  }

  /** Rejects a frame; false in a dry run. */
  private reject(limits: Limits, problem: string, code: number, reason: string): boolean {
    const { dryRun } = limits;
    this.x.setState(STATUS, dryRun ? 'REJECTED_DRY_RUN' : 'REJECTED');
    this.log(limits, 'limiting', problem);
    if (dryRun) return false;
    this.host.close(code, reason);
    return true;
  }

  /** Logs an event: each kind once per direction. */
  private log({ dryRun, level }: Limits, what: string, problem: string): void {
    const kind = /"[^"]*"/.exec(problem)?.[0] ?? what;
    if (this.logged.has(kind)) return;
    this.logged.add(kind);
    logError(this.x, level, `${what} WebSocket${dryRun ? ', dry run' : ''}: ${this.sender}'s ${problem}`);
  }
}

/** The limit for a question to a zone, in which a delay is computed for the amount above the burst. */
function zoneLimit({ rate, burst, delay, unit }: Rate, zone: number, key: string, cost: number): RateLimit {
  // A zone counts the first message as no excess.
  const allowed = unit === 'messages' ? burst - 1000 : burst;
  return delay
    ? { zone, key, rate, burst: Number.MAX_SAFE_INTEGER, delay: allowed, cost }
    : { zone, key, rate, burst: allowed, delay: Number.MAX_SAFE_INTEGER, cost };
}
