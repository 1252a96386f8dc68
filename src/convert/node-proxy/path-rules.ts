/** Changes of paths in JavaScript (`replace` with a regular expression) as rules for the path of a request. */
import type { PatternValue } from '../javascript/values.js';
import type { PathRule, Template } from '../model.js';
import { escapePattern, groupsIn } from '../patterns.js';

/**
 * The rule that replaces the first match of a pattern in the path and keeps the rest; null if it has no equivalent.
 *
 * @param prefix literal text that precedes the path that the pattern sees
 * @param base literal path that precedes the result
 */
export function replaceRule(pattern: PatternValue | string, to: string, prefix: string, base: string): PathRule | null {
  const isLiteral = typeof pattern === 'string';
  const source = isLiteral ? escapePattern(pattern) : pattern.source.replaceAll('\\/', '/');
  const flags = isLiteral ? '' : pattern.flags;
  if (!/^[iu]*$/.test(flags) || source.includes('(?<')) return null;
  const groups = groupsIn(source);
  const isAtStart = source.startsWith('^');
  const isAtEnd = /(?<!\\)(?:\\\\)*\$$/.test(source);
  const inner = source.slice(isAtStart ? 1 : 0, isAtEnd ? -1 : undefined);
  if (isAtStart && hasAlternatives(inner)) return null;
  const ignoreCase = flags.includes('i') ? { ignoreCase: true as const } : {};
  const start = escapePattern(prefix);
  if (!isAtStart) {
    // The text before the match is one more group.
    const before = groups + 1;
    const after = groups + 2;
    const shown = template(to, groups, (group) => group + 1);
    if (shown === null) return null;
    const rest: Template = isAtEnd ? [] : [{ variable: String(after) }];
    return {
      pattern: `^${start}(.*?)${shifted(inner)}${isAtEnd ? '$' : '(.*)$'}`,
      to: joined([base, { variable: '1' }, ...shown, ...rest.map(() => ({ variable: String(before + 1) }))]),
      ...ignoreCase,
    };
  }
  const shown = template(to, groups, (group) => group);
  if (shown === null) return null;
  const rest: Template = isAtEnd ? [] : [{ variable: String(groups + 1) }];
  const begins = shown[0];
  const hasSlash = typeof begins === 'string' && begins.startsWith('/');
  // http-proxy joins target and path with one slash.
  const isJoined =
    !hasSlash && !(shown.length > 0 && typeof begins !== 'string') && !(shown.length === 0 && base !== '');
  const tail = isAtEnd ? '$' : isJoined && shown.length === 0 && !inner.endsWith('/') ? '/?(.*)$' : '(.*)$';
  return {
    pattern: `^${start}${inner}${tail}`,
    to: joined([isJoined ? `${base}/` : base, ...shown, ...rest]),
    ...ignoreCase,
  };
}

/** The rule for paths that no other rule matches: they only lose `prefix` and get `base`. Null if nothing changes. */
export function remainingRule(prefix: string, base: string): PathRule | null {
  if (prefix === '' && base === '') return null;
  return {
    pattern: `^${escapePattern(prefix)}${prefix === '' ? '/' : '/?'}(.*)$`,
    to: joined([`${base}/`, { variable: '1' }]),
  };
}

/** Numbers of references after one more group. */
function shifted(source: string): string {
  return source.replace(/\\([1-9])/g, (_, group: string) => `\\${Number(group) + 1}`);
}

/** Whether a pattern has alternatives outside of groups, so that `^` belongs to the first only. */
function hasAlternatives(source: string): boolean {
  let depth = 0;
  for (const [part] of source.matchAll(/\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]|[()|]/g)) {
    if (part === '(') depth++;
    else if (part === ')') depth--;
    else if (part === '|' && depth === 0) return true;
  }
  return false;
}

/** JavaScript's replacement text. */
function template(to: string, groups: number, number: (group: number) => number): Template | null {
  const parts: (string | { variable: string })[] = [];
  let at = 0;
  for (const match of to.matchAll(/\$(?:\$|(\d{1,2})|[&`'<])/g)) {
    const [written, group] = match;
    parts.push(to.slice(at, match.index));
    at = match.index + written.length;
    if (written === '$$') parts.push('$');
    else if (group === undefined || Number(group) < 1 || Number(group) > Math.min(groups, 7)) return null;
    else parts.push({ variable: String(number(Number(group))) });
  }
  parts.push(to.slice(at));
  return joined(parts);
}

/** Without empty strings, and with adjacent ones joined. */
export function joined(template: Template): Template {
  const parts: (string | { readonly variable: string })[] = [];
  for (const part of template) {
    const last = parts.at(-1);
    if (part === '') continue;
    if (typeof part === 'string' && typeof last === 'string') parts[parts.length - 1] = last + part;
    else parts.push(part);
  }
  return parts;
}
