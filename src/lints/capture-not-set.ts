import type { Statement, Word } from '../../grammar/syntax-tree.js';
import { spanInWord } from '../config/template-parser.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { patternsIn, patternsOf } from './engine/patterns.js';
import { groupCount } from './engine/regex.js';
import type { Scope } from './engine/scope.js';

/** Directives whose expression is tried for their own words. */
const OWN = new Set(['rewrite', 'proxy_redirect', 'proxy_cookie_domain', 'proxy_cookie_path']);

export default defineLint({
  code: 'capture-not-set',
  severity: 'warning',
  on: '*$1 *$2 *$3 *$4 *$5 *$6 *$7 *$8 *$9 *${',
  story:
    '`$1` to `$9` hold what the groups of the last regular expression have matched. Here no expression with so many groups can have been tried before, so the variable is always empty. A frequent reason is an `if` with an expression of its own: what the one of the location has matched is gone inside of it; a named group, `(?<name>…)`, stays.',
  check(c) {
    const groups = new Groups(c);
    for (const kind of ['server', 'location', 'if'] as const) {
      for (const scope of c.scopes(kind)) {
        for (const statement of scope.statements) {
          if (statement.name.text === 'location' || !statement.args.some(hasCapture)) continue;
          if (statement.name.text.includes('_lua')) continue;
          for (const word of wordsOf(statement)) {
            if (hasCapture(word) && !followsItsOwn(word, statement)) lookAt(word, statement, scope, groups, c);
          }
        }
      }
    }
    for (const scope of c.scopes('entries')) {
      if (scope.directive !== 'map') continue;
      for (const { text, statement } of patternsIn(scope)) {
        const [value] = statement.args;
        if (value !== undefined) tell(value, groupCount(text), c);
      }
    }
  },
});

function hasCapture({ text }: Word): boolean {
  return text.includes('$') && /\$\{?[1-9]/.test(text);
}

/** The words that may hold variables. */
function wordsOf({ name, args }: Statement): readonly Word[] {
  if (name.text === 'rewrite') return args.slice(1);
  return args.filter(({ text }, i) => !text.startsWith('~') && !/^!?~\*?$/.test(args[i - 1]?.text ?? ''));
}

/** Whether a word before it has groups itself, as directives of other modules take an expression and what becomes of it. */
function followsItsOwn(word: Word, { name, args }: Statement): boolean {
  if (OWN.has(name.text)) return false;
  return args.slice(0, args.indexOf(word)).some(({ text }) => !text.startsWith('$') && groupCount(text) > 0);
}

function lookAt(word: Word, statement: Statement, scope: Scope, groups: Groups, c: LintContext): void {
  if (OWN.has(statement.name.text)) {
    const own = patternsIn(scope).find((pattern) => pattern.statement === statement);
    if (own !== undefined) tell(word, groupCount(own.text), c);
    return;
  }
  tell(word, groups.before(scope), c);
}

function tell(word: Word, most: number, c: LintContext): void {
  for (const { index, 1: braced, 2: plain } of word.text.matchAll(/\$(?:\{([1-9])\}|([1-9]))/g)) {
    const number = braced ?? plain ?? '';
    if (Number(number) <= most) continue;
    c.report(spanInWord(word, index, index + 2), `"$${number}" is always empty here`, {
      help:
        most === 0
          ? 'no regular expression with a group is tried before'
          : `the expression that is tried before has ${most === 1 ? 'one group' : `${most} groups`} only`,
    });
  }
}

/** How many groups the expressions have that are tried before a place. */
class Groups {
  /** The most of a block, with the one that opens it, but without the blocks inside. */
  private readonly inBlock = new Map<Scope, number>();
  private readonly inRewrites = new Map<Scope, number>();
  private readonly inServer = new Map<Scope, number>();
  private readonly besideIfs = new Map<Scope, number>();
  private readonly known = new Map<Scope, number>();
  /** A map may be asked for anywhere, and leaves its captures. */
  private inMaps = 0;

  constructor(c: LintContext) {
    for (const { directive, text, scope } of patternsOf(c)) {
      const count = groupCount(text);
      if (count === 0) continue;
      if (directive === 'map') this.inMaps = Math.max(this.inMaps, count);
      raise(this.inBlock, scope, count);
      if (directive === 'rewrite') raise(this.inRewrites, scope, count);
      const server = scope.within('server');
      if (server !== null) raise(this.inServer, server, count);
    }
  }

  /** The most that an expression tried before the directives of a block may have. */
  before(scope: Scope): number {
    let most = this.known.get(scope);
    if (most === undefined) {
      most = Math.max(this.inMaps, this.find(scope));
      this.known.set(scope, most);
    }
    return most;
  }

  private find(scope: Scope): number {
    const server = scope.within('server');
    const all = server === null ? 0 : (this.inServer.get(server) ?? 0);
    // Only the expression of an `if` or of the location itself is sure to have been the last, except for those inside.
    if (scope.kind === 'if') {
      if (scope.opener?.args.some(({ text }) => /^~\*?$/.test(text)) !== true) return all;
      return scope.parent === null ? all : this.behindIfs(scope.parent);
    }
    return scope.location?.kind === 'regex' ? this.within(scope) : all;
  }

  /** Of a block, what may be tried in one of its `if` or behind it. */
  private behindIfs(scope: Scope): number {
    let most = this.besideIfs.get(scope);
    if (most === undefined) {
      most = this.inRewrites.get(scope) ?? 0;
      for (const child of scope.children) if (child.kind === 'if') most = Math.max(most, this.within(child));
      this.besideIfs.set(scope, most);
    }
    return most;
  }

  private within(scope: Scope): number {
    let most = this.inBlock.get(scope) ?? 0;
    for (const child of scope.children) most = Math.max(most, this.within(child));
    return most;
  }
}

function raise(counts: Map<Scope, number>, scope: Scope, count: number): void {
  counts.set(scope, Math.max(counts.get(scope) ?? 0, count));
}
