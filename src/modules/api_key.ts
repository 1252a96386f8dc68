/** API keys, plans with limits, and counts of their use. An extension of tsproxy. */
import { createHash } from 'node:crypto';
import type { Statement, Word } from '../../grammar/syntax-tree.js';
import { custom, either, named, word } from '../config/argument-types.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { ArgumentContext, ConfOf, Context, Directives, WithEntries } from '../config/directive.js';
import type { CheckContext } from '../config/module-declaration.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { parseInteger, parseSeconds } from '../config/units.js';
import { nearest } from '../diagnostics/nearest.js';
import { API_USE, type ApiClient, type ApiUse } from '../program/api-use.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { type Compiler, defineModule, type Handler, type Shared } from '../program/module.js';
import type { Template } from '../program/template.js';
import { DONE, OK, type Verdict } from '../program/verdict.js';
import { openZone } from '../program/zones.js';
import { countUsage, readUsage } from '../zones/key-limits.js';
import type { UsageAnswer, UsageCounts } from '../zones/key-usage.js';
import type { Zone, ZoneBackend } from '../zones/zone.js';

const CONTEXTS = ['http', 'server', 'location', 'limit_except'] as const satisfies readonly Context[];

/** A limit of a plan. */
interface LimitData {
  readonly quota: number;
  /** Seconds. */
  readonly window: number;
}

interface PlanData {
  readonly name: string;
  readonly limits: readonly LimitData[];
}

const plan = custom('name requests/time ...', 1, Number.POSITIVE_INFINITY, (words, c): PlanData => {
  const [name, ...limits] = words as readonly [Word, ...Word[]]; // at least one word: `min`
  return { name: planName(name, c), limits: limits.map((w) => parseLimit(w, c)) };
});

function planName(w: Word, c: ArgumentContext): string {
  if (/^[A-Za-z0-9._-]+$/.test(w.text)) return w.text;
  return c.fail(w, 'invalid-value', `invalid name "${w.text}"`, {
    help: 'a name has letters, digits, ".", "_" and "-"',
  });
}

function parseLimit(w: Word, c: ArgumentContext): LimitData {
  const [, number = '', time = ''] = /^(\d+)\/(.+)$/.exec(w.text) ?? [];
  const quota = parseInteger(number);
  // A unit alone is one of it: 10/s.
  const window = parseSeconds(/^[smhdw]$/.test(time) ? `1${time}` : time);
  if (quota === null || quota === 0 || window === null || window === 0) {
    return c.fail(w, 'invalid-value', `invalid limit "${w.text}"`, {
      help: 'a limit is a number of requests per time: 10/s, 1000/15m, 50000/30d',
    });
  }
  return { quota, window };
}

/** A client with its key. */
interface ClientData {
  /** SHA-256 of the key, hexadecimal. */
  readonly hash: string;
  readonly client: string;
  readonly plan: string;
}

function sha256(key: string): string {
  return createHash('sha256').update(key, 'latin1').digest('hex');
}

function parseClients(statements: readonly Statement[], c: ArgumentContext): readonly ClientData[] {
  const byHash = new Map<string, Word>();
  const clients: ClientData[] = [];
  for (const { name: key, args } of statements) {
    c.attempt(() => {
      const [client, plan, further] = args;
      if (client === undefined || plan === undefined || further !== undefined) {
        return c.fail(key, 'argument-count', 'invalid number of API key parameters', {
          help: 'each line is a key, a client and a plan: sha256:9f86d0... joe free;',
        });
      }
      const [, digest] = /^sha256:(.*)$/s.exec(key.text) ?? [];
      if (digest !== undefined && !/^[0-9a-f]{64}$/i.test(digest)) {
        c.fail(key, 'invalid-value', 'invalid SHA-256 of an API key', { help: 'it has 64 hexadecimal digits' });
      }
      const hash = digest?.toLowerCase() ?? sha256(key.text);
      const other = byHash.get(hash);
      if (other !== undefined) {
        c.report(key, 'duplicate-definition', 'duplicate API key', {
          related: [{ at: other, message: 'first given here' }],
        });
      }
      byHash.set(hash, key);
      clients.push({ hash, client: planName(client, c), plan: planName(plan, c) });
    });
  }
  return clients;
}

interface KeyData {
  readonly keys: string;
  /** Source of the key; null: the field `X-API-Key`. */
  readonly source: TemplateData | null;
  /** Permitted plans; null: all. */
  readonly plans: readonly string[] | null;
}

const key = either(
  'off',
  custom('name [key=$variable] [plans=name,...]', 1, 3, (words, c): KeyData => {
    const [name, ...parameters] = words as readonly [Word, ...Word[]]; // at least one word: `min`
    let source: TemplateData | null = null;
    let plans: readonly string[] | null = null;
    for (const w of parameters) {
      if (w.text.startsWith('key=$')) source = parseTemplate(w, c, 'key='.length);
      else if (/^plans=[^,]/.test(w.text)) plans = w.text.slice('plans='.length).split(',');
      else c.fail(w, 'invalid-value', `invalid parameter "${w.text}"`);
    }
    return { keys: name.text, source, plans };
  }),
);

const directives = {
  api_plan: {
    contexts: ['http'],
    takes: plan,
    repeat: true,
    links: ({ name }: PlanData) => ({ name: `api plan ${name}` }),
    doc: 'Declares a plan with any number of limits: requests per time, counted for each client from its first request on. This is an extension of tsproxy; nginx has no such directive.',
    example: 'api_plan free 10/s 1000/1d;',
  },
  api_keys: {
    contexts: ['http'],
    takes: named('name', word('name', planName)),
    body: { entries: parseClients },
    repeat: true,
    links: ({ argument, entries }: WithEntries<string, readonly ClientData[]>) => ({
      name: `api keys ${argument}`,
      refers: entries.map((client) => `api plan ${client.plan}`),
    }),
    doc: 'A list of API keys. Each line of the block is a key, the name of its client, and its plan. A key may be written as `sha256:` and its SHA-256 in hexadecimal, so that the configuration contains no secrets; `include` reads lines from a file. Several keys of a client share its limits and counts. This is an extension of tsproxy; nginx has no such directive.',
    example:
      'api_keys partners {\n    sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 joe free;\n}',
    exampleNeeds: 'api_plan free 10/s;',
  },
  api_key: {
    contexts: CONTEXTS,
    takes: key,
    links: (value: 'off' | KeyData) => (value === 'off' ? {} : { refers: [`api keys ${value.keys}`] }),
    doc: 'Requires an API key of the list, from the field `X-API-Key` or from the variable of `key`. Without one, or with an unknown one, the response is 401; if its plan is not one of `plans`, 403; if a limit of its plan is reached, 429 with `Retry-After`. Responses have the fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10). While the master process, which counts for all workers, does not respond, requests are not limited. `off` cancels the setting inherited from the enclosing level. This is an extension of tsproxy; nginx has no such directive.',
    example: 'api_key partners plans=free,pro;',
    exampleNeeds: 'api_plan free 10/s; api_plan pro 100/s; api_keys partners { secret joe free; }',
  },
  api_usage: {
    contexts: ['location'],
    takes: named(
      'name',
      word('name', (w) => w.text),
    ),
    inherit: 'noname',
    links: (name: string) => ({ refers: [`api keys ${name}`] }),
    doc: 'Responds with the counts of requests of a list, by client and by plan, as JSON. They start with the process and survive reloads. Restrict access to it (`allow`, `deny`). This is an extension of tsproxy; nginx has no such directive.',
    example: 'api_usage partners;',
    exampleNeeds: 'api_plan free 10/s; api_keys partners { secret joe free; }',
  },
} as const satisfies Directives;

type Conf = ConfOf<typeof directives>;

/** A plan, compiled. */
interface Plan {
  readonly name: string;
  readonly limits: readonly { readonly quota: number; readonly window: number }[];
  /** Names of the policies, and their field `RateLimit-Policy`. */
  readonly policies: readonly string[];
  readonly field: string;
}

function compilePlan({ name, limits }: PlanData): Plan {
  const policies = limits.map(({ window }) => (limits.length === 1 ? name : `${name}-${window}`));
  return {
    name,
    limits: limits.map(({ quota, window }) => ({ quota, window: window * 1000 })),
    policies,
    field: limits.map(({ quota, window }, i) => `"${policies[i]}";q=${quota};w=${window}`).join(', '),
  };
}

/** A list of keys, compiled. */
interface KeyList {
  readonly zone: Zone;
  readonly clients: ReadonlyMap<string, PlannedClient>;
}

interface PlannedClient extends ApiClient {
  readonly plan: Plan;
}

interface Use extends ApiUse {
  readonly who: PlannedClient;
  readonly answer: UsageAnswer;
}

/** The check of one location. */
class KeyAuthorization {
  constructor(
    private readonly list: KeyList,
    private readonly source: Template | null,
    private readonly plans: readonly string[] | null,
    private readonly backend: ZoneBackend,
  ) {}

  readonly handle: Handler = (x) => {
    // A request is counted once, in spite of internal redirects.
    if (x.state(API_USE) !== undefined) return OK;
    const key = this.source === null ? (x.headers.get('x-api-key') ?? '') : this.source.of(x);
    const found = key === '' ? undefined : this.list.clients.get(sha256(key));
    if (found === undefined) {
      logError(x, key === '' ? 'info' : 'error', key === '' ? 'no API key was provided' : 'unknown API key');
      x.response.add('WWW-Authenticate', 'ApiKey');
      return 401;
    }
    const { client, plan } = found;
    const answer = this.backend.ask(countUsage, {
      zone: this.list.zone.id,
      client,
      plan: plan.name,
      limits: plan.limits,
      permitted: this.plans?.includes(plan.name) ?? true,
    });
    return answer instanceof Promise
      ? answer.then((arrived) => this.conclude(x, found, arrived))
      : this.conclude(x, found, answer);
  };

  private conclude(x: Exchange, who: PlannedClient, answer: UsageAnswer): Verdict {
    if (x.finished) return DONE;
    const { client, plan } = who;
    // Without an answer of the master, requests are not limited.
    const use: Use = { who, answer, result: answer.result === 'unanswered' ? 'allowed' : answer.result };
    x.setState(API_USE, use);
    if (answer.result === 'forbidden') {
      logError(x, 'error', `plan "${plan.name}" of API client "${client}" is not permitted`);
      return 403;
    }
    if (answer.result !== 'limited') return OK;
    logError(x, 'error', `API client "${client}" has reached a limit of plan "${plan.name}"`);
    return 429;
  }
}

/** Adds the fields about limits. */
function addFields(x: Exchange): void {
  const use = x.state(API_USE) as Use | undefined; // stored here
  if (use === undefined || use.answer.states.length === 0 || x.nested !== null) return;
  const { answer } = use;
  const { plan } = use.who;
  const { response } = x;
  response.set('RateLimit-Policy', plan.field);
  const states = answer.states.map(({ remaining, reset }, i) => {
    return `"${plan.policies[i]}";r=${remaining};t=${Math.ceil(reset / 1000)}`;
  });
  response.set('RateLimit', states.join(', '));
  if (answer.result !== 'limited') return;
  const waits = answer.states.filter(({ remaining }) => remaining === 0).map(({ reset }) => reset);
  response.set('Retry-After', String(Math.ceil(Math.max(...waits) / 1000)));
}

/** JSON with the counts by client and by plan. */
function usagePage(all: readonly UsageCounts[]): string {
  const plans: Record<string, { allowed: number; limited: number; forbidden: number }> = {};
  for (const { plan, allowed, limited, forbidden } of all) {
    const sum = (plans[plan] ??= { allowed: 0, limited: 0, forbidden: 0 });
    sum.allowed += allowed;
    sum.limited += limited;
    sum.forbidden += forbidden;
  }
  return `${JSON.stringify({ clients: all, plans })}\n`;
}

function usageHandler({ zone }: KeyList, backend: ZoneBackend): Handler {
  const send = (x: Exchange, counts: readonly UsageCounts[] | null): Verdict => {
    if (x.finished) return DONE;
    if (counts === null) return 503;
    x.respond(200, usagePage(counts), 'application/json');
    return DONE;
  };
  return (x) => {
    if (x.method !== 'GET' && x.method !== 'HEAD') return 405;
    const counts = backend.ask(readUsage, { zone: zone.id });
    return counts instanceof Promise ? counts.then((all) => send(x, all)) : send(x, counts);
  };
}

function listOf(name: string, { shared }: { readonly shared: Shared }): KeyList {
  const list = shared.get<KeyList>(`api keys ${name}`);
  // References to undeclared lists are rejected by the configuration checks.
  if (list === undefined) throw new Error(`no API keys "${name}"`);
  return list;
}

function openLists(conf: Conf, compiler: Compiler): void {
  const plans = new Map(conf.api_plan.map((data) => [data.name, compilePlan(data)]));
  for (const { argument: name, entries } of conf.api_keys) {
    const zone = openZone(compiler, { kind: 'api_keys', name: `api_keys ${name}`, size: 0, key: '' }, 'api_keys');
    const clients = new Map<string, PlannedClient>();
    for (const { hash, client, plan } of entries) {
      const compiled = plans.get(plan);
      if (compiled !== undefined) clients.set(hash, { keys: name, client, plan: compiled });
    }
    compiler.shared.set<KeyList>(`api keys ${name}`, { zone, clients });
  }
}

/** Reports a word that names nothing declared. */
function checkName(name: string, kind: string, declared: readonly string[], at: Word, c: CheckContext): void {
  if (declared.includes(name)) return;
  const [near] = nearest(name, declared);
  c.report(
    at,
    'invalid-reference',
    `unknown ${kind} "${name}"`,
    near === undefined ? {} : { help: `did you mean "${near}"?` },
  );
}

function check(_block: CheckedBlock, c: CheckContext): void {
  const httpBlocks = c.config.blocks.filter(({ context }) => context === 'http');
  const valuesOf = <T>(name: string) => httpBlocks.flatMap(({ values }) => (values[name] ?? []) as readonly T[]);
  const plans = valuesOf<PlanData>('api_plan').map(({ name }) => name);
  const lists = valuesOf<WithEntries<string, readonly ClientData[]>>('api_keys');
  const names = lists.map(({ argument }) => argument);
  for (const [directive, kind] of [['api_plan', 'plan'] as const, ['api_keys', 'list of API keys'] as const]) {
    const seen = new Map<string, Word>();
    for (const { args } of c.statements(directive)) {
      const [at] = args;
      if (at === undefined) continue;
      const first = seen.get(at.text);
      if (first === undefined) seen.set(at.text, at);
      else {
        c.report(at, 'duplicate-definition', `duplicate ${kind} "${at.text}"`, {
          related: [{ at: first, message: 'first declared here' }],
        });
      }
    }
  }
  for (const { args } of c.statements('api_keys')) {
    const list = lists.find(({ argument }) => argument === args[0]?.text);
    for (const { plan } of list?.entries ?? []) if (args[0] !== undefined) checkName(plan, 'plan', plans, args[0], c);
  }
  for (const { args } of [...c.statements('api_key'), ...c.statements('api_usage')]) {
    const [at, ...parameters] = args;
    if (at === undefined || at.text === 'off') continue;
    checkName(at.text, 'list of API keys', names, at, c);
    for (const w of parameters) {
      const [, permitted] = /^plans=(.+)$/.exec(w.text) ?? [];
      for (const plan of permitted?.split(',') ?? []) checkName(plan, 'plan', plans, w, c);
    }
  }
}

export default defineModule({
  name: 'api_key',
  doc: 'API keys with plans: authentication, limits, and counts of use.',
  directives,
  variables: {
    api_client: { get: (x) => x.state(API_USE)?.who.client, doc: 'Name of the client whose API key was accepted.' },
    api_plan: { get: (x) => x.state(API_USE)?.who.plan.name, doc: 'Plan of that client.' },
  },
  check,
  http(conf, _block, compiler) {
    openLists(conf, compiler);
  },
  phases: {
    access: {
      order: 270,
      compile({ api_key: value }, { compiler }) {
        if (value === undefined || value === 'off') return null;
        const source = value.source === null ? null : compiler.template(value.source);
        return new KeyAuthorization(listOf(value.keys, compiler), source, value.plans, compiler.zones).handle;
      },
    },
    content: {
      order: 0,
      compile: ({ api_usage: name }, { compiler }) =>
        name === undefined ? null : usageHandler(listOf(name, compiler), compiler.zones),
    },
  },
  headerFilter: {
    order: 24,
    compile: ({ api_key: value }) => (value === undefined || value === 'off' ? null : addFields),
  },
});
