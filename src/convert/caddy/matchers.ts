/** Matchers of Caddy as conditions. */
import { ALWAYS, all, any, type Condition, named, not } from '../conditions.js';
import { fieldVariable } from '../names.js';
import type { NoteList } from '../note-list.js';
import { escapePattern } from '../patterns.js';
import type { Segment } from './parser.js';
import { templateOf } from './placeholders.js';

const PRIVATE_RANGES = ['192.168.0.0/16', '172.16.0.0/12', '10.0.0.0/8', '127.0.0.1/8', 'fd00::/8', '::1'];

/** Named matchers of a site. */
export class Matchers {
  private readonly named = new Map<string, readonly Segment[]>();
  private readonly reported = new Set<string>();

  constructor(
    private readonly notes: NoteList,
    /** Part of the path that was removed before the matchers are applied. */
    private readonly prefix: string,
  ) {}

  /** The same matchers for paths without a prefix. */
  below(prefix: string): Matchers {
    const below = new Matchers(this.notes, this.prefix + prefix);
    for (const [name, segments] of this.named) below.named.set(name, segments);
    return below;
  }

  define(segment: Segment): void {
    const { name, args, block, line } = segment;
    const [first, ...rest] = args;
    // On one line, the first argument is the name of a matcher.
    const own = first === undefined ? [] : [{ name: first, args: rest, line, block: null }];
    this.named.set(name, [...own, ...(block ?? [])]);
  }

  /** Condition of a directive, and its arguments without the matcher; null if it has no equivalent, which is noted. */
  split({ name, args, line }: Segment): { readonly when: Condition; readonly args: readonly string[] } | null {
    const [first, ...rest] = args;
    // The only argument of these directives is a path, not a matcher.
    if (name === 'try_files' || (args.length === 1 && /^(?:root|rewrite|redir)$/.test(name)))
      return { when: ALWAYS, args };
    if (first === '*') return { when: ALWAYS, args: rest };
    if (first?.startsWith('/')) return { when: pathCondition(this.prefix, first), args: rest };
    if (!first?.startsWith('@')) return { when: ALWAYS, args };
    const segments = this.named.get(first);
    if (segments === undefined) {
      this.notes.missing(line, `the matcher "${first}" is not defined`);
      return null;
    }
    const when = this.set(segments, first);
    return when === null ? null : { when: named(first.slice(1), when), args: rest };
  }

  private set(segments: readonly Segment[], name: string): Condition | null {
    const conditions: Condition[] = [];
    // Matchers of one kind are alternatives.
    const kinds = new Map<unknown, Segment[]>();
    for (const segment of segments) {
      const kind = segment.name === 'not' ? segment : segment.name === 'header' ? segment.args[0] : segment.name;
      kinds.set(kind, [...(kinds.get(kind) ?? []), segment]);
    }
    for (const same of kinds.values()) {
      const alternatives = same.map((segment) => this.one(segment, name));
      const known = alternatives.filter((each) => each !== null);
      if (known.length < alternatives.length) return null;
      conditions.push(any(known));
    }
    return all(conditions);
  }

  private one(segment: Segment, name: string): Condition | null {
    const { args, line, block } = segment;
    switch (segment.name) {
      case 'path':
        return any(args.map((each) => pathCondition(this.prefix, each)));
      case 'path_regexp': {
        const pattern = args.at(-1);
        if (pattern === undefined) break;
        return { is: 'path', how: 'regex', value: belowPrefix(pattern, this.prefix) };
      }
      case 'host':
        return { is: 'host', names: args };
      case 'method':
        return any(args.map((each) => exact('request_method', each.toUpperCase())));
      case 'protocol':
        if (args[0] !== 'http' && args[0] !== 'https') break;
        return exact('scheme', args[0]);
      case 'remote_ip':
      case 'client_ip': {
        const ranges = args.filter((each) => each !== 'forwarded');
        return {
          is: 'address',
          ranges: ranges.flatMap((each) => (each === 'private_ranges' ? PRIVATE_RANGES : [each])),
        };
      }
      case 'header':
        return headerCondition(args);
      case 'header_regexp': {
        const [field, value] = args.slice(-2);
        if (field === undefined || value === undefined) break;
        return { is: 'value', of: [{ variable: `http_${fieldVariable(field)}` }], how: 'regex', value };
      }
      case 'query':
        return any(args.map(queryCondition));
      case 'not': {
        const [first, ...rest] = args;
        const own = first === undefined ? [] : [{ name: first, args: rest, line, block: null }];
        const inner = this.set([...own, ...(block ?? [])], name);
        return inner === null ? null : not(inner);
      }
      case 'expression': {
        const condition = expressionCondition(args.join(' '));
        if (condition !== null) return condition;
        break;
      }
    }
    const key = `${line} ${segment.name}`;
    if (!this.reported.has(key)) {
      this.notes.missing(line, `the matcher "${segment.name}" of ${name} is not converted, nor what depends on it`);
    }
    this.reported.add(key);
    return null;
  }
}

function exact(variable: string, value: string): Condition {
  return { is: 'value', of: [{ variable }], how: 'exact', value };
}

/** A path with `*` at its ends, or inside for text without a slash. */
export function pathCondition(prefix: string, written: string): Condition {
  const path = written.replaceAll('%2F', '/');
  const inner = path.replace(/^\*|\*$/g, '');
  if (inner.includes('*') || inner.includes('?') || inner.includes('[')) {
    const pattern = path.replace(/\*$/, '').split('*').map(escapePattern).join('[^/]*');
    return { is: 'path', how: 'regex', value: `^${escapePattern(prefix)}${pattern}${path.endsWith('*') ? '' : '$'}` };
  }
  if (path === '*' || path === '/*') return ALWAYS;
  if (path.startsWith('*')) {
    const pattern = escapePattern(inner);
    return { is: 'path', how: 'regex', value: path.endsWith('*') ? pattern : `${pattern}$` };
  }
  return { is: 'path', how: path.endsWith('*') ? 'prefix' : 'exact', value: prefix + inner };
}

/** An expression for the path without a prefix. */
function belowPrefix(pattern: string, prefix: string): string {
  if (prefix === '') return pattern;
  return pattern.startsWith('^') ? `^${escapePattern(prefix)}${pattern.slice(1)}` : pattern;
}

function headerCondition([field = '', value]: readonly string[]): Condition {
  if (field.startsWith('!')) return exact(`http_${fieldVariable(field.slice(1))}`, '');
  const of = [{ variable: `http_${fieldVariable(field)}` }];
  if (value === undefined || value === '*') return not({ is: 'value', of, how: 'exact', value: '' });
  const inner = value.replace(/^\*|\*$/g, '');
  const how =
    value.startsWith('*') && value.endsWith('*')
      ? 'part'
      : value.startsWith('*')
        ? 'suffix'
        : value.endsWith('*')
          ? 'prefix'
          : 'exact';
  return { is: 'value', of, how, value: inner };
}

function queryCondition(written: string): Condition {
  if (written === '') return exact('args', '');
  const [name = '', value = ''] = written.split(/=(.*)/s);
  const variable = `arg_${name}`;
  return value === '*' ? not(exact(variable, '')) : exact(variable, value);
}

/** CEL of the form `{placeholder} == 'text'`, `.startsWith(…)` and `.matches(…)`; null for others. */
function expressionCondition(text: string): Condition | null {
  const comparison = /^\s*(\{[^{}]+\})\s*(==|!=)\s*(?:'([^']*)'|"([^"]*)"|`([^`]*)`)\s*$/.exec(text);
  if (comparison) {
    const [, placeholder = '', operator, ...values] = comparison;
    const of = templateOf(placeholder, () => {});
    const value = values.find((each) => each !== undefined) ?? '';
    if (of === null) return null;
    const same: Condition = { is: 'value', of, how: 'exact', value };
    return operator === '==' ? same : not(same);
  }
  const list = /^\s*(\{[^{}]+\})\s+in\s+\[([^\]]*)\]\s*$/.exec(text);
  if (list) {
    const of = templateOf(list[1] ?? '', () => {});
    const values = [...(list[2] ?? '').matchAll(/'([^']*)'|"([^"]*)"/g)].map(([, one, other]) => one ?? other ?? '');
    return of === null ? null : any(values.map((value) => ({ is: 'value', of, how: 'exact', value })));
  }
  return null;
}
