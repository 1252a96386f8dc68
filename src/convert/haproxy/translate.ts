/** A configuration of HAProxy as servers and upstreams. */
import { ALWAYS, all, atomsOf, type Condition } from '../conditions.js';
import type { Directive } from '../crossplane/payload.js';
import { directive } from '../directives.js';
import {
  type Action,
  type AuxiliaryFile,
  type Configuration,
  type Edit,
  type FieldEdit,
  type Route,
  routeWith,
  type Server,
  SourceMistake,
} from '../model.js';
import type { NoteList } from '../note-list.js';
import { Acls } from './acls.js';
import { backendServers, timeoutOf } from './backend.js';
import { listeners } from './bind.js';
import { duration } from './durations.js';
import { type Line, parseHaproxy, type Section } from './parser.js';
import { Rules, type Step, splitCondition } from './rules.js';
import { passwordFiles } from './users.js';

/** Keywords of proxies that are converted elsewhere, or without effect on responses. */
const KNOWN: ReadonlySet<string> = new Set([
  ...['bind', 'mode', 'acl', 'use_backend', 'default_backend', 'http-request', 'http-response', 'http-after-response'],
  ...[
    'redirect',
    'server',
    'default-server',
    'server-template',
    'use-server',
    'balance',
    'hash-type',
    'cookie',
    'timeout',
  ],
  ...['option', 'no', 'http-check', 'retries', 'log', 'log-format', 'log-tag', 'maxconn', 'fullconn', 'backlog'],
  ...[
    'description',
    'id',
    'http-reuse',
    'compression',
    'unique-id-format',
    'capture',
    'errorfiles',
    'disabled',
    'enabled',
  ],
  ...['retry-on', 'rate-limit', 'http-send-name-header', 'monitor-uri', 'load-server-state-from-file', 'declare'],
]);

const OPTIONS: ReadonlySet<string> = new Set([
  ...[
    'forwardfor',
    'httplog',
    'tcplog',
    'dontlognull',
    'dontlog-normal',
    'log-separate-errors',
    'logasap',
    'http-server-close',
  ],
  ...[
    'http-keep-alive',
    'httpclose',
    'forceclose',
    'redispatch',
    'httpchk',
    'tcp-check',
    'tcpka',
    'clitcpka',
    'srvtcpka',
  ],
  ...[
    'http-buffer-request',
    'abortonclose',
    'splice-auto',
    'contstats',
    'prefer-last-server',
    'allbackups',
    'http-use-htx',
  ],
  ...[
    'socket-stats',
    'tcp-smart-accept',
    'tcp-smart-connect',
    'http-no-delay',
    'http-ignore-probes',
    'log-health-checks',
  ],
]);

export function haproxyConfiguration(text: string, notes: NoteList): Configuration {
  const sections = parseHaproxy(text);
  const proxies = sections.filter(({ kind }) => kind === 'frontend' || kind === 'listen');
  if (proxies.length === 0) throw new SourceMistake('it has no frontend', 0);
  const users = passwordFiles(sections, notes);
  const translation = new Translation(sections, users, notes);
  for (const { kind, name, line } of sections) {
    if (
      !['global', 'defaults', 'frontend', 'backend', 'listen', 'userlist', 'peers', 'resolvers', 'mailers'].includes(
        kind,
      )
    ) {
      notes.missing(line, `the section "${kind} ${name}" is not converted`);
    }
  }
  const servers = proxies.flatMap((section) => translation.frontend(section));
  return {
    main: [],
    http: [directive('access_log', 'off'), directive('proxy_websocket', 'on'), ...translation.http],
    upstreams: [...translation.upstreams.values()].map(({ upstream }) => upstream).filter((each) => each !== null),
    servers,
    files: [...translation.files.values()],
  };
}

/** Response of `monitor-uri`. */
const MONITOR: Action = { do: 'respond', status: 200, body: ['OK'], type: 'text/html' };

/** Rules of a frontend for the backends that it uses. */
interface Before {
  readonly edits: readonly Edit[];
  readonly responses: readonly FieldEdit[];
  readonly passwords: readonly Extract<Step, { kind: 'password' }>[];
  /** The field with the client's address. */
  readonly forwarding: FieldEdit | null;
}

class Translation {
  readonly upstreams = new Map<string, ReturnType<typeof backendServers>>();
  readonly http: Directive[] = [];
  readonly files = new Map<string, AuxiliaryFile>();

  constructor(
    private readonly sections: readonly Section[],
    private readonly users: ReadonlyMap<string, AuxiliaryFile>,
    private readonly notes: NoteList,
  ) {}

  frontend(section: Section): Server[] {
    const { lines, name, line } = section;
    const mode = lines.findLast(({ words }) => words[0] === 'mode')?.words[1] ?? 'tcp';
    if (mode !== 'http') {
      this.notes.missing(line, `"${section.kind} ${name}" has the mode ${mode}; only http is converted`);
      return [];
    }
    this.check(section);
    const acls = new Acls(lines, this.notes);
    const steps = new Rules(acls, this.notes).requests(lines);
    const responses = section.kind === 'listen' ? [] : new Rules(acls, this.notes).responses(lines);
    const routes: Route[] = lines
      .filter(({ words }) => words[0] === 'monitor-uri')
      .map(({ words }) => routeWith(MONITOR, { when: { is: 'path', how: 'exact', value: words[1] ?? '/' } }));
    const edits: Edit[] = [];
    const passwords: Extract<Step, { kind: 'password' }>[] = [];
    for (const step of steps) {
      if (step.kind === 'edit') edits.push(step.edit);
      else if (step.kind === 'password') passwords.push(step);
      else routes.push(routeWith(step.action, { when: step.when, edits: afterResponses(lines, responses) }));
    }
    const before: Before = {
      edits,
      responses,
      passwords,
      forwarding: isForwarding(lines) ? forwardedFor(lines) : null,
    };
    const changed = steps.findLast((step) => step.kind === 'edit' && step.edit.change === 'path');
    for (const { words, line: at } of lines.filter((each) => each.words[0] === 'use_backend')) {
      const { args, condition } = splitCondition(words.slice(1));
      const when = acls.condition(condition, at);
      if (when === null) continue;
      if (changed !== undefined && atomsOf(when).some(({ is }) => is === 'path')) {
        this.notes.missing(at, `its condition sees the path before the change of line ${changed.line}`);
      }
      routes.push(...this.backend(args[0] ?? '', at, when, before));
    }
    const last = lines.findLast(({ words }) => words[0] === 'default_backend');
    if (section.kind === 'listen' && lines.some(({ words }) => words[0] === 'server')) {
      routes.push(
        ...this.proxied(section, ALWAYS, { ...before, responses: new Rules(acls, this.notes).responses(lines) }),
      );
    } else if (last !== undefined) {
      routes.push(...this.backend(last.words[1] ?? '', last.line, ALWAYS, before));
    } else {
      routes.push(routeWith({ do: 'respond', status: 503 }));
    }
    const bound = listeners(lines, this.notes);
    if (bound.listeners.length === 0) {
      this.notes.missing(line, `"${section.kind} ${name}" has no address`);
      return [];
    }
    const settings = [...bound.settings, ...clientSettings(lines), ...compression(lines, this.notes)];
    return [{ listeners: bound.listeners, names: [], routes, settings, comments: [`${section.kind} ${name}`] }];
  }

  /** Notes the lines of a section that have no equivalent. */
  private check({ lines }: Section): void {
    for (const { words, line } of lines) {
      const [keyword = '', second = ''] = words;
      if (keyword === 'option' && !OPTIONS.has(second)) this.notes.missing(line, `"option ${second}" is not converted`);
      else if (keyword === 'stats') this.notes.missing(line, 'the page of statistics is not converted; see "console"');
      else if (!KNOWN.has(keyword)) this.notes.missing(line, `"${keyword}" is not converted`);
    }
  }

  private backend(name: string, line: number, when: Condition, before: Before): Route[] {
    const section = this.sections.find(
      (each) => (each.kind === 'backend' || each.kind === 'listen') && each.name === name,
    );
    if (section === undefined) {
      this.notes.missing(
        line,
        name.startsWith('%') ? `the backend ${name} is not converted` : `there is no backend "${name}"`,
      );
      return [];
    }
    this.check(section);
    const { lines } = section;
    const acls = new Acls(lines, this.notes);
    const rules = new Rules(acls, this.notes);
    const routes: Route[] = [];
    const edits = [...before.edits];
    const passwords = [...before.passwords];
    for (const step of rules.requests(lines)) {
      if (step.kind === 'edit') edits.push(step.edit);
      else if (step.kind === 'password') passwords.push(step);
      else routes.push(routeWith(step.action, { when: all([when, step.when]) }));
    }
    const responses = [...rules.responses(lines), ...before.responses];
    return [...routes, ...this.proxied(section, when, { ...before, edits, responses, passwords })];
  }

  private proxied(section: Section, when: Condition, before: Before): Route[] {
    const { lines, name } = section;
    let servers = this.upstreams.get(name);
    if (servers === undefined) {
      servers = backendServers(section, this.notes);
      this.upstreams.set(name, servers);
      this.http.push(...servers.http);
    }
    const { upstream, scheme, settings } = servers;
    if (upstream === null) return [routeWith({ do: 'respond', status: 503 }, { when, edits: before.responses })];
    const forwarding = isForwarding(lines) ? forwardedFor(lines) : before.forwarding;
    const forwarded = forwarding === null ? [] : [forwarding];
    const action: Action = { do: 'proxy', scheme, to: upstream.name, host: 'client' };
    const route = routeWith(action, {
      when,
      edits: [...before.edits, ...forwarded, ...before.responses],
      settings: [...upstreamTimeouts(lines), ...settings],
    });
    const protectedRoutes = before.passwords.flatMap((password) => {
      const file = this.users.get(password.list);
      if (file === undefined) {
        this.notes.missing(password.line, `there is no list of users "${password.list}"`);
        return [];
      }
      this.files.set(file.name, file);
      const own = [directive('auth_basic', password.realm), directive('auth_basic_user_file', file.name)];
      return [{ ...route, when: all([when, password.when]), settings: [...route.settings, ...own] }];
    });
    return [...protectedRoutes, route];
  }
}

/** Fields that also the responses of HAProxy itself get. */
function afterResponses(lines: readonly Line[], responses: readonly FieldEdit[]): FieldEdit[] {
  const names = lines
    .filter(({ words }) => words[0] === 'http-after-response')
    .map(({ words }) => words[2]?.toLowerCase());
  return responses.filter(({ name }) => names.includes(name.toLowerCase()));
}

function isForwarding(lines: readonly Line[]): boolean {
  let isOn = false;
  for (const { words } of lines) {
    if (words[0] === 'option' && words[1] === 'forwardfor') isOn = true;
    if (words[0] === 'no' && words[1] === 'option' && words[2] === 'forwardfor') isOn = false;
  }
  return isOn;
}

function forwardedFor(lines: readonly Line[]): FieldEdit {
  const option = lines.findLast(({ words }) => words[0] === 'option' && words[1] === 'forwardfor')?.words ?? [];
  const name = option.includes('header') ? (option[option.indexOf('header') + 1] ?? '') : 'X-Forwarded-For';
  const how = option.includes('if-none') ? 'default' : 'add';
  return { change: 'request', how, name, value: [{ variable: 'remote_addr' }], when: ALWAYS };
}

function timeouts(lines: readonly Line[], rows: readonly (readonly [string, readonly string[]])[]): Directive[] {
  return rows.flatMap(([name, directives]) => {
    const time = duration(timeoutOf(lines, name));
    return time === null ? [] : directives.map((each) => directive(each, time));
  });
}

function clientSettings(lines: readonly Line[]): Directive[] {
  return timeouts(lines, [
    ['client', ['client_body_timeout', 'send_timeout']],
    ['http-request', ['client_header_timeout']],
    ['http-keep-alive', ['keepalive_timeout']],
  ]);
}

function upstreamTimeouts(lines: readonly Line[]): Directive[] {
  const tunnel = duration(timeoutOf(lines, 'tunnel'));
  return [
    ...timeouts(lines, [
      ['connect', ['proxy_connect_timeout']],
      ['server', ['proxy_read_timeout', 'proxy_send_timeout']],
    ]),
    ...(tunnel === null ? [] : [directive('proxy_websocket', 'on', `read_timeout=${tunnel}`)]),
  ];
}

function compression(lines: readonly Line[], notes: NoteList): Directive[] {
  const own = lines.filter(({ words }) => words[0] === 'compression');
  const settings: Directive[] = [];
  for (const { words, line } of own) {
    const [, kind, ...values] = words;
    if (kind === 'algo' && values.includes('gzip'))
      settings.push(directive('gzip', 'on'), directive('gzip_proxied', 'any'));
    else if (kind === 'type') settings.push(directive('gzip_types', ...values.filter((type) => type !== 'text/html')));
    else notes.missing(line, `"${words.join(' ')}" is not converted`);
  }
  return settings.filter(({ args }) => args.length > 0);
}
