/** Arguments of `server` in an `upstream` block. */
import type { Word } from '../../grammar/syntax-tree.js';
import { type Address, parseAddress } from '../config/address.js';
import { custom } from '../config/argument-types.js';
import type { ArgumentContext, ArgumentType } from '../config/directive.js';
import type { Place } from '../config/place.js';
import { placeOf } from '../config/place.js';
import { parseInteger, parseMilliseconds, parseSeconds } from '../config/units.js';
import { DEFAULT_PEER, type PeerSettings } from './peer.js';

/** A `server` line. Plain data. */
export interface ServerData {
  /** The address as written. */
  readonly written: string;
  readonly address: Address;
  readonly settings: PeerSettings;
  /** Set for `resolve` if the address is a name; otherwise null. */
  readonly runTime: { readonly host: string; readonly port: number; readonly service: string } | null;
  /** Position of a name that must be resolved at start; otherwise null. */
  readonly at: Place | null;
}

/** Maximum length of `route=`, bytes. */
const MAX_ROUTE = 32;

type Draft = { -readonly [K in keyof PeerSettings]: PeerSettings[K] } & { resolve: boolean; service: string };

/** Setters of parameters with a value; return false if nginx rejects the value. */
const WITH_VALUE: Readonly<Record<string, (draft: Draft, value: string, word: Word, c: ArgumentContext) => boolean>> = {
  weight: (draft, value) => (draft.weight = parseInteger(value) ?? 0) > 0,
  max_conns: (draft, value) => (draft.maxConns = parseInteger(value) ?? -1) >= 0,
  max_fails: (draft, value) => (draft.maxFails = parseInteger(value) ?? -1) >= 0,
  fail_timeout: (draft, value) => (draft.failTimeout = (parseSeconds(value) ?? -1) * 1000) >= 0,
  slow_start: (draft, value) => (draft.slowStart = parseMilliseconds(value) ?? -1) >= 0,
  route: (draft, value, word, c) => {
    if (value === '') c.fail(word, 'invalid-value', 'route is empty');
    if (value.length > MAX_ROUTE) c.fail(word, 'invalid-value', `route is longer than ${MAX_ROUTE}`);
    draft.route = value;
    return true;
  },
  service: (draft, value, word, c) => {
    if (value === '') c.fail(word, 'invalid-value', 'service is empty');
    draft.service = value;
    return true;
  },
};

/** Help for rejected values. */
const VALUES: Readonly<Record<string, string>> = {
  weight: 'the weight is a number, at least 1',
  max_conns: 'a number; 0 means no limit',
  max_fails: 'a number; 0 disables counting failures',
  fail_timeout: 'a time in seconds, or with units, such as 30s or 1m30s',
  slow_start: 'a time in seconds, or with units, such as 500ms or 30s',
};

const FLAGS: Readonly<Record<string, (draft: Draft) => void>> = {
  backup: (draft) => {
    draft.backup = true;
  },
  down: (draft) => {
    draft.down = 'down';
  },
  drain: (draft) => {
    draft.down = 'drain';
  },
  resolve: (draft) => {
    draft.resolve = true;
  },
};

export const serverArgument: ArgumentType<ServerData> = custom(
  'address [weight=number] [max_conns=number] [max_fails=number] [fail_timeout=time] [slow_start=time] [backup] [down] [drain] [route=string] [resolve] [service=name]',
  1,
  Number.POSITIVE_INFINITY,
  ([word, ...parameters], c) => {
    if (word === undefined) throw new Error('server was given no words');
    const draft: Draft = { ...DEFAULT_PEER, resolve: false, service: '' };
    for (const parameter of parameters) parseParameter(parameter, draft, c);
    const { resolve, service, ...settings } = draft;
    const address = parseAddress(word.text, { defaultPort: 80 });
    if (service !== '' && !resolve) {
      c.fail(word, 'conflicting-directives', `service upstream "${word.text}" requires "resolve" parameter`);
    }
    if ('mistake' in address) {
      return c.fail(word, 'invalid-value', `${address.mistake} in upstream "${word.text}"`, helpFor(word));
    }
    const isName = address.family === 'name';
    if (service !== '' && address.family !== 'unix' && address.portGiven) {
      c.fail(word, 'conflicting-directives', `service upstream "${word.text}" may not have port`);
    }
    if (service !== '' && !isName) {
      c.fail(word, 'conflicting-directives', `service upstream "${word.text}" requires domain name`);
    }
    const runTime = resolve && isName ? { host: address.host, port: address.port, service } : null;
    return {
      written: word.text,
      address,
      settings,
      runTime,
      at: isName && runTime === null ? placeOf(c.statement) : null,
    };
  },
);

function parseParameter(word: Word, draft: Draft, c: ArgumentContext): void {
  const { text } = word;
  const equals = text.indexOf('=');
  if (equals < 0) {
    const flag = own(FLAGS, text);
    flag?.(draft);
    if (flag !== undefined) return;
  } else {
    const take = own(WITH_VALUE, text.slice(0, equals));
    if (take?.(draft, text.slice(equals + 1), word, c) === true) return;
  }
  const name = text.replace(/=.*/s, '');
  const takes = own(VALUES, name);
  c.fail(word, 'invalid-value', `invalid parameter "${text}"`, takes === undefined ? {} : { help: takes });
}

/** Looks up an own property of a table, not an inherited one (`constructor`). */
function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function helpFor(word: Word): { help: string } | undefined {
  if (/^https?:\/\//i.test(word.text)) {
    return { help: 'a server is a host with an optional port; the scheme belongs to "proxy_pass"' };
  }
  return word.text.includes('/') ? { help: 'a server is a host with an optional port, without a path' } : undefined;
}
