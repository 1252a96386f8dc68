/** Routes of one proxy: its target, or those of its `router`. */
import { ALWAYS, all, type Condition } from '../conditions.js';
import { isObject, isUnknown, type ObjectValue, propertyOf, settingOf, type Value } from '../javascript/values.js';
import type { Edit, PathEdit, PathRule, Route } from '../model.js';
import type { NoteList } from '../note-list.js';
import { translateOptions } from './options.js';
import { remainingRule } from './path-rules.js';
import { type Target, targetOf } from './target.js';

/** Rules of a path for a given base; null if a function or pattern has no equivalent. */
export type Rules = (base: string) => readonly (readonly PathRule[])[] | null;

export interface ProxyPlace {
  readonly when: Condition;
  readonly line: number;
  /** Part of the path that the proxy does not see. */
  readonly mount: string;
  readonly comments: readonly string[];
  readonly isOriginChanged: boolean;
}

/** Routes of the options of one proxy. Options that are not converted are noted. */
export function proxyRoutes(options: ObjectValue, place: ProxyPlace, rules: Rules, notes: NoteList): Route[] {
  const routes: Route[] = [];
  const router = propertyOf(options, 'router');
  if (router !== undefined) {
    if (isObject(router.value)) {
      for (const { name, line, value } of router.value.properties) {
        const target = targetOf(value);
        if (target === null) notes.missing(line, `the target of router entry "${name}" is not a literal URL`);
        else
          routes.push(
            routeTo(target, all([place.when, entryCondition(name, place.mount)]), options, place, rules, notes),
          );
      }
    } else {
      notes.missing(router.line, '"router" is not a table');
    }
  }
  const forward = propertyOf(options, 'forward');
  if (forward !== undefined) notes.missing(forward.line, '"forward" is not converted; see "mirror"');
  const target = targetOf(settingOf(options, 'target'));
  if (target !== null) {
    routes.push(routeTo(target, place.when, options, place, rules, notes));
    return routes;
  }
  const written = propertyOf(options, 'target');
  notes.missing(written?.line ?? place.line, `the target is ${describe(written?.value)}`);
  return routes;
}

function describe(value: Value | undefined): string {
  if (value === undefined) return 'missing';
  return isUnknown(value) ? `not a literal URL: ${value.text}` : 'not a literal URL';
}

/** An entry of `router`: a host with its port, the beginning of a path, or both. */
function entryCondition(name: string, mount: string): Condition {
  const slash = name.indexOf('/');
  const host = slash < 0 ? name : name.slice(0, slash);
  const path = slash < 0 ? '' : name.slice(slash);
  return all([
    host === '' ? ALWAYS : { is: 'value', of: [{ variable: 'http_host' }], how: 'exact', value: host },
    path === '' ? ALWAYS : { is: 'path', how: 'prefix', value: mount + path },
  ]);
}

function routeTo(
  target: Target,
  when: Condition,
  options: ObjectValue,
  place: ProxyPlace,
  rules: Rules,
  notes: NoteList,
): Route {
  const { edits, settings, host } = translateOptions(options, target, notes, place.isOriginChanged);
  return {
    when,
    action: { do: 'proxy', scheme: target.scheme, to: target.to, host },
    edits: [...pathEdits(target, options, place, rules), ...edits],
    settings,
    comments: place.comments,
  };
}

function pathEdits(target: Target, options: ObjectValue, place: ProxyPlace, rules: Rules): Edit[] {
  if (settingOf(options, 'ignorePath') === true) {
    const rule: PathRule = { pattern: '^', to: [target.path === '' ? '/' : target.path] };
    return [edit([rule])];
  }
  const base = settingOf(options, 'prependPath') === false ? '' : target.path;
  const changes = rules(base) ?? [];
  const rest = remainingRule(place.mount, base);
  if (changes.length === 0) return rest === null ? [] : [edit([rest])];
  return changes.map((each, index) => edit(index === changes.length - 1 && rest !== null ? [...each, rest] : each));
}

function edit(rules: readonly PathRule[]): PathEdit {
  return { change: 'path', rules, when: { is: 'always' } };
}
