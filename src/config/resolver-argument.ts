/** The arguments of `resolver`: `address ... [valid=time] [ipv4=on|off] [ipv6=on|off] [status_zone=zone]`. */
import type { Word } from '../../grammar/syntax-tree.js';
import { nearest } from '../diagnostics/nearest.js';
import { type Address, canonicalIp, mayBeHost, parseAddress } from './address.js';
import { custom } from './argument-types.js';
import type { ArgumentContext, ArgumentType } from './directive.js';
import { unexpandedHelp } from './unexpanded-template.js';
import { parseSeconds } from './units.js';

/** Name servers and the use of their answers. Plain data. */
export interface ResolverData {
  /** As written, with port 53 by default; names are resolved at start. Empty: `resolver` without arguments. */
  readonly servers: readonly Address[];
  /** Time in ms for which answers are cached; null: their own TTL. */
  readonly valid: number | null;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** Zone of the statistics; null: none are collected. */
  readonly statusZone: string | null;
}

export const resolverArgument: ArgumentType<ResolverData> = custom(
  'address ... [valid=time] [ipv4=on|off] [ipv6=on|off] [status_zone=zone]',
  1,
  Number.POSITIVE_INFINITY,
  (words, c) => {
    const servers: Address[] = [];
    let valid: number | null = null;
    let ipv4 = true;
    let ipv6 = true;
    let statusZone: string | null = null;
    for (const word of words) {
      const { text } = word;
      if (text.startsWith('valid=')) {
        const seconds = parseSeconds(text.slice('valid='.length));
        // 0 is the same as not set, as in nginx.
        valid = seconds === null ? fail(word, c) : seconds * 1000 || null;
      } else if (text.startsWith('ipv4=')) ipv4 = onOrOff(word, text.slice('ipv4='.length), c);
      else if (text.startsWith('ipv6=')) ipv6 = onOrOff(word, text.slice('ipv6='.length), c);
      else if (text.startsWith('status_zone=')) statusZone = text.slice('status_zone='.length) || fail(word, c);
      else servers.push(nameServer(word, c));
    }
    if (!ipv4 && !ipv6) c.fail(c.statement, 'conflicting-directives', '"ipv4" and "ipv6" cannot both be "off"');
    if (servers.length === 0) c.fail(c.statement, 'argument-count', 'no name servers defined');
    return { servers, valid, ipv4, ipv6, statusZone };
  },
);

const PARAMETERS = ['valid', 'ipv4', 'ipv6', 'status_zone'];

function nameServer(word: Word, c: ArgumentContext): Address {
  const equals = word.text.indexOf('=');
  if (equals > 0) {
    // nginx takes an unknown parameter as a host name and resolves it.
    const [meant] = nearest(word.text.slice(0, equals), PARAMETERS);
    const help =
      meant === undefined ? 'this is not a valid host name' : `did you mean "${meant}${word.text.slice(equals)}"?`;
    c.fail(word, 'invalid-value', `host not found in resolver "${word.text}"`, { help });
  }
  if (!mayBeHost(word.text)) {
    c.fail(word, 'invalid-value', `host not found in resolver "${word.text}"`, {
      help: unexpandedHelp(word.text) ?? 'this is neither an address nor a host name',
    });
  }
  const parsed = parseAddress(word.text, { defaultPort: 53 });
  if (!('mistake' in parsed)) return parsed;
  const isBare = canonicalIp(word.text) !== null;
  const options = isBare
    ? {
        help: 'an IPv6 address must be in brackets',
        fix: { title: `write [${word.text}]`, edits: [{ at: word, text: `[${word.text}]` }] },
      }
    : {};
  return c.fail(word, 'invalid-value', `${parsed.mistake} in resolver "${word.text}"`, options);
}

function onOrOff(word: Word, value: string, c: ArgumentContext): boolean {
  return value === 'on' || (value === 'off' ? false : fail(word, c));
}

function fail(word: Word, c: ArgumentContext): never {
  return c.fail(word, 'invalid-value', `invalid parameter: ${word.text}`);
}
