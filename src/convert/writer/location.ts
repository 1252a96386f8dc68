/** Directives of a location: one route, or several that are chosen by their conditions. */
import { atomsOf, type Condition } from '../conditions.js';
import type { Directive } from '../crossplane/payload.js';
import { block, comments, directive, ifBlock } from '../directives.js';
import type { Action, FieldEdit, PathEdit, Route, Template } from '../model.js';
import { fieldVariable, freeName, nameFrom } from '../names.js';
import { regexOf } from '../patterns.js';
import type { Variables } from './variables.js';

/** First of the status codes that lead to a named location; no response has them. */
const FIRST_CODE = 460;

/** Named locations of a server. */
export class NamedLocations {
  readonly blocks: Directive[] = [];
  private readonly names = new Map<string, string>();

  constructor(private readonly variables: Variables) {}

  /** Name of the location of a route, which it adds. */
  add(route: Route): string {
    const key = JSON.stringify({ ...route, when: null });
    const known = this.names.get(key);
    if (known !== undefined) return known;
    const name = freeName(`@${nameOf(route)}`, new Set(this.names.values()));
    this.names.set(key, name);
    this.blocks.push(block('location', [name], routeBody(route, this.variables)));
    return name;
  }
}

function nameOf({ action }: Route): string {
  const name = action.do === 'proxy' && typeof action.to === 'string' ? action.to : action.do;
  return nameFrom(name, 'route');
}

/** The body of a location with these routes, of which the last applies always. */
export function locationBody(routes: readonly Route[], variables: Variables, named: NamedLocations): Directive[] {
  const last = routes.at(-1);
  if (last === undefined) return [];
  const chosen: Directive[] = [];
  const codes: Directive[] = [];
  const written = new Set(last.comments);
  for (const each of routes.slice(0, -1)) {
    // A comment about several routes is written once.
    const route = { ...each, comments: each.comments.filter((text) => !written.has(text)) };
    for (const text of route.comments) written.add(text);
    const test = testOf(route.when, variables);
    const simple = returnOf(route.action, variables);
    const isPlain = simple !== null && !route.edits.some(({ change }) => change === 'response') && !hasFields(last);
    if (isPlain && simple.length === 1 && route.settings.length === 0) {
      chosen.push(...comments(route.comments), ifBlock(test, simple));
    } else {
      const code = String(FIRST_CODE + codes.length);
      codes.push(directive('error_page', code, '=', named.add({ ...route, comments: [] })));
      chosen.push(...comments(route.comments), ifBlock(test, [directive('return', code)]));
    }
  }
  if (codes.length > 0 && last.when.is !== 'always') throw new Error('a location has no last route');
  return [...codes, ...chosen, ...routeBody(last, variables)];
}

function hasFields({ edits }: Route): boolean {
  return edits.some(({ change }) => change === 'response');
}

/** A condition as the values of `if`. */
function testOf(condition: Condition, variables: Variables): string[] {
  if (condition.is === 'value' && condition.of.length === 1 && typeof condition.of[0] === 'object') {
    const subject = variables.text(condition.of);
    const { how, value, ignoreCase } = condition;
    if (how === 'exact' && !ignoreCase && value !== '' && !value.includes('$')) return [subject, '=', value];
    const pattern = regexOf({ how, value });
    return [subject, ignoreCase ? '~*' : '~', pattern];
  }
  // `0` is false for `if`.
  return [variables.test(condition)];
}

/** Directives of a response that `if` may contain; null for other actions. */
function returnOf(action: Action, variables: Variables): Directive[] | null {
  switch (action.do) {
    case 'redirect':
      return [directive('return', String(action.status), variables.text(action.to))];
    case 'drop':
      return [directive('return', '444')];
    case 'respond': {
      const { status, body, type } = action;
      if (body === undefined) return [directive('return', String(status))];
      const types = type === undefined ? [] : [block('types', [], []), directive('default_type', type)];
      return [...types, directive('return', String(status), variables.text(body))];
    }
    default:
      return null;
  }
}

/** The directives of one route. */
export function routeBody(route: Route, variables: Variables): Directive[] {
  const { action, edits, settings } = route;
  const paths = edits.filter((edit): edit is PathEdit => edit.change === 'path');
  const fields = edits.filter((edit): edit is FieldEdit => edit.change !== 'path');
  const before = paths.length > 0 ? readBefore(fields, variables) : [];
  const notes = comments(route.comments);
  const response = responseFields(fields, action, variables);
  switch (action.do) {
    case 'proxy': {
      const { scheme, to } = action;
      const target = typeof to === 'string' ? to : variables.text(to);
      return [
        ...notes,
        ...before,
        ...pathDirectives(paths, variables),
        directive('proxy_pass', `${scheme}://${target}`),
        ...requestFields(fields, action, variables),
        ...settings,
        ...response,
      ];
    }
    case 'files': {
      const { root, index, listing, tries } = action;
      return [
        ...notes,
        ...before,
        ...pathDirectives(paths, variables),
        directive('root', variables.text(root)),
        ...(index.length > 0 ? [directive('index', ...index)] : []),
        ...(listing ? [directive('autoindex', 'on')] : []),
        ...(tries.length > 0 ? [directive('try_files', ...tries.map((each) => variables.text(each)))] : []),
        ...settings,
        ...response,
      ];
    }
    default:
      return [...notes, ...settings, ...response, ...(returnOf(action, variables) ?? [])];
  }
}

/** Evaluates tests of the path before it is changed; variables of a map keep their value. */
function readBefore(fields: readonly FieldEdit[], variables: Variables): Directive[] {
  const conditions = fields.map(({ when }) => when).filter((when) => atomsOf(when).some(({ is }) => is === 'path'));
  const names = new Set(conditions.map((when) => variables.test(when)));
  return [...names].map((name) => directive('set', `${name}_before`, name));
}

function pathDirectives(edits: readonly PathEdit[], variables: Variables): Directive[] {
  const [only, ...more] = edits;
  if (only === undefined) return [];
  if (more.length === 0) {
    const lines = only.rules.map(({ pattern, ignoreCase, to }) =>
      directive('rewrite', ignoreCase ? `(?i)${pattern}` : pattern, variables.text(to), 'break'),
    );
    return only.when.is === 'always' ? lines : [ifBlock(testOf(only.when, variables), lines)];
  }
  let path: Template = [{ variable: 'uri' }];
  for (const { rules, when } of edits) path = variables.choose(when, variables.replaced(path, rules), path, 'path');
  return [directive('rewrite', '^', variables.text(path), 'break')];
}

/** Fields of the request as `proxy_set_header` has them. */
function requestFields(edits: readonly FieldEdit[], action: Action, variables: Variables): Directive[] {
  const values = new Map<string, { name: string; value: Template }>();
  if (action.do === 'proxy' && action.host !== 'target') {
    const value = action.host === 'client' ? [{ variable: 'http_host' }] : action.host;
    values.set('host', { name: 'Host', value });
  }
  for (const { change, how, name, value, when } of edits) {
    if (change !== 'request') continue;
    const key = name.toLowerCase();
    const variable = fieldVariable(name);
    const received: Template = [{ variable: `http_${variable}` }];
    const current = values.get(key)?.value ?? received;
    let next: Template;
    if (how === 'set') next = value;
    else if (how === 'remove') next = [];
    else if (how === 'default') next = variables.ifEmpty(current, value, current, variable);
    else {
      const joined = [...current, how === 'append' ? ',' : ', ', ...value];
      next = current.length === 0 ? value : variables.ifEmpty(current, value, joined, variable);
    }
    values.set(key, { name, value: variables.choose(when, next, current, variable) });
  }
  return [...values.values()].map(({ name, value }) => directive('proxy_set_header', name, variables.text(value)));
}

/** Fields of the response: `add_header`, and `proxy_hide_header` for those that replace the upstream's. */
function responseFields(edits: readonly FieldEdit[], action: Action, variables: Variables): Directive[] {
  const isProxy = action.do === 'proxy';
  const hidden = new Map<string, string>();
  const added: { name: string; value: Template }[] = [];
  for (const { change, how, name, value, when } of edits) {
    if (change !== 'response') continue;
    const key = name.toLowerCase();
    const variable = fieldVariable(name);
    const isAlways = when.is === 'always';
    const before = added.find((each) => each.name.toLowerCase() === key);
    const received: Template = isProxy ? [{ variable: `upstream_http_${variable}` }] : [];
    if (how === 'add' || how === 'append') {
      added.push({ name, value: variables.choose(when, value, [], variable) });
      continue;
    }
    const current = before?.value ?? received;
    const next =
      how === 'remove' ? [] : how === 'default' ? variables.ifEmpty(current, value, current, variable) : value;
    const result = variables.choose(when, current.length === 0 && how === 'default' ? value : next, current, variable);
    if (isProxy) hidden.set(key, name);
    if (isAlways && how !== 'default') {
      for (let at = added.length - 1; at >= 0; at--) if (added[at]?.name.toLowerCase() === key) added.splice(at, 1);
    } else if (before !== undefined) {
      before.value = result;
      continue;
    }
    if (result.length > 0) added.push({ name, value: result });
  }
  return [
    ...[...hidden.values()].map((name) => directive('proxy_hide_header', name)),
    ...added.map(({ name, value }) => directive('add_header', name, variables.text(value), 'always')),
  ];
}
