/** Argument types of the policies about messages. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom, flag } from '../../config/argument-types.js';
import type { ArgumentContext, ArgumentType } from '../../config/directive.js';
import { LEVELS, type Level } from '../../config/log-level.js';
import { parsePattern } from '../../config/pattern.js';
import type { PatternData } from '../../config/template.js';
import { parseInteger, parseOffset } from '../../config/units.js';
import type { From } from './policies.js';

const SENDERS: readonly From[] = ['client', 'upstream', 'both'];

/** Value of a parameter `from=`; null: the word is another one. */
function fromOf(w: Word, c: ArgumentContext): From | null {
  const [, value] = /^from=(.*)$/s.exec(w.text) ?? [];
  if (value === undefined) return null;
  const from = SENDERS.find((sender) => sender === value);
  return (
    from ??
    c.fail(w, 'invalid-value', `invalid value "${w.text}"`, { help: 'senders: from=client, from=upstream, from=both' })
  );
}

export interface SenderData {
  readonly on: boolean;
  readonly from: From;
}

/** `on | off [from=…]`. */
export const sendersFlag: ArgumentType<SenderData> = custom(
  'on | off [from=client | upstream | both]',
  1,
  2,
  (words, c) => {
    const [first, second] = words as readonly [Word, Word?]; // one word at least: `min`
    const on = flag.parse([first], c);
    const from = second === undefined ? 'client' : fromOf(second, c);
    if (from === null) return c.fail(second ?? first, 'invalid-value', `invalid parameter "${second?.text}"`);
    return { on, from };
  },
);

export interface PatternsData {
  readonly patterns: readonly PatternData[];
  readonly from: From;
}

function patternsOf(words: readonly Word[], c: ArgumentContext): PatternsData {
  let from: From = 'client';
  const patterns: PatternData[] = [];
  for (const w of words) {
    const given = fromOf(w, c);
    if (given === null) patterns.push(parsePattern(w, c));
    else from = given;
  }
  if (patterns.length === 0) c.fail(c.statement, 'argument-count', `no expression in "${c.directive}" directive`);
  return { patterns, from };
}

/** `regex … [from=…]`. */
export const patterns = custom('regex ... [from=client | upstream | both]', 1, Number.POSITIVE_INFINITY, patternsOf);

export interface RedactionData {
  readonly pattern: PatternData;
  readonly replacement: string;
  readonly from: From;
}

/** `regex [replacement] [from=…]`. */
export const redaction: ArgumentType<RedactionData> = custom(
  'regex [replacement] [from=client | upstream | both]',
  1,
  3,
  (words, c) => {
    const [regex, ...rest] = words as readonly [Word, ...Word[]]; // one word at least: `min`
    let from: From = 'both';
    let replacement: string | null = null;
    for (const w of rest) {
      const given = fromOf(w, c);
      if (given !== null) from = given;
      else if (replacement === null) replacement = w.text;
      else c.fail(w, 'invalid-value', `invalid parameter "${w.text}"`);
    }
    return { pattern: parsePattern(regex, c), replacement: replacement ?? '[redacted]', from };
  },
);

export interface MessageLogData {
  readonly level: Level;
  /** Bytes. */
  readonly size: number;
  /** Messages per second. */
  readonly rate: number;
  readonly from: From;
}

/** `level [size=…] [rate=…] [from=…]`, or null for `off`. */
export const messageLog: ArgumentType<MessageLogData | null> = custom(
  'off | level [size=size] [rate=number/s] [from=client | upstream | both]',
  1,
  4,
  (words, c) => {
    const [first, ...rest] = words as readonly [Word, ...Word[]]; // one word at least: `min`
    if (first.text === 'off' && rest.length === 0) return null;
    const level = LEVELS.find((each) => each === first.text);
    if (level === undefined) {
      return c.fail(first, 'invalid-value', `invalid log level "${first.text}"`, {
        help: `it is one of: ${LEVELS.join(', ')}`,
      });
    }
    let size = 256;
    let rate = 10;
    let from: From = 'both';
    for (const w of rest) {
      const [, name, value = ''] = /^(size|rate)=(.*)$/s.exec(w.text) ?? [];
      const given = fromOf(w, c);
      const number = name === 'size' ? parseOffset(value) : parseInteger(/^(\d+)\/s$/.exec(value)?.[1] ?? '');
      if (given !== null) from = given;
      else if (name === undefined) c.fail(w, 'invalid-value', `invalid parameter "${w.text}"`);
      else if (number === null || (name === 'rate' && number === 0))
        c.fail(w, 'invalid-value', `invalid value "${w.text}"`);
      else if (name === 'size') size = number;
      else rate = number;
    }
    return { level, size, rate, from };
  },
);

export interface MirrorData {
  readonly url: string;
  /** Host as written. */
  readonly host: string;
  readonly from: From;
}

/** `URL [from=…]`. */
export const mirror: ArgumentType<MirrorData> = custom('URL [from=client | upstream | both]', 1, 2, (words, c) => {
  const [first, second] = words as readonly [Word, Word?]; // one word at least: `min`
  const valid = /^wss?:\/\/[^/?#]/i.test(first.text) && URL.canParse(first.text) && !/[#$]/.test(first.text);
  if (!valid) {
    c.fail(first, 'invalid-value', `invalid URL "${first.text}"`, {
      help: 'the URL of a WebSocket server, without variables: ws://127.0.0.1:9000/copies, or the name of an upstream as its host',
    });
  }
  const from = second === undefined ? 'client' : fromOf(second, c);
  if (from === null) return c.fail(second ?? first, 'invalid-value', `invalid parameter "${second?.text}"`);
  return { url: first.text, host: /^wss?:\/\/([^/?]+)/i.exec(first.text)?.[1] ?? '', from };
});
