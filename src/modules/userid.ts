/** nginx's `ngx_http_userid_filter_module`: cookies that identify clients. */
import type { Word } from '../../grammar/syntax-tree.js';
import { bitmask, choice, custom, integer, text, word } from '../config/argument-types.js';
import type { ArgumentContext, ConfOf, Context, Directives } from '../config/directive.js';
import { parseSeconds } from '../config/units.js';
import { epochTime } from '../http/clock.js';
import { cookieTime, cookieValue } from '../http/cookies.js';
import { binaryAddress } from '../net/binary-address.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule, type Scope } from '../program/module.js';
import { SettingsKey } from '../program/settings-key.js';
import { StateKey } from '../program/state-key.js';
import type { Template } from '../program/template.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];
/** Length of an identifier in bytes, and in base64 without padding. */
const LENGTH = 16;
const ENCODED = 22;
const MAX_EXPIRES = '; expires=Thu, 31-Dec-37 23:55:55 GMT';
const FIRST_SEQUENCE = 0x03030302;

/** 16 bits of the time of the start, and the process id: distinguishes identifiers of different processes. */
const startValue = ((Math.floor(((Date.now() % 1000) * 1000) / 20) << 16) | (process.pid & 0xffff)) >>> 0;
let sequenceV1 = 1;
let sequenceV2 = FIRST_SEQUENCE;

function parseMark(words: readonly Word[], c: ArgumentContext): string {
  const [mark] = words as readonly [Word]; // one word: `min` and `max`
  if (mark.text === 'off') return '';
  if (/^[A-Za-z0-9=]$/.test(mark.text)) return mark.text;
  return c.fail(
    mark,
    'invalid-value',
    `"${c.directive}" directive value must be "off" or a single letter, digit or "="`,
  );
}

const expiry = word('time | max | off', (w, c): number | 'max' => {
  if (w.text === 'max') return 'max';
  if (w.text === 'off') return 0;
  return parseSeconds(w.text) ?? c.fail(w, 'invalid-value', `"${c.directive}" directive invalid value`);
});

const directives = {
  userid: {
    contexts: CONTEXTS,
    takes: choice('off', 'log', 'v1', 'on'),
    default: 'off',
    doc: 'Whether cookies are sent to clients without a valid one, and received ones logged: `on`, or only logged: `log`. `v1` creates identifiers of the first version.',
    example: 'userid on;',
  },
  userid_name: {
    contexts: CONTEXTS,
    takes: text,
    default: 'uid',
    doc: 'The name of the cookie.',
    example: 'userid_name visitor;',
  },
  userid_domain: {
    contexts: CONTEXTS,
    takes: text,
    default: 'none',
    doc: 'The domain for which the cookie is set; `none`: no domain.',
    example: 'userid_domain example.com;',
  },
  userid_path: {
    contexts: CONTEXTS,
    takes: text,
    default: '/',
    doc: 'The path for which the cookie is set.',
    example: 'userid_path /shop/;',
  },
  userid_expires: {
    contexts: CONTEXTS,
    takes: expiry,
    default: 'off',
    doc: 'The lifetime of the cookie; `max`: until 2037; `off`: until the browser is closed.',
    example: 'userid_expires 365d;',
  },
  userid_flags: {
    contexts: CONTEXTS,
    takes: bitmask('off', 'secure', 'httponly', 'samesite=strict', 'samesite=lax', 'samesite=none'),
    again: 'joins',
    default: 'off',
    doc: 'Attributes of the cookie.',
    example: 'userid_flags secure httponly samesite=lax;',
  },
  userid_p3p: {
    contexts: CONTEXTS,
    takes: text,
    default: 'none',
    doc: 'Value of a `P3P` field that is sent with the cookie; `none`: no field.',
    example: 'userid_p3p \'policyref="/w3c/p3p.xml", CP="CUR ADM OUR NOR STA NID"\';',
  },
  userid_mark: {
    contexts: CONTEXTS,
    takes: custom('letter | digit | = | off', 1, 1, parseMark),
    default: 'off',
    doc: 'Character that replaces the first padding character of the cookie. If it changes, cookies are sent again with the same identifier: use it to change the other attributes.',
    example: 'userid_mark m;',
  },
  userid_service: {
    contexts: CONTEXTS,
    takes: integer(),
    doc: 'First part of identifiers, which distinguishes servers. The default is the address of the server, and 0 for `v1`.',
    example: 'userid_service 5;',
  },
} as const satisfies Directives;

/** Settings of a location. */
interface UserIdRules {
  readonly mode: 'log' | 'v1' | 'on';
  readonly name: string;
  readonly mark: string;
  /** -1: not set. */
  readonly service: number;
  readonly expires: number | 'max';
  /** Attributes after the lifetime. */
  readonly attributes: string;
  readonly p3p: string;
  /** `$uid_reset`. */
  readonly reset: Template;
}

const RULES = new SettingsKey<UserIdRules | null>('userid', null);

/** Identifiers of a request; each has 16 bytes. */
interface UserId {
  /** The value of the received cookie. */
  cookie: string;
  got: Buffer | null;
  set: Buffer | null;
  reset: boolean;
}

const USER_ID = new StateKey<UserId>('userid');

/** Whether an identifier counts as one: its last part is not 0. */
function isValid(id: Buffer | null): id is Buffer {
  return id !== null && id.readUInt32LE(12) !== 0;
}

/** Reads the cookie, once for a request. nginx: ngx_http_userid_get_uid. */
function received(x: Exchange, { name }: UserIdRules): UserId {
  const known = x.state(USER_ID);
  if (known !== undefined) return known;
  const id: UserId = { cookie: '', got: null, set: null, reset: false };
  x.setState(USER_ID, id);
  const fields = x.headers.all('cookie');
  const lower = name.toLowerCase();
  const cookie = cookieValue(fields, lower);
  if (cookie === undefined) return id;
  id.cookie = cookie;
  const field = fields.find((each) => cookieValue([each], lower) !== undefined) ?? '';
  if (cookie.length < ENCODED) {
    logError(x, 'error', `client sent too short userid cookie "${field}"`);
  } else if (!/^[A-Za-z0-9+/]{22}/.test(cookie)) {
    logError(x, 'error', `client sent invalid userid cookie "${field}"`);
  } else id.got = Buffer.from(cookie.slice(0, ENCODED), 'base64');
  return id;
}

/** Creates an identifier if one has to be sent. nginx: ngx_http_userid_create_uid. */
function create(x: Exchange, id: UserId, rules: UserIdRules): void {
  if (id.set !== null) return;
  if (isValid(id.got)) {
    const reset = rules.reset.of(x);
    if (reset === '' || reset === '0') {
      const { cookie } = id;
      const marked = cookie.length > ENCODED + 1 && cookie[22] === rules.mark && cookie[23] === '=';
      if (rules.mark !== '' && !marked) id.set = id.got;
      return;
    }
    id.reset = true;
    if (reset === 'log') logError(x, 'notice', `userid cookie "${written(rules.name, id.got)}" was reset`);
  }
  id.set = rules.mode === 'v1' ? createV1(rules) : createV2(x, rules);
}

function createV1({ service }: UserIdRules): Buffer {
  const id = Buffer.alloc(LENGTH);
  id.writeUInt32LE(Math.max(0, service) >>> 0, 0);
  id.writeUInt32LE(Math.floor(epochTime() / 1000), 4);
  id.writeUInt32LE(startValue, 8);
  id.writeUInt32LE(sequenceV1, 12);
  sequenceV1 = (sequenceV1 + 0x100) >>> 0;
  return id;
}

function createV2(x: Exchange, { service }: UserIdRules): Buffer {
  const id = Buffer.alloc(LENGTH);
  if (service >= 0) id.writeUInt32BE(service >>> 0, 0);
  else if (x.client.unixPath === null) id.latin1Write(binaryAddress(x.client.localAddress).slice(-4), 0);
  id.writeUInt32BE(Math.floor(epochTime() / 1000), 4);
  id.writeUInt32BE(startValue, 8);
  id.writeUInt32BE(sequenceV2, 12);
  sequenceV2 = (sequenceV2 + 0x100) >>> 0;
  if (sequenceV2 < FIRST_SEQUENCE) sequenceV2 = FIRST_SEQUENCE;
  return id;
}

/** Form in variables and logs: four numbers in the byte order of the machine, as nginx prints them. */
function written(name: string, id: Buffer): string {
  const parts = [0, 4, 8, 12].map((at) => id.readUInt32LE(at).toString(16).toUpperCase().padStart(8, '0'));
  return `${name}=${parts.join('')}`;
}

function sendCookie(x: Exchange, rules: UserIdRules): void {
  if (x.nested !== null) return;
  const id = received(x, rules);
  create(x, id, rules);
  if (!isValid(id.set)) return;
  const { mark, name, expires, attributes, p3p } = rules;
  let value: string;
  if (isValid(id.got) && !id.reset) value = `${id.cookie.slice(0, ENCODED)}${mark}=`;
  else value = `${id.set.toString('base64').slice(0, ENCODED)}${mark === '' ? '=' : mark}=`;
  const lifetime = expires === 'max' ? MAX_EXPIRES : expires === 0 ? '' : `; expires=${cookieTime(expires)}`;
  x.response.add('Set-Cookie', `${name}=${value}${lifetime}${attributes}`);
  if (p3p !== '') x.response.add('P3P', p3p);
}

function gotVariable({ main: x }: Exchange): string | undefined {
  const rules = x.location.settings.get(RULES);
  if (rules === null) return undefined;
  const { got } = received(x, rules);
  return isValid(got) ? written(rules.name, got) : undefined;
}

function setVariable({ main: x }: Exchange): string | undefined {
  const rules = x.location.settings.get(RULES);
  if (rules === null || rules.mode === 'log') return undefined;
  const id = received(x, rules);
  create(x, id, rules);
  return isValid(id.set) ? written(rules.name, id.set) : undefined;
}

function compileRules(conf: ConfOf<typeof directives>, { compiler }: Scope): UserIdRules | null {
  if (conf.userid === 'off') return null;
  const flags = ['secure', 'httponly', 'samesite=strict', 'samesite=lax', 'samesite=none'] as const;
  const domain = conf.userid_domain === 'none' ? '' : `; domain=${conf.userid_domain}`;
  const set = flags.filter((flag) => conf.userid_flags.includes(flag)).map((flag) => `; ${flag}`);
  return {
    mode: conf.userid,
    name: conf.userid_name,
    mark: conf.userid_mark,
    service: conf.userid_service ?? -1,
    expires: conf.userid_expires,
    attributes: `${domain}; path=${conf.userid_path}${set.join('')}`,
    p3p: conf.userid_p3p === 'none' ? '' : conf.userid_p3p,
    reset: compiler.template([{ variable: 'uid_reset' }]),
  };
}

export default defineModule({
  name: 'userid',
  doc: 'Sends cookies that identify clients, and makes received ones available for logs.',
  directives,
  variables: {
    uid_got: { get: gotVariable, doc: 'Name of the cookie, and the received identifier in hexadecimal digits.' },
    uid_set: { get: setVariable, doc: 'Name of the cookie, and the identifier that is sent, in hexadecimal digits.' },
    uid_reset: {
      get: () => '',
      changeable: true,
      doc: 'If `set` gives it a value that is neither empty nor `0`, a new identifier is sent; with `log`, the old one is logged.',
    },
  },
  settings(conf, at) {
    if (conf.userid !== 'off') at.program.settings.set(RULES, compileRules(conf, at));
  },
  headerFilter: {
    order: 22,
    compile(conf, at) {
      if (conf.userid !== 'v1' && conf.userid !== 'on') return null;
      const rules = at.program.settings.get(RULES);
      return rules === null ? null : (x) => sendCookie(x, rules);
    },
  },
});
