import type { Statement, Word } from '../../grammar/syntax-tree.js';
import { spanInWord } from '../config/template-parser.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { patternsIn, patternsOf } from './engine/patterns.js';
import { groupCount } from './engine/regex.js';
import type { Scope } from './engine/scope.js';

/** Directives whose own expression sets the captures that their other arguments use. */
const WITH_OWN_PATTERN = new Set(['rewrite', 'proxy_redirect', 'proxy_cookie_domain', 'proxy_cookie_path']);

export default defineLint({
  code: 'capture-not-set',
  severity: 'warning',
  absence: true,
  on: '*$1 *$2 *$3 *$4 *$5 *$6 *$7 *$8 *$9 *${',
  story:
    '`$1` to `$9` hold the captures of the last regular expression that matched. No expression with that many groups can have been evaluated before this point, so the variable is always empty. A frequent cause is an `if` with its own expression: inside it, the captures of the location are lost; a named group, `(?<name>…)`, keeps its value.',
  check(c) {
    const groups = new Groups(c);
    for (const kind of ['server', 'location', 'if'] as const) {
      for (const scope of c.scopes(kind)) {
        for (const statement of scope.statements) {
          if (statement.name.text === 'location' || !statement.args.some(hasCapture)) continue;
          if (statement.name.text.includes('_lua')) continue;
          for (const word of wordsOf(statement)) {
            if (hasCapture(word) && !followsOwnPattern(word, statement)) checkWord(word, statement, scope, groups, c);
          }
        }
      }
    }
    for (const scope of c.scopes('entries')) {
      if (scope.directive !== 'map') continue;
      for (const { text, statement } of patternsIn(scope)) {
        const [value] = statement.args;
        if (value !== undefined) reportUnset(value, groupCount(text), c);
      }
    }
  },
});

function hasCapture({ text }: Word): boolean {
  return text.includes('$') && /\$\{?[1-9]/.test(text);
}

/** The arguments that may contain variables. */
function wordsOf({ name, args }: Statement): readonly Word[] {
  if (name.text === 'rewrite') return args.slice(1);
  return args.filter(({ text }, i) => !text.startsWith('~') && !/^!?~\*?$/.test(args[i - 1]?.text ?? ''));
}

/** Whether an earlier argument has groups: some third-party directives take an expression and its replacement. */
function followsOwnPattern(word: Word, { name, args }: Statement): boolean {
  if (WITH_OWN_PATTERN.has(name.text)) return false;
  return args.slice(0, args.indexOf(word)).some(({ text }) => !text.startsWith('$') && groupCount(text) > 0);
}

function checkWord(word: Word, statement: Statement, scope: Scope, groups: Groups, c: LintContext): void {
  if (WITH_OWN_PATTERN.has(statement.name.text)) {
    const own = patternsIn(scope).find((pattern) => pattern.statement === statement);
    if (own !== undefined) reportUnset(word, groupCount(own.text), c);
    return;
  }
  reportUnset(word, groups.before(scope), c);
}

function reportUnset(word: Word, available: number, c: LintContext): void {
  for (const { index, 1: braced, 2: plain } of word.text.matchAll(/\$(?:\{([1-9])\}|([1-9]))/g)) {
    const number = braced ?? plain ?? '';
    if (Number(number) <= available) continue;
    c.report(spanInWord(word, index, index + 2), `"$${number}" is always empty here`, {
      help:
        available === 0
          ? 'no regular expression with a group is evaluated before'
          : `the expression that is evaluated before has only ${available === 1 ? 'one group' : `${available} groups`}`,
    });
  }
}

/** Number of groups in the expressions that are evaluated before a given block. */
class Groups {
  /** Maximum per block, including the expression that opens it, without nested blocks. */
  private readonly inBlock = new Map<Scope, number>();
  private readonly inRewrites = new Map<Scope, number>();
  private readonly inServer = new Map<Scope, number>();
  private readonly besideIfs = new Map<Scope, number>();
  private readonly counts = new Map<Scope, number>();
  /** A map can be evaluated anywhere, and overwrites the captures. */
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

  /** Maximum number of groups of an expression evaluated before the directives of a block. */
  before(scope: Scope): number {
    let available = this.counts.get(scope);
    if (available === undefined) {
      available = Math.max(this.inMaps, this.find(scope));
      this.counts.set(scope, available);
    }
    return available;
  }

  private find(scope: Scope): number {
    const server = scope.within('server');
    const all = server === null ? 0 : (this.inServer.get(server) ?? 0);
    // Only the expression of an `if` or of the location itself is certain to be the last, apart from those inside it.
    if (scope.kind === 'if') {
      if (scope.opener?.args.some(({ text }) => /^~\*?$/.test(text)) !== true) return all;
      return scope.parent === null ? all : this.behindIfs(scope.parent);
    }
    return scope.location?.kind === 'regex' ? this.within(scope) : all;
  }

  /** Maximum among the rewrites of a block and the expressions of its `if` blocks. */
  private behindIfs(scope: Scope): number {
    let available = this.besideIfs.get(scope);
    if (available === undefined) {
      available = this.inRewrites.get(scope) ?? 0;
      for (const child of scope.children) if (child.kind === 'if') available = Math.max(available, this.within(child));
      this.besideIfs.set(scope, available);
    }
    return available;
  }

  private within(scope: Scope): number {
    let available = this.inBlock.get(scope) ?? 0;
    for (const child of scope.children) available = Math.max(available, this.within(child));
    return available;
  }
}

function raise(target: Map<Scope, number>, scope: Scope, count: number): void {
  target.set(scope, Math.max(target.get(scope) ?? 0, count));
}
