/** Directives of a site as routes, in the order in which Caddy applies them. */
import { ALWAYS, all, type Condition, not } from '../conditions.js';
import type { Directive } from '../crossplane/payload.js';
import { directive } from '../directives.js';
import {
  type Action,
  type AuxiliaryFile,
  type Edit,
  type FieldEdit,
  type PathEdit,
  type PathRule,
  type Route,
  routeWith,
  type Template,
} from '../model.js';
import type { NoteList } from '../note-list.js';
import { escapePattern } from '../patterns.js';
import { size } from './durations.js';
import { editLines, headerEdit } from './header-edits.js';
import type { Matchers } from './matchers.js';
import { inOrder } from './order.js';
import type { Segment } from './parser.js';
import { passwordFile } from './passwords.js';
import { templateOf } from './placeholders.js';
import type { ReverseProxies } from './reverse-proxy.js';

/** Directives of the site, not of its handlers. */
const SITE: ReadonlySet<string> = new Set(['tls', 'bind', 'log']);

/** Directives without which requests would reach what they protect. */
const PROTECTING: ReadonlySet<string> = new Set(['basicauth', 'basic_auth', 'forward_auth']);

/** Requests that reach a directive, with the changes of the directives before it. */
interface Passing {
  readonly when: Condition;
  readonly matchers: Matchers;
  readonly edits: readonly SiteEdit[];
  readonly settings: readonly Directive[];
  readonly roots: readonly { readonly when: Condition; readonly root: Template }[];
  readonly tries: readonly Template[];
  /** Line of the rewrite that later matchers would see; 0 for none. */
  readonly rewrittenAt: number;
  readonly stripped: string;
}

/** Fields that are set before the handler of the response. */
type SiteEdit = Edit & { readonly isEarly?: true };

type Next = (passing: Passing) => void;

/** Maximum number of routes of a site: blocks that end without a response multiply them. */
const MAX_ROUTES = 2000;

export class SiteHandlers {
  readonly routes: Route[] = [];
  readonly files: AuxiliaryFile[] = [];

  constructor(
    private readonly proxies: ReverseProxies,
    private readonly notes: NoteList,
    private readonly name: string,
  ) {}

  site(body: readonly Segment[], matchers: Matchers): void {
    const passing: Passing = {
      when: ALWAYS,
      matchers,
      edits: [],
      settings: [],
      roots: [],
      tries: [],
      rewrittenAt: 0,
      stripped: '',
    };
    this.block(body, passing, true, (left) => {
      this.emit(left, ALWAYS, { do: 'respond', status: 200, body: [] });
    });
  }

  /** Directives of a block; `next` gets the requests that none of them answers. */
  private block(body: readonly Segment[], passing: Passing, isSorted: boolean, next: Next): void {
    const directives = body.filter(({ name }) => !name.startsWith('@') && !SITE.has(name));
    for (const segment of body) if (segment.name.startsWith('@')) passing.matchers.define(segment);
    const sorted = isSorted
      ? inOrder(directives, ({ args }) => (args[0]?.startsWith('/') ? args[0] : null))
      : directives;
    this.run(sorted, 0, passing, next);
  }

  private run(list: readonly Segment[], at: number, passing: Passing, next: Next): void {
    const segment = list[at];
    if (this.routes.length > MAX_ROUTES) return;
    if (segment === undefined) {
      next(passing);
      return;
    }
    const proceed: Next = (left) => this.run(list, at + 1, left, next);
    if (segment.name === 'handle' || segment.name === 'handle_path') {
      let end = at;
      while (/^handle(?:_path)?$/.test(list[end]?.name ?? '')) end++;
      this.group(list.slice(at, end), passing, (left) => this.run(list, end, left, next));
      return;
    }
    const split = passing.matchers.split(segment);
    if (split === null) {
      // Without its matcher, what a password protects would be open.
      if (PROTECTING.has(segment.name)) this.emit(passing, ALWAYS, { do: 'respond', status: 403 });
      else proceed(passing);
      return;
    }
    if (passing.rewrittenAt > 0 && /^[@/]/.test(segment.args[0] ?? '')) {
      this.notes.missing(segment.line, `its matcher sees the path before the rewrite of line ${passing.rewrittenAt}`);
    }
    this.apply(segment, split.when, split.args, passing, proceed);
  }

  /** Mutually exclusive blocks. */
  private group(list: readonly Segment[], passing: Passing, next: Next): void {
    for (const segment of list) {
      const split = passing.matchers.split(segment);
      if (split === null) continue;
      const prefix = segment.name === 'handle_path' ? (segment.args[0] ?? '').replace(/\/?\*$/, '') : '';
      const inner: Passing = {
        ...passing,
        when: all([passing.when, split.when]),
        matchers: passing.matchers.below(prefix),
        stripped: passing.stripped + prefix,
        edits: prefix === '' ? passing.edits : [...passing.edits, pathEdit([stripRule(prefix)])],
      };
      this.block(segment.block ?? [], inner, true, (left) => next({ ...left, matchers: passing.matchers }));
      if (split.when.is === 'always') return;
    }
    next(passing);
  }

  /** Continues with changed requests where the condition is true, and with the others unchanged. */
  private branch(when: Condition, passing: Passing, changed: Partial<Passing>, next: Next): void {
    next({ ...passing, ...changed, when: all([passing.when, when]) });
    if (when.is !== 'always') next(passing);
  }

  private apply(segment: Segment, when: Condition, args: readonly string[], passing: Passing, next: Next): void {
    const { name, line } = segment;
    switch (name) {
      case 'root': {
        const root = this.template(args[0] ?? '', line);
        next(root === null ? passing : { ...passing, roots: [...passing.roots, { when, root }] });
        return;
      }
      case 'header':
      case 'request_header':
        next({ ...passing, edits: [...passing.edits, ...this.fields(segment, when, args)] });
        return;
      case 'request_body': {
        const limit = size(segment.block?.find((each) => each.name === 'max_size')?.args[0]);
        if (limit === null) this.missing(segment);
        const settings = limit === null ? [] : [directive('client_max_body_size', limit)];
        this.branch(when, passing, { settings: withSettings(passing.settings, settings) }, next);
        return;
      }
      case 'rewrite':
      case 'uri': {
        const rule = name === 'uri' ? this.uriRule(segment, args) : this.rewriteRule(args[0] ?? '', line);
        if (rule === null) {
          next(passing);
          return;
        }
        const earlier = passing.edits.filter(
          (edit) => edit.change === 'path' && name === 'rewrite' && edit.when.is !== 'always',
        );
        const edit = { ...pathEdit([rule]), when: all([when, ...earlier.map((each) => not(each.when))]) };
        next({ ...passing, edits: [...passing.edits, edit], rewrittenAt: line });
        return;
      }
      case 'try_files': {
        const tries = args.map((each) => this.template(each, line));
        const known = tries.filter((each) => each !== null);
        if (when.is !== 'always' || known.length < tries.length) this.missing(segment);
        else {
          next({ ...passing, tries: known });
          return;
        }
        next(passing);
        return;
      }
      case 'basicauth':
      case 'basic_auth': {
        const { settings, file } = passwordFile(segment, args, this.name, this.notes);
        this.files.push(file);
        this.branch(when, passing, { settings: withSettings(passing.settings, settings) }, next);
        return;
      }
      case 'forward_auth':
        this.notes.missing(line, '"forward_auth" is not converted: its requests get 403; see "auth_request"');
        this.emit(passing, when, { do: 'respond', status: 403 });
        break;
      case 'encode':
        this.branch(when, passing, { settings: withSettings(passing.settings, this.encodings(segment, args)) }, next);
        return;
      case 'skip_log':
      case 'log_skip':
        this.branch(
          when,
          passing,
          { settings: withSettings(passing.settings, [directive('access_log', 'off')]) },
          next,
        );
        return;
      case 'route':
        this.block(segment.block ?? [], { ...passing, when: all([passing.when, when]) }, false, (left) =>
          next({ ...left, matchers: passing.matchers }),
        );
        if (when.is !== 'always') next(passing);
        return;
      case 'php_fastcgi':
        this.notes.missing(line, '"php_fastcgi" is not converted: FastCGI is not supported');
        this.emit(passing, all([when, { is: 'path', how: 'regex', value: '\\.php(?:$|/)' }]), {
          do: 'respond',
          status: 501,
        });
        next(passing);
        return;
      case 'file_server':
        this.fileServer(segment, when, args, passing);
        break;
      default: {
        const action = this.response(segment, args);
        if (action !== null) this.emit(passing, when, action);
        else if (name === 'reverse_proxy') this.proxy(segment, when, args, passing);
        else {
          this.missing(segment);
          next(passing);
          return;
        }
      }
    }
    // Requests that were not answered.
    if (when.is !== 'always') next(passing);
  }

  private missing({ name, line }: Segment): void {
    this.notes.missing(line, `"${name}" is not converted`);
  }

  private template(text: string, line: number): Template | null {
    return templateOf(text, (placeholder) => {
      this.notes.missing(line, `the placeholder ${placeholder} has no variable; the line is not converted`);
    });
  }

  private fields(segment: Segment, when: Condition, args: readonly string[]): readonly SiteEdit[] {
    const change = segment.name === 'header' ? 'response' : 'request';
    const lines = editLines(segment, args).filter(([field]) => field !== 'defer' && field !== 'match');
    const isDeferred =
      (segment.block ?? []).some(({ name }) => name === 'defer') || lines.some(([field]) => /^[->?]/.test(field ?? ''));
    return lines.flatMap((words) => {
      const edit = headerEdit(change, words, segment, when, this.notes);
      if (edit === null) return [];
      return [isDeferred || change === 'request' ? edit : { ...edit, isEarly: true as const }];
    });
  }

  /** Actions that end the request without an upstream. */
  private response({ name, line, block }: Segment, args: readonly string[]): Action | null {
    const [first = '', second] = args;
    const template = (text: string): Template => this.template(text, line) ?? [];
    switch (name) {
      case 'redir': {
        const codes: Readonly<Record<string, number>> = { permanent: 301, temporary: 302 };
        const status = second === undefined ? 302 : (codes[second] ?? Number(second));
        if (!(status >= 300 && status < 400)) {
          this.notes.missing(line, `redir: the status "${second}" is not converted; 302 is used`);
          return { do: 'redirect', status: 302, to: template(first) };
        }
        return { do: 'redirect', status, to: template(first) };
      }
      case 'respond': {
        const isStatus = second === undefined && /^\d{3}$/.test(first);
        const text = block?.find((each) => each.name === 'body')?.args[0] ?? (isStatus ? '' : first);
        const status = Number(isStatus ? first : (second ?? 200));
        return text === ''
          ? { do: 'respond', status, body: [] }
          : { do: 'respond', status, body: template(text), type: 'text/plain; charset=utf-8' };
      }
      case 'error':
        return { do: 'respond', status: Number(second ?? (/^\d{3}$/.test(first) ? first : 500)) };
      case 'abort':
        return { do: 'drop' };
      default:
        return null;
    }
  }

  private rewriteRule(to: string, line: number): PathRule | null {
    const [path = '', query] = to.split(/\?(.*)/s);
    // Without a query of its own, that of the request is kept.
    const written = path === '' ? '{path}' : path.replaceAll('{uri}', '{path}');
    const own = query === undefined || query === '{query}' ? '' : `?${query}`;
    const template = this.template(`${written}${own}`, line);
    if (template === null) return null;
    // A last `?` keeps `rewrite` from adding the query of the request.
    return { pattern: '^', to: own === '' ? template : [...template, own === '?' ? '' : '?'] };
  }

  private uriRule(segment: Segment, args: readonly string[]): PathRule | null {
    const [operation, first = '', second = ''] = args;
    switch (operation) {
      case 'strip_prefix':
        return stripRule(first.startsWith('/') ? first : `/${first}`);
      case 'strip_suffix':
        return { pattern: `^(.*)${escapePattern(first)}$`, to: [{ variable: '1' }] };
      case 'replace':
        this.notes.missing(segment.line, 'uri replace: only the first occurrence is replaced');
        return { pattern: `^(.*?)${escapePattern(first)}(.*)$`, to: [{ variable: '1' }, second, { variable: '2' }] };
      default:
        this.missing(segment);
        return null;
    }
  }

  private encodings(segment: Segment, args: readonly string[]): readonly Directive[] {
    const names = [...args, ...(segment.block ?? []).map(({ name }) => name)];
    const settings: Directive[] = [];
    if (names.includes('zstd')) settings.push(directive('zstd', 'on'), directive('zstd_types', ...COMPRESSED));
    if (names.includes('gzip')) {
      settings.push(directive('gzip', 'on'), directive('gzip_proxied', 'any'));
      settings.push(
        directive('gzip_min_length', '512'),
        directive('gzip_types', ...COMPRESSED),
        directive('gzip_vary', 'on'),
      );
    }
    for (const name of names) {
      if (!['zstd', 'gzip', 'minimum_length'].includes(name)) {
        this.notes.missing(segment.line, `encode: "${name}" is not converted`);
      }
    }
    return settings;
  }

  private fileServer(segment: Segment, when: Condition, args: readonly string[], passing: Passing): void {
    const options = segment.block ?? [];
    const isListing = args.includes('browse') || options.some(({ name }) => name === 'browse');
    const index = options.find(({ name }) => name === 'index')?.args ?? ['index.html', 'index.txt'];
    const settings: Directive[] = [directive('charset', 'utf-8'), directive('charset_types', ...TEXTS)];
    for (const option of options) {
      if (option.name === 'precompressed') {
        if (option.args.length === 0 || option.args.includes('gzip')) settings.push(directive('gzip_static', 'on'));
        if (option.args.length === 0 || option.args.includes('br')) settings.push(directive('brotli_static', 'on'));
        if (option.args.length === 0 || option.args.includes('zstd')) settings.push(directive('zstd_static', 'on'));
      } else if (!['browse', 'index', 'root', 'fs'].includes(option.name)) {
        this.notes.missing(option.line, `"${option.name}" of file_server is not converted`);
      }
    }
    const own = options.find(({ name }) => name === 'root')?.args[0];
    const given = own === undefined ? null : this.template(own, segment.line);
    const roots = given === null ? [...passing.roots].reverse() : [{ when: ALWAYS, root: given }];
    if (!roots.some((each) => each.when.is === 'always')) roots.push({ when: ALWAYS, root: ['.'] });
    const last = passing.tries.at(-1);
    const isCode = typeof last?.[0] === 'string' && last[0].startsWith('=');
    const tries = passing.tries.length === 0 || isCode ? passing.tries : [...passing.tries, ['=404']];
    for (const { when: inRoot, root } of roots) {
      const action: Action = { do: 'files', root, index, tries, ...(isListing && { listing: true as const }) };
      this.emit({ ...passing, settings: withSettings(passing.settings, settings) }, all([when, inRoot]), action);
      if (inRoot.is === 'always') break;
    }
  }

  private proxy(segment: Segment, when: Condition, args: readonly string[], passing: Passing): void {
    if (passing.tries.length > 0) {
      this.notes.missing(segment.line, 'try_files before reverse_proxy is not converted');
    }
    const target = this.proxies.target(segment, args);
    if (target === null) return;
    const { edits, settings, ...rest } = target;
    const before = passing.edits.map(
      // Fields of the upstream are added to those that were set before.
      ({ isEarly, ...edit }): Edit =>
        isEarly && edit.change === 'response' && edit.how === 'set' ? { ...edit, how: 'add' } : edit,
    );
    this.routes.push({
      when: all([passing.when, when]),
      action: { do: 'proxy', ...rest },
      // Edits of the proxy change what it gets from the upstream.
      edits: [...edits.filter(isDown), ...before, ...edits.filter((edit) => !isDown(edit))],
      settings: withSettings(passing.settings, settings),
      comments: [],
    });
  }

  private emit(passing: Passing, when: Condition, action: Action): void {
    this.routes.push(
      routeWith(action, {
        when: all([passing.when, when]),
        edits: passing.edits.map(({ isEarly, ...edit }): Edit => edit),
        settings: passing.settings,
      }),
    );
  }
}

/** Settings of which later ones replace earlier ones. */
function withSettings(before: readonly Directive[], added: readonly Directive[]): readonly Directive[] {
  const names = new Set(added.map(({ directive: name }) => name));
  return [...before.filter(({ directive: name }) => !names.has(name)), ...added];
}

function isDown(edit: Edit): edit is FieldEdit {
  return edit.change === 'response';
}

/** Media types of files with a charset, besides HTML. */
const TEXTS: readonly string[] = ['text/css', 'text/csv', 'text/javascript', 'text/markdown', 'text/plain', 'text/xml'];

const COMPRESSED: readonly string[] = [
  ...['text/css', 'text/plain', 'text/xml', 'text/javascript', 'application/javascript', 'application/json'],
  ...['application/xml', 'application/wasm', 'image/svg+xml'],
];

function pathEdit(rules: readonly PathRule[]): PathEdit {
  return { change: 'path', rules, when: ALWAYS };
}

function stripRule(prefix: string): PathRule {
  return { pattern: `^${escapePattern(prefix.replace(/\/$/, ''))}/?(.*)$`, to: ['/', { variable: '1' }] };
}
