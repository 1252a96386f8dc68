/** Arguments of `websocket_limit_messages` and `websocket_limit_bytes`. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom } from '../../config/argument-types.js';
import type { ArgumentContext, ArgumentType } from '../../config/directive.js';
import { parseInteger, parseOffset, parseSeconds } from '../../config/units.js';
import { POLICY_VIOLATION, TRY_AGAIN_LATER } from '../../websocket/close-codes.js';

/** Plain data. Amounts in thousandths of a message or byte. */
export interface RateData {
  /** Per second. */
  readonly rate: number;
  /** Amount that may arrive at once. */
  readonly burst: number;
  /** Name of the zone in which a key is counted; null: the connection is. */
  readonly zone: string | null;
  /** Whether excess messages wait; otherwise the WebSocket is closed. */
  readonly delay: boolean;
  /** Status code of the Close frame. */
  readonly code: number;
}

const CODES = [POLICY_VIOLATION, TRY_AGAIN_LATER];

function parseRate(w: Word, unit: 'messages' | 'bytes', c: ArgumentContext): { amount: number; rate: number } {
  const [, number = '', time = ''] = /^([^/]*)\/(.*)$/s.exec(w.text) ?? [];
  const amount = (unit === 'bytes' ? parseOffset(number) : parseInteger(number)) ?? 0;
  // A unit without a number means one: 10/s.
  const seconds = parseSeconds(/^[smhd]$/.test(time) ? `1${time}` : time) ?? 0;
  if (amount === 0 || seconds === 0) {
    const example = unit === 'bytes' ? '64k/s, 10m/1m' : '10/s, 600/m, 1000/15m';
    return c.fail(w, 'invalid-value', `invalid rate "${w.text}"`, {
      help: `a rate is a ${unit === 'bytes' ? 'size' : 'number of messages'} per time: ${example}`,
    });
  }
  return { amount, rate: Math.max(1, Math.floor((amount * 1000) / seconds)) };
}

/** Argument type of a rate. */
export function rateArgument(unit: 'messages' | 'bytes'): ArgumentType<RateData> {
  const count = unit === 'bytes' ? 'size' : 'number';
  return custom(`rate [burst=${count}] [zone=name] [delay | code=number]`, 1, 4, (words, c): RateData => {
    const [first, ...parameters] = words as readonly [Word, ...Word[]]; // one word at least: `min`
    const { amount, rate } = parseRate(first, unit, c);
    const found: { burst?: number; zone?: string; delay?: true; code?: number } = {};
    for (const w of parameters) {
      const [, name = w.text, value = ''] = /^(burst|zone|code)=(.*)$/s.exec(w.text) ?? [];
      const before = Object.keys(found).length;
      if (name === 'delay') found.delay = true;
      else if (name === 'zone' && value !== '') found.zone = value;
      else if (name === 'burst') found.burst = (unit === 'bytes' ? parseOffset(value) : parseInteger(value)) ?? 0;
      else if (name === 'code') found.code = parseInteger(value) ?? 0;
      else c.fail(w, 'invalid-value', `invalid parameter "${w.text}"`);
      if (Object.keys(found).length === before) c.fail(w, 'duplicate-value', `duplicate parameter "${name}"`);
      if (found.burst === 0) c.fail(w, 'invalid-value', `invalid burst value "${w.text}"`);
      if (found.code !== undefined && !CODES.includes(found.code)) {
        c.fail(w, 'invalid-value', `invalid value "${w.text}"`, {
          help: `the code of the Close frame is ${CODES.join(' (policy violation) or ')} (try again later)`,
        });
      }
      if (found.delay === true && found.code !== undefined) {
        c.fail(w, 'invalid-value', '"delay" and "code" exclude each other', {
          help: 'with "delay", excess messages wait, and the WebSocket is not closed',
        });
      }
    }
    const { burst = amount, zone = null, delay = false, code = POLICY_VIOLATION } = found;
    return { rate, burst: burst * 1000, zone, delay, code };
  });
}
