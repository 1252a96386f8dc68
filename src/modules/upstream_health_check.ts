/** Active health checks of upstream servers, as in nginx Plus (`ngx_http_upstream_hc_module`). */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom, listOf, milliseconds, named, template, text, word } from '../config/argument-types.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { ArgumentContext } from '../config/directive.js';
import type { CheckContext } from '../config/module-declaration.js';
import { parsePattern } from '../config/pattern.js';
import type { TemplateData } from '../config/template.js';
import { parseInteger, parseMilliseconds } from '../config/units.js';
import { isToken } from '../http/field-line.js';
import { defineModule } from '../program/module.js';
import { configuredUpstreams } from '../upstream/configured.js';
import {
  type BodyTestData,
  type CheckType,
  type FieldTestData,
  HEALTH_CHECKS,
  type HealthCheckData,
  type MatchData,
  type StatusRange,
  type StatusTest,
} from '../upstream/health/settings.js';

const TYPES: readonly CheckType[] = ['http', 'tcp', 'websocket'];

const DEFAULTS: HealthCheckData = {
  interval: 5000,
  jitter: 0,
  fails: 1,
  passes: 1,
  uri: '/',
  mandatory: false,
  persistent: false,
  port: 0,
  match: '',
  type: 'http',
  keepaliveTime: 0,
};

type Draft = { -readonly [K in keyof HealthCheckData]: HealthCheckData[K] };
type Parse = (value: string, draft: Draft) => boolean;

/** Assigns a valid number to a field. */
function number(field: 'fails' | 'passes' | 'port', max: number): Parse {
  return (value, draft) => {
    const parsed = parseInteger(value) ?? 0;
    draft[field] = parsed;
    return parsed > 0 && parsed <= max;
  };
}

function time(field: 'interval' | 'jitter' | 'keepaliveTime', min: number): Parse {
  return (value, draft) => {
    const parsed = parseMilliseconds(value) ?? -1;
    draft[field] = parsed;
    return parsed >= min;
  };
}

const MAX_COUNT = 2 ** 31 - 1;

const PARAMETERS: Readonly<Record<string, Parse>> = {
  interval: time('interval', 1),
  jitter: time('jitter', 0),
  fails: number('fails', MAX_COUNT),
  passes: number('passes', MAX_COUNT),
  port: number('port', 65535),
  keepalive_time: time('keepaliveTime', 0),
  uri(value, draft) {
    draft.uri = value;
    return /^\/[\x21-\x7e\x80-\xff]*$/.test(value);
  },
  match(value, draft) {
    draft.match = value;
    return value !== '';
  },
  type(value, draft) {
    const type = TYPES.find((each) => each === value);
    draft.type = type ?? 'http';
    return type !== undefined;
  },
};

/** Parameters that a check without an HTTP request or response cannot use. */
const UNUSED: Readonly<Record<CheckType, readonly string[]>> = {
  http: [],
  tcp: ['uri', 'match', 'keepalive_time'],
  websocket: ['match', 'keepalive_time'],
};

const healthCheck = custom<HealthCheckData>(
  '[interval=time] [jitter=time] [fails=number] [passes=number] [uri=uri] [mandatory [persistent]] [port=number] [match=name] [type=http | tcp | websocket] [keepalive_time=time]',
  0,
  Object.keys(PARAMETERS).length + 2,
  (words, c) => {
    const draft: Draft = { ...DEFAULTS };
    for (const each of words) parseParameter(each, draft, c);
    for (const each of words) {
      const [name = ''] = each.text.split('=');
      if (!UNUSED[draft.type].includes(name)) continue;
      c.fail(each, 'conflicting-directives', `"${name}" parameter cannot be used with "type=${draft.type}"`);
    }
    const persistent = words.find(({ text: written }) => written === 'persistent');
    if (persistent !== undefined && !draft.mandatory) {
      c.fail(persistent, 'conflicting-directives', '"persistent" parameter requires "mandatory" parameter');
    }
    return draft;
  },
);

function parseParameter(written: Word, draft: Draft, c: ArgumentContext): void {
  const equals = written.text.indexOf('=');
  const name = equals < 0 ? written.text : written.text.slice(0, equals);
  if (written.text === 'mandatory') draft.mandatory = true;
  else if (written.text === 'persistent') draft.persistent = true;
  else if (equals < 0 || PARAMETERS[name]?.(written.text.slice(equals + 1), draft) !== true) {
    c.fail(written, 'invalid-value', `invalid parameter "${written.text}"`);
  }
}

const statusTest = custom<StatusTest>('[!] code | code-code ...', 1, Number.POSITIVE_INFINITY, (words, c) => {
  const negated = words[0]?.text === '!';
  const codes = negated ? words.slice(1) : words;
  const [first] = words as readonly [Word]; // one word at least: `min`
  if (codes.length === 0) c.fail(first, 'argument-count', `invalid number of arguments in "${c.directive}" directive`);
  return { negated, ranges: codes.map((code) => parseRange(code, c)) };
});

function parseRange(code: Word, c: ArgumentContext): StatusRange {
  const [, from = '', to = from] = /^(\d{3})(?:-(\d{3}))?$/.exec(code.text) ?? [];
  const range = [Number(from), Number(to)] as const;
  if (range[0] < 100 || range[1] > 599 || range[0] > range[1]) {
    c.fail(code, 'invalid-value', `invalid status "${code.text}"`, { help: 'a status is 200, or a range 200-399' });
  }
  return range;
}

const fieldTest = custom<FieldTestData>('[!] name | name = | != | ~ | !~ value', 1, 3, (words, c) => {
  const [first, second, third] = words as readonly [Word, Word | undefined, Word | undefined]; // one at least: `min`
  const named = (name: Word, test: FieldTestData['test'], negated: boolean): FieldTestData => {
    if (!isToken(name.text)) c.fail(name, 'invalid-value', `invalid header name "${name.text}"`);
    return { name: name.text, test, negated, value: '', pattern: null };
  };
  if (second === undefined) return named(first, 'present', false);
  if (first.text === '!' && third === undefined) return named(second, 'present', true);
  if (third === undefined) return c.fail(second, 'invalid-value', `invalid parameter "${second.text}"`);
  const negated = second.text.startsWith('!');
  switch (second.text) {
    case '=':
    case '!=':
      return { ...named(first, 'equal', negated), value: third.text };
    case '~':
    case '!~':
      return { ...named(first, 'pattern', negated), pattern: parsePattern(third, c) };
    default:
      return c.fail(second, 'invalid-value', `invalid operator "${second.text}"`, {
        help: 'operators are =, !=, ~ and !~',
      });
  }
});

const bodyTest = custom<BodyTestData>('~ | !~ regex', 2, 2, (words, c) => {
  const [operator, pattern] = words as readonly [Word, Word]; // two words: `min`
  if (operator.text !== '~' && operator.text !== '!~') {
    c.fail(operator, 'invalid-value', `invalid operator "${operator.text}"`, { help: 'operators are ~ and !~' });
  }
  return { negated: operator.text === '!~', pattern: parsePattern(pattern, c) };
});

const variable = word<TemplateData>('$variable', (written, c) => {
  if (!written.text.startsWith('$')) c.fail(written, 'invalid-value', `invalid variable name "${written.text}"`);
  return template.parse([written], c);
});

const FAMILY = ['health_check', 'health_check_timeout'];
const MATCHES = 'match blocks';
const ZONES = 'zones of upstreams with health checks';

/** Value of `zone`. */
interface ZoneName {
  readonly name: string;
}

function matchOf({ values }: CheckedBlock): MatchData {
  const list = <T>(name: string): readonly T[] => (values[name] ?? []) as readonly T[]; // types of the directives below
  return {
    status: list<StatusTest>('status'),
    header: list<FieldTestData>('header'),
    body: list<BodyTestData>('body'),
    require: list<readonly TemplateData[]>('require').flat(),
  };
}

export default defineModule({
  name: 'upstream_health_check',
  doc: 'Checks the servers of an upstream periodically, before clients notice that one has failed. Servers that fail get no requests until they pass again. One worker executes the checks for all.',
  directives: {
    health_check: {
      contexts: ['location'],
      takes: healthCheck,
      repeat: true,
      inherit: 'none',
      links: ({ match }: HealthCheckData) => (match === '' ? {} : { refers: [`match ${match}`] }),
      doc: 'Checks all servers of the upstream to which the `proxy_pass` of the location refers, every `interval=` (5s) after the last check, delayed by a random time up to `jitter=` (0). A check requests `uri=` (`/`) with the settings of the location (`proxy_set_header`, `proxy_http_version`, `proxy_bind`, `proxy_connect_timeout`, `proxy_read_timeout`, and `proxy_ssl_*` with `https`); variables about the client are empty. The check passes if the status is 2xx or 3xx and the response is complete, or if the response satisfies the block `match=`. After `fails=` (1) consecutive failures the server is unhealthy and gets no requests, until `passes=` (1) consecutive checks have passed. If several checks are configured for an upstream, a server must pass all of them. `mandatory`: a server gets no requests before its first check has passed; by default it is initially healthy. `persistent`: states are kept on reload; without it, servers are in their initial state after a reload. `port=`: another port than that of the server. `type=tcp` only connects (with `https`, including the TLS handshake); `type=websocket` opens a WebSocket at `uri=`, and sends a Ping that must be answered. `keepalive_time=`: reuses a connection for several checks, for that time. State changes are logged. nginx Plus has this directive; `type=websocket` is an extension of tsproxy.',
      example: 'proxy_pass http://127.0.0.1:8081; health_check interval=2s fails=3 passes=2 uri=/health;',
      differs:
        'The upstream does not need a `zone`. `type=grpc` is rejected. A response whose body is incomplete fails the check; at most 256k of a body are read.',
      differsFor: (words) => words.some((each) => each.startsWith('type=grpc')),
      differsSlightly: true,
    },
    health_check_timeout: {
      contexts: ['http', 'server', 'location'],
      takes: milliseconds,
      doc: 'Limit of the duration of a whole health check, from connecting to the end of the response. By default only `proxy_connect_timeout` and `proxy_read_timeout` limit it, whose defaults are a minute: a server that accepts connections but does not respond is detected only after that time. In nginx this directive exists in `stream` only.',
      example: 'health_check_timeout 1s;',
    },
    match: {
      contexts: ['http'],
      takes: named('name', text),
      repeat: true,
      body: { context: 'match' },
      links: (name: string) => ({ name: `match ${name}` }),
      doc: 'Conditions for the responses to health checks, by name. A response passes if it satisfies all of them. nginx Plus has this directive.',
      example: 'match welcome {\n    status 200;\n    header Content-Type = text/html;\n    body ~ "Welcome";\n}',
    },
    status: {
      contexts: ['match'],
      takes: statusTest,
      repeat: true,
      inherit: 'none',
      doc: 'The status must be one of these codes or in one of these ranges; after `!`, it must not be.',
      example: 'status 200 301-303; status ! 500;',
    },
    header: {
      contexts: ['match'],
      takes: fieldTest,
      repeat: true,
      inherit: 'none',
      doc: 'The response must contain a field (`header Host`), must not contain it (`header ! X-Failed`), or must contain it with a value that equals (`=`) or differs from (`!=`) the given one, or that matches (`~`) or does not match (`!~`) a regular expression.',
      example: 'header Content-Type ~ "^text/"; header ! X-Accel-Redirect;',
    },
    body: {
      contexts: ['match'],
      takes: bodyTest,
      repeat: true,
      inherit: 'none',
      doc: 'The first 256k of the body must match a regular expression (`~`), or must not match it (`!~`).',
      example: 'body ~ "Welcome"; body !~ "maintenance";',
    },
    require: {
      contexts: ['match'],
      takes: listOf(variable),
      repeat: true,
      inherit: 'none',
      doc: 'The values of all these variables must be neither empty nor `0`; they are evaluated for the response (`$upstream_http_…`, `$upstream_status`, a `map` of them).',
      example: 'require $upstream_http_x_ready;',
    },
  },

  /** Tunnels are not affected by the checks of later requests. */
  tunnelContinues: (change) => FAMILY.includes(change) || change.startsWith('match '),

  check(block, c) {
    if (block.context === 'http') checkMatches(c);
    if (block.own.includes('health_check')) checkPlaces(c);
  },

  http(_conf, http, compiler) {
    const matches = new Map<string, MatchData>();
    for (const block of http.blocks) if (block.context === 'match') matches.set(String(block.argument), matchOf(block));
    compiler.shared.set(MATCHES, matches);
    const zones = new Map<string, string>();
    for (const { block, upstream } of configuredUpstreams(http, 'zone', compiler)) {
      const zone = block.values.zone as ZoneName | undefined; // the value of upstream_zone
      if (zone !== undefined) zones.set(upstream.name.toLowerCase(), zone.name);
    }
    compiler.shared.set(ZONES, zones);
  },

  settings(conf, { compiler, program }) {
    if (conf.health_check.length === 0) return;
    const matches = compiler.shared.get<ReadonlyMap<string, MatchData>>(MATCHES);
    program.settings.set(HEALTH_CHECKS, {
      checks: conf.health_check.map((data) => ({ data, match: matches?.get(data.match) ?? null })),
      timeout: conf.health_check_timeout ?? 0,
      zones: compiler.shared.get<ReadonlyMap<string, string>>(ZONES) ?? new Map(),
    });
  },
});

function checkMatches(c: CheckContext): void {
  const first = new Map<string, Word>();
  for (const block of c.all('match')) {
    const name = c.openerOf(block)?.args[0];
    if (name === undefined) continue;
    const other = first.get(name.text);
    if (other === undefined) first.set(name.text, name);
    else {
      c.report(name, 'duplicate-definition', `duplicate match "${name.text}"`, {
        related: [{ at: other, message: 'first declared here' }],
      });
    }
  }
}

/** URL of a `proxy_pass` without URI part: its host. */
const HOST = /^(?:https?|wss?):\/\/([^/:]+)/i;

function checkPlaces(c: CheckContext): void {
  const [pass] = c.statements('proxy_pass');
  const names = c.all('match').map(({ argument }) => String(argument));
  for (const statement of c.statements('health_check')) {
    const url = pass?.args[0]?.text;
    if (url === undefined) {
      c.report(statement, 'invalid-reference', '"health_check" requires "proxy_pass" in the same location');
    } else if (url.includes('$')) {
      const help = 'the servers to check must be known at start; name an upstream';
      c.report(statement, 'invalid-reference', '"health_check" cannot be used with variables in "proxy_pass"', {
        help,
      });
    } else checkZoneOf(statement, url, c);
    const match = statement.args.find(({ text: each }) => each.startsWith('match='));
    const name = match?.text.slice('match='.length) ?? '';
    if (match === undefined || name === '' || names.includes(name)) continue;
    c.report(match, 'invalid-reference', `match "${name}" is not found`, {
      help: `declare it in http: match ${name} { ... }`,
    });
  }
}

function checkZoneOf(at: Parameters<CheckContext['report']>[0], url: string, c: CheckContext): void {
  const host = HOST.exec(url)?.[1]?.toLowerCase();
  const upstream = c.all('upstream').find(({ argument }) => String(argument).toLowerCase() === host);
  if (upstream?.own.includes('zone') === true) return;
  const name = host ?? url;
  c.report(at, 'missing-zone', `health checks require upstream "${name}" to be in shared memory`, {
    severity: 'warning',
    help:
      upstream === undefined
        ? 'nginx Plus requires an upstream block with "zone NAME 64k;"'
        : 'add "zone NAME 64k;" to the upstream for nginx Plus',
  });
}
