/** ACLs and conditions of HAProxy. */
import { ALWAYS, all, any, type Condition, NEVER, named, not, type Test } from '../conditions.js';
import type { NoteList } from '../note-list.js';
import { escapePattern, regexOf } from '../patterns.js';
import type { Line } from './parser.js';
import { fetchOf } from './samples.js';

/** Suffixes and `-m` methods of matching. */
const METHODS: Readonly<Record<string, Test | 'dir' | 'dom'>> = {
  str: 'exact',
  beg: 'prefix',
  end: 'suffix',
  sub: 'part',
  reg: 'regex',
  dir: 'dir',
  dom: 'dom',
};

/** Fields that are lists, of which `hdr` tests each element. */
const LISTS = /^(?:connection|upgrade|accept(?:-\w+)?|cache-control|via|te|x-forwarded-for)$/i;

const PREDEFINED: Readonly<Record<string, Condition>> = {
  TRUE: ALWAYS,
  FALSE: NEVER,
  HTTP: ALWAYS,
  'HTTP_1.0': { is: 'value', of: [{ variable: 'server_protocol' }], how: 'exact', value: 'HTTP/1.0' },
  'HTTP_1.1': { is: 'value', of: [{ variable: 'server_protocol' }], how: 'exact', value: 'HTTP/1.1' },
  LOCALHOST: { is: 'address', ranges: ['127.0.0.0/8', '::1'] },
  ...Object.fromEntries(
    ['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'TRACE'].map((method) => [
      `METH_${method}`,
      method === 'GET' ? any([methodIs('GET'), methodIs('HEAD')]) : methodIs(method),
    ]),
  ),
};

function methodIs(method: string): Condition {
  return { is: 'value', of: [{ variable: 'request_method' }], how: 'exact', value: method };
}

/** The ACLs of a section. */
export class Acls {
  private readonly defined = new Map<string, (Condition | null)[]>();
  /** Lists of users that an ACL requires, by its name. */
  readonly users = new Map<string, string>();

  constructor(
    lines: readonly Line[],
    private readonly notes: NoteList,
  ) {
    for (const { words, line } of lines) {
      const [keyword, name, ...rest] = words;
      if (keyword !== 'acl' || name === undefined) continue;
      const list = /^http_auth\(([\w.-]+)\)$/.exec(rest[0] ?? '')?.[1];
      if (list !== undefined) this.users.set(name, list);
      else this.defined.set(name, [...(this.defined.get(name) ?? []), this.criterion(rest, line, name)]);
    }
  }

  /** Condition after `if` or `unless`; always without one, null if a part has no equivalent, which is noted. */
  condition(words: readonly string[], line: number): Condition | null {
    const [keyword, ...rest] = words;
    if (keyword === undefined) return ALWAYS;
    if (keyword !== 'if' && keyword !== 'unless') return null;
    const alternatives: Condition[] = [];
    let terms: Condition[] = [];
    for (let at = 0; at < rest.length; at++) {
      let word = rest[at] ?? '';
      if (word === '||' || word === 'or') {
        alternatives.push(all(terms));
        terms = [];
        continue;
      }
      let isNegated = false;
      while (word.startsWith('!')) {
        isNegated = !isNegated;
        word = word.slice(1);
        if (word === '') word = rest[++at] ?? '';
      }
      let term: Condition | null;
      if (word === '{') {
        const end = rest.indexOf('}', at);
        term = this.criterion(rest.slice(at + 1, end < 0 ? undefined : end), line, '');
        at = end < 0 ? rest.length : end;
      } else {
        term = this.acl(word, line);
      }
      if (term === null) return null;
      terms.push(isNegated ? not(term) : term);
    }
    alternatives.push(all(terms));
    const condition = any(alternatives);
    return keyword === 'if' ? condition : not(condition);
  }

  private acl(name: string, line: number): Condition | null {
    const own = this.defined.get(name);
    const conditions = own ?? (PREDEFINED[name] === undefined ? undefined : [PREDEFINED[name]]);
    if (conditions === undefined) {
      this.notes.missing(line, `the ACL "${name}" is not converted, nor the rule that needs it`);
      return null;
    }
    const known = conditions.filter((each) => each !== null);
    return known.length < conditions.length ? null : named(name, any(known));
  }

  /** A criterion with its flags and values. */
  private criterion(words: readonly string[], line: number, name: string): Condition | null {
    const [written = '', ...rest] = words;
    const { base, how, argument, isLowered } = parseCriterion(written);
    const values: string[] = [];
    let method = how;
    let ignoreCase = isLowered;
    let isFound = false;
    for (let at = 0; at < rest.length; at++) {
      const word = rest[at] ?? '';
      if (word === '-i') ignoreCase = true;
      else if (word === '-m') {
        const given = rest[++at] ?? '';
        if (given === 'found') isFound = true;
        else method = METHODS[given] ?? null;
      } else if (word === '--') {
        values.push(...rest.slice(at + 1));
        break;
      } else if (word === '-f' || word === '-M') {
        this.notes.missing(line, `patterns from a file (${word}) are not converted`);
        return null;
      } else values.push(word);
    }
    const condition = method === null ? null : conditionOf(base, argument, method, values, ignoreCase, isFound);
    if (condition === null) {
      const subject = name === '' ? `"${words.join(' ')}"` : `the ACL "${name}" (${written})`;
      this.notes.missing(line, `${subject} is not converted, nor the rules that need it`);
    }
    return condition;
  }
}

interface Criterion {
  readonly base: string;
  readonly argument: string;
  readonly how: Test | 'dir' | 'dom' | null;
  readonly isLowered: boolean;
}

/** Splits `hdr_beg(host)` and `req.hdr(host),lower`. */
function parseCriterion(written: string): Criterion {
  const [fetch = '', ...converters] = written.split(/,(?![^(]*\))/);
  const isKnown = converters.every((each) => each === 'lower');
  const [, name = '', argument = ''] = /^([\w.]+)(?:\((.*)\))?$/.exec(fetch) ?? [];
  const suffix = /_(beg|end|sub|reg|dir|dom|str)$/.exec(name)?.[1];
  const base = (suffix === undefined ? name : name.slice(0, -suffix.length - 1)).replace(/^req\.f?/, '');
  const how = isKnown ? (METHODS[suffix ?? 'str'] ?? null) : null;
  return { base, argument, how, isLowered: converters.includes('lower') };
}

function conditionOf(
  base: string,
  argument: string,
  how: Test | 'dir' | 'dom',
  values: readonly string[],
  ignoreCase: boolean,
  isFound: boolean,
): Condition | null {
  switch (base) {
    case 'always_true':
      return ALWAYS;
    case 'always_false':
      return NEVER;
    case 'src':
      return { is: 'address', ranges: values };
    case 'method':
      return any(values.map(methodIs));
    case 'ssl_fc':
      return { is: 'value', of: [{ variable: 'https' }], how: 'exact', value: 'on' };
    case 'path':
      return any(values.map((value) => pathCondition(how, value, ignoreCase)));
    case 'hdr':
      if (argument.split(',')[0]?.toLowerCase() === 'host')
        return any(values.map((value) => hostCondition(how, value)));
  }
  const of = fetchOf(argument === '' ? base : `${base}(${argument})`);
  if (of === null) return null;
  if (isFound) return not({ is: 'value', of, how: 'exact', value: '' });
  const isList = base === 'hdr' && how === 'exact' && LISTS.test(argument);
  return any(
    values.map((value): Condition => {
      const flag = ignoreCase ? { ignoreCase: true as const } : {};
      if (isList)
        return { is: 'value', of, how: 'regex', value: `(?:^|,)\\s*${escapePattern(value)}\\s*(?:,|$)`, ...flag };
      if (how === 'dir')
        return { is: 'value', of, how: 'regex', value: `(?:^|/)${escapePattern(value)}(?:/|$)`, ...flag };
      if (how === 'dom')
        return { is: 'value', of, how: 'regex', value: `(?:^|[.])${escapePattern(value)}(?:[.:]|$)`, ...flag };
      return { is: 'value', of, how, value, ...flag };
    }),
  );
}

function pathCondition(how: Test | 'dir' | 'dom', value: string, ignoreCase: boolean): Condition {
  const flag = ignoreCase ? { ignoreCase: true as const } : {};
  if (how === 'exact' || how === 'prefix' || how === 'regex') return { is: 'path', how, value, ...flag };
  const inner = escapePattern(value.replace(/^\/|\/$/g, ''));
  if (how === 'dir' || how === 'dom') return { is: 'path', how: 'regex', value: `/${inner}(?:/|$)`, ...flag };
  return { is: 'path', how: 'regex', value: regexOf({ how, value }), ...flag };
}

/** Names of hosts ignore case, and have no port: names of servers where possible. */
function hostCondition(how: Test | 'dir' | 'dom', written: string): Condition {
  const value = written.replace(/:\d+$/, '');
  const of = [{ variable: 'host' }];
  switch (how) {
    case 'exact':
      return { is: 'host', names: [value] };
    case 'suffix':
      if (/^\.[\w.-]+$/.test(value)) return { is: 'host', names: [`*${value}`] };
      return { is: 'value', of, how, value, ignoreCase: true };
    case 'prefix':
      if (/^[\w.-]+\.$/.test(value)) return { is: 'host', names: [`${value}*`] };
      return { is: 'value', of, how, value, ignoreCase: true };
    case 'dom':
    case 'dir':
      return { is: 'value', of, how: 'regex', value: `(?:^|[.])${escapePattern(value)}(?:[.]|$)`, ignoreCase: true };
    default:
      return { is: 'value', of, how, value, ignoreCase: true };
  }
}
