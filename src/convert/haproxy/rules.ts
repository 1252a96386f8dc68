/** Rules of a section (`http-request`, `http-response`, `redirect`) in their order. */
import { ALWAYS, atomsOf, type Condition } from '../conditions.js';
import type { Action, Edit, FieldEdit, PathEdit, Template } from '../model.js';
import type { NoteList } from '../note-list.js';
import type { Acls } from './acls.js';
import type { Line } from './parser.js';
import { formatOf } from './samples.js';

export type Step =
  | { readonly kind: 'edit'; readonly edit: Edit; readonly line: number }
  | { readonly kind: 'end'; readonly when: Condition; readonly action: Action; readonly line: number }
  | {
      readonly kind: 'password';
      readonly when: Condition;
      readonly list: string;
      readonly realm: string;
      readonly line: number;
    };

/** Actions that do not change requests or responses. */
const WITHOUT_EFFECT =
  /^(?:set-log-level|capture|set-nice|set-priority-\w+|set-tos|set-mark|allow|normalize-uri|disable-l7-retry)$/;

export class Rules {
  constructor(
    private readonly acls: Acls,
    private readonly notes: NoteList,
  ) {}

  /** Changes of requests, and responses without a server. */
  requests(lines: readonly Line[]): Step[] {
    const rules = lines.filter(({ words }) => words[0] === 'http-request');
    const redirects = lines.filter(({ words }) => words[0] === 'redirect');
    const steps = [
      ...rules.map(({ words, line }) => this.request(words.slice(1), line)),
      // They follow the others wherever they are.
      ...redirects.map(({ words, line }) => this.request(words, line)),
    ].filter((step) => step !== null);
    this.checkPaths(steps);
    return steps;
  }

  /** Changes of responses of servers. */
  responses(lines: readonly Line[]): FieldEdit[] {
    return lines.flatMap(({ words, line }) => {
      const [keyword, action = '', ...rest] = words;
      if (keyword !== 'http-response' && keyword !== 'http-after-response') return [];
      if (WITHOUT_EFFECT.test(action)) return [];
      const edit = this.field('response', action, rest, line);
      if (edit === undefined) this.notes.missing(line, `"${keyword} ${action}" is not converted`);
      return edit === undefined || edit === null ? [] : [edit];
    });
  }

  /** Notes conditions about paths after a change of the path. */
  private checkPaths(steps: readonly Step[]): void {
    let changedAt = 0;
    for (const step of steps) {
      const when = step.kind === 'edit' ? step.edit.when : step.when;
      if (changedAt > 0 && atomsOf(when).some(({ is }) => is === 'path')) {
        this.notes.missing(step.line, `its condition sees the path before the change of line ${changedAt}`);
      }
      if (step.kind === 'edit' && step.edit.change === 'path') changedAt = step.line;
    }
  }

  private request(words: readonly string[], line: number): Step | null {
    const [action = '', ...rest] = words;
    if (WITHOUT_EFFECT.test(action)) return null;
    const field = this.field('request', action, rest, line);
    if (field !== undefined) return field === null ? null : { kind: 'edit', edit: field, line };
    const { args, condition } = splitCondition(rest);
    if (action === 'auth') return this.password(args, condition, line);
    const when = this.acls.condition(condition, line);
    if (when === null) {
      if (/^(?:deny|tarpit|reject|silent-drop)$/.test(action)) {
        this.notes.missing(line, `"http-request ${action}" is not converted: the requests that it refuses are passed`);
      }
      return null;
    }
    const path = this.path(action, args, when, line);
    if (path !== undefined) return path === null ? null : { kind: 'edit', edit: path, line };
    const end = this.end(action, args, line);
    if (end !== undefined) return end === null ? null : { kind: 'end', when, action: end, line };
    this.notes.missing(line, `"http-request ${action}" is not converted`);
    return null;
  }

  /** A change of a field; undefined if it is another action, null if it has no equivalent. */
  private field(
    change: FieldEdit['change'],
    action: string,
    words: readonly string[],
    line: number,
  ): FieldEdit | null | undefined {
    const how = { 'set-header': 'set', 'add-header': 'add', 'del-header': 'remove' }[action] as
      | FieldEdit['how']
      | undefined;
    if (how === undefined) return undefined;
    const { args, condition } = splitCondition(words);
    const [written = '', format] = args;
    const name = written.replace(/:$/, '');
    const when = this.acls.condition(condition, line);
    if (when === null) return null;
    if (how === 'remove' && (format !== undefined || !/^[\w-]+$/.test(name))) {
      this.notes.missing(line, `"${action} ${args.join(' ')}" is not converted`);
      return null;
    }
    const value = how === 'remove' ? [] : this.template(format ?? '', line);
    return value === null ? null : { change, how, name, value, when };
  }

  private template(format: string, line: number): Template | null {
    return formatOf(format, (part) => {
      this.notes.missing(line, `${part} has no variable; the rule is not converted`);
    });
  }

  private path(action: string, args: readonly string[], when: Condition, line: number): PathEdit | null | undefined {
    const [first = '', second = ''] = args;
    if (action === 'set-path') {
      const to = this.template(first, line);
      return to === null ? null : { change: 'path', rules: [{ pattern: '^', to }], when };
    }
    if (action !== 'replace-path' && action !== 'replace-uri' && action !== 'replace-pathq') return undefined;
    const parts = second.split(/\\(\d)/).map((part, index) => (index % 2 === 1 ? { variable: part } : part));
    const to: Template = parts.filter((part) => part !== '');
    return { change: 'path', rules: [{ pattern: first, to }], when };
  }

  private end(action: string, args: readonly string[], line: number): Action | null | undefined {
    const option = (name: string): string | undefined =>
      args.includes(name) ? args[args.indexOf(name) + 1] : undefined;
    switch (action) {
      case 'deny':
        return { do: 'respond', status: Number(option('deny_status') ?? option('status') ?? 403) };
      case 'tarpit':
        this.notes.missing(line, 'tarpit: the response is not delayed');
        return { do: 'respond', status: Number(option('deny_status') ?? 500) };
      case 'reject':
      case 'silent-drop':
        return { do: 'drop' };
      case 'return': {
        const status = Number(option('status') ?? 200);
        const text = option('string') ?? option('lf-string');
        if (text === undefined && ['file', 'lf-file', 'errorfile', 'errorfiles'].some((name) => args.includes(name))) {
          this.notes.missing(line, 'return: the content of a file is not converted');
          return { do: 'respond', status };
        }
        if (text === undefined) return { do: 'respond', status, body: [] };
        const body = args.includes('lf-string') ? this.template(text, line) : [text];
        return body === null ? null : { do: 'respond', status, body, type: option('content-type') ?? 'text/plain' };
      }
      case 'redirect':
        return this.redirect(args, line);
      default:
        return undefined;
    }
  }

  private redirect(args: readonly string[], line: number): Action | null {
    const [kind = '', written = '', ...options] = args;
    const status = options.includes('code') ? Number(options[options.indexOf('code') + 1]) : 302;
    for (const name of ['set-cookie', 'clear-cookie', 'append-slash']) {
      if (options.includes(name)) this.notes.missing(line, `"${name}" of redirect is not converted`);
    }
    const value = this.template(written, line);
    if (value === null) return null;
    const uri = options.includes('drop-query') ? 'uri' : 'request_uri';
    switch (kind) {
      case 'location':
        return { do: 'redirect', status, to: value };
      case 'prefix': {
        // The prefix `/` only adds what other options say.
        const prefix = written === '/' ? [] : value;
        return { do: 'redirect', status, to: [...prefix, { variable: uri }] };
      }
      case 'scheme':
        return { do: 'redirect', status, to: [...value, '://', { variable: 'http_host' }, { variable: uri }] };
      default:
        this.notes.missing(line, `"redirect ${kind}" is not converted`);
        return null;
    }
  }

  private password(args: readonly string[], condition: readonly string[], line: number): Step | null {
    const realm = args[0] === 'realm' ? (args[1] ?? 'restricted') : 'restricted';
    const [keyword = '', ...terms] = condition;
    const isUser = (term: string): boolean => this.acls.users.has(term.replace(/^!/, ''));
    const users = terms.filter(isUser);
    const others = terms.filter((term) => !isUser(term));
    const [only] = users;
    const isPlain =
      keyword === 'unless' ? only !== undefined && !only.startsWith('!') && others.length === 0 : only?.startsWith('!');
    const list = this.acls.users.get((only ?? '').replace(/^!/, ''));
    const when = keyword === 'unless' || others.length === 0 ? ALWAYS : this.acls.condition(['if', ...others], line);
    if (!isPlain || users.length !== 1 || list === undefined || when === null) {
      this.notes.missing(line, 'the condition of "http-request auth" is not converted: all requests get 403');
      return { kind: 'end', when: ALWAYS, action: { do: 'respond', status: 403 }, line };
    }
    return { kind: 'password', when, list, realm, line };
  }
}

/** Arguments of an action, and its condition. */
export function splitCondition(words: readonly string[]): {
  readonly args: readonly string[];
  readonly condition: readonly string[];
} {
  const at = words.findIndex((word) => word === 'if' || word === 'unless');
  return at < 0 ? { args: words, condition: [] } : { args: words.slice(0, at), condition: words.slice(at) };
}
