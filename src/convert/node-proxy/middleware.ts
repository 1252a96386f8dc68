/** Configurations of http-proxy-middleware 2 and 3: calls of `createProxyMiddleware`, and tables of paths and options. */
import { ALWAYS, all, any, type Condition } from '../conditions.js';
import { directive } from '../directives.js';
import { type Call, LiteralProgram } from '../javascript/program.js';
import {
  isFunction,
  isList,
  isObject,
  isUnknown,
  type ObjectValue,
  propertyOf,
  settingOf,
  type Value,
} from '../javascript/values.js';
import { type Configuration, type PathRule, type Route, routeWith, SourceMistake } from '../model.js';
import type { NoteList } from '../note-list.js';
import { filterCondition } from './path-filter.js';
import { replaceRule } from './path-rules.js';
import { proxyRoutes } from './router.js';

/** Options that version 3 does not have. */
const LEGACY_OPTIONS = /^(?:on(?:Error|ProxyRe[qs]\w*|Open|Close)|log(?:Level|Provider))$/;

/** A proxy with the place where it is used. */
interface Use {
  readonly line: number;
  /** Paths of `app.use`; empty for none. */
  readonly mounts: readonly string[];
  readonly context: Value | undefined;
  readonly options: ObjectValue;
  readonly isLegacy: boolean;
}

export function middlewareConfiguration(
  name: string,
  text: string,
  listen: string | null,
  notes: NoteList,
): Configuration {
  const program = new LiteralProgram(
    name,
    /^\s*[[{]/.test(text) ? `export default ${text.trim().replace(/;$/, '')}` : text,
  );
  const calls = program.calls();
  const proxies = calls.filter((call) => /^(?:legacyC|c)reateProxyMiddleware$/.test(call.name));
  const uses = proxies.length > 0 ? usesOf(calls, proxies, notes) : tableUses(program.exported(), notes);
  if (uses.length === 0) throw new SourceMistake('no proxy is configured in it', 0);
  const port = calls.find((call) => call.name === 'listen' && typeof call.args[0] === 'number')?.args[0];
  const address = listen ?? (typeof port === 'number' ? `127.0.0.1:${port}` : '127.0.0.1:8080');
  const routes = uses.flatMap((use) => routesOf(use, notes));
  const usesWebSockets = uses.some(
    ({ options }) => settingOf(options, 'ws') === true || /^wss?:/.test(targetText(options)),
  );
  return {
    main: [],
    http: usesWebSockets ? [directive('proxy_websocket', 'on')] : [],
    upstreams: [],
    servers: [
      {
        listeners: [{ address }],
        names: [],
        routes: [...routes, notFound()],
        settings: [],
        comments: listen === null && typeof port !== 'number' ? ['The address is a guess: the source names none.'] : [],
      },
    ],
  };
}

function targetText(options: ObjectValue): string {
  const target = settingOf(options, 'target');
  return typeof target === 'string' ? target : '';
}

function notFound(): Route {
  return routeWith({ do: 'respond', status: 404 }, { comments: ['Other requests reach the rest of the program.'] });
}

function usesOf(calls: readonly Call[], proxies: readonly Call[], notes: NoteList): Use[] {
  const placed = new Set<Call>();
  const uses: Use[] = [];
  for (const use of calls.filter((call) => call.name === 'use')) {
    const [first] = use.args;
    const mounts =
      typeof first === 'string' ? [first] : isList(first) ? first.filter((each) => typeof each === 'string') : [];
    const names = new Set(use.args.flatMap((each) => (isUnknown(each) ? [each.text] : [])));
    for (const proxy of proxies) {
      const isUsed = proxy.within?.args === use.args || (proxy.assignedTo !== '' && names.has(proxy.assignedTo));
      if (!isUsed) continue;
      if (isFunction(first) && proxy.within?.args !== use.args) continue;
      placed.add(proxy);
      const found = useOf(proxy, mounts, use.line, notes);
      if (found !== null) uses.push(found);
    }
  }
  for (const proxy of proxies.filter((each) => !placed.has(each))) {
    const found = useOf(proxy, [], proxy.line, notes);
    if (found !== null) uses.push(found);
  }
  return uses;
}

function useOf({ name, args, line }: Call, mounts: readonly string[], at: number, notes: NoteList): Use | null {
  const [first, second] = args;
  const options = isObject(first) ? first : second;
  if (!isObject(options)) {
    // Version 2 also takes a URL.
    if (typeof first === 'string' && /^\w+:\/\//.test(first)) {
      const url = new URL(first);
      const target = { name: 'target', line, value: url.origin };
      const context = url.pathname === '/' ? undefined : url.pathname;
      return { line: at, mounts, context, options: { kind: 'object', line, properties: [target] }, isLegacy: true };
    }
    notes.missing(line, `the options of ${name} are not literal`);
    return null;
  }
  const isOld =
    name.startsWith('legacy') || !isObject(first) || options.properties.some((each) => LEGACY_OPTIONS.test(each.name));
  const context = isObject(first) ? settingOf(options, 'pathFilter') : first;
  return { line: at, mounts, context, options, isLegacy: isOld };
}

/** A table: paths with their options, or a list of options with `context`. */
function tableUses(value: Value | null, notes: NoteList): Use[] {
  if (value === null) return [];
  if (isList(value)) {
    return value.flatMap((each) => {
      if (!isObject(each)) return [];
      const context = settingOf(each, 'context') ?? settingOf(each, 'pathFilter');
      return [{ line: each.line, mounts: [], context, options: each, isLegacy: true }];
    });
  }
  if (!isObject(value)) return [];
  for (const name of ['devServer', 'server', 'proxy']) {
    const inner = settingOf(value, name);
    if (isObject(inner) || isList(inner)) return tableUses(inner, notes);
  }
  if (propertyOf(value, 'target') !== undefined) {
    const context = settingOf(value, 'pathFilter') ?? settingOf(value, 'context');
    return [{ line: value.line, mounts: [], context, options: value, isLegacy: true }];
  }
  return value.properties.flatMap(({ name, line, value: entry }) => {
    const target = { name: 'target', line, value: entry };
    const options: Value = typeof entry === 'string' ? { kind: 'object', line, properties: [target] } : entry;
    if (isObject(options)) return [{ line, mounts: [], context: name, options, isLegacy: true }];
    notes.missing(line, `the options of "${name}" are not literal`);
    return [];
  });
}

function routesOf(use: Use, notes: NoteList): Route[] {
  const { context, options, mounts, isLegacy, line } = use;
  return (mounts.length === 0 ? [''] : mounts).flatMap((written) => {
    const mount = written.replace(/\/+$/, '');
    if (/[*:(?+]/.test(mount)) {
      notes.missing(line, `the path pattern "${mount}" of use() is not converted`);
      return [];
    }
    const filter = filterCondition(context, isLegacy ? '' : mount);
    if (filter === null) {
      const code = isFunction(context) ? 'a function' : 'not literal';
      notes.missing(
        propertyOf(options, 'pathFilter')?.line ?? line,
        `the path filter is ${code}; its proxy is left out`,
      );
      return [];
    }
    const removed = isLegacy ? '' : mount;
    const place = {
      when: all([mountCondition(mount), filter]),
      line,
      mount: removed,
      comments:
        removed === '' ? [] : [`As in version 3, the target does not get "${removed}" (version 2 passes it on).`],
      isOriginChanged: false,
    };
    return proxyRoutes(options, place, (base) => rewriteRules(options, removed, base, notes), notes);
  });
}

/** `app.use('/api')` applies to `/api` and what is below it. */
function mountCondition(mount: string): Condition {
  if (mount === '') return ALWAYS;
  return any([
    { is: 'path', how: 'exact', value: mount },
    { is: 'path', how: 'prefix', value: `${mount}/` },
  ]);
}

function rewriteRules(
  options: ObjectValue,
  mount: string,
  base: string,
  notes: NoteList,
): readonly (readonly PathRule[])[] | null {
  const property = propertyOf(options, 'pathRewrite');
  if (property === undefined) return [];
  const { value, line } = property;
  if (isFunction(value)) {
    const chain = value.replacements?.map(({ pattern, to }) => replaceRule(pattern, to, mount, base));
    if (chain?.length === 1 && chain[0]) return [[chain[0]]];
  } else if (isObject(value)) {
    const rules = value.properties.map((rule) =>
      typeof rule.value === 'string'
        ? replaceRule({ kind: 'pattern', source: rule.name, flags: '' }, rule.value, mount, base)
        : null,
    );
    value.properties.forEach((rule, index) => {
      if (rules[index] === null) notes.missing(rule.line, `the path rule "${rule.name}" is not converted`);
    });
    return [rules.filter((rule) => rule !== null)];
  }
  notes.missing(line, '"pathRewrite" is code, which is not converted');
  return null;
}
