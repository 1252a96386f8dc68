import type { Span, Statement, Word } from '../../grammar/syntax-tree.js';
import { spanInWord } from '../config/template-parser.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { oncePerConfig } from './engine/once-per-config.js';
import { openingPatterns, patternsIn } from './engine/patterns.js';
import { groupCount } from './engine/regex.js';
import type { Scope } from './engine/scope.js';
import { piecesOf, variablesIn } from './engine/variables.js';

/** Directives of the rewrite phase, executed in the order written. */
const REWRITE = new Set(['set', 'return', 'rewrite', 'break', 'if']);
/** Directives of later phases, in the order in which nginx evaluates them; `alias` and `root` at the first file access. */
const LATER = [
  'root',
  'alias',
  'try_files',
  'proxy_pass',
  'grpc_pass',
  'fastcgi_pass',
  'uwsgi_pass',
  'proxy_set_header',
  'fastcgi_param',
  'add_header',
  'add_trailer',
];

export default defineLint({
  code: 'capture-overwritten',
  severity: 'warning',
  on: '*$1 *$2 *$3 *$4 *$5 *$6 *$7 *$8 *$9 *${',
  story:
    '`$1` to `$9` hold the captures of the last regular expression that matched, whichever it was. Between the expression of the location and the use of its captures, another one is evaluated: that of an `if`, or those of a `map` whose variable is used before. If it matches, the captures of the location are lost. A named group, `(?<name>…)`, keeps its value.',
  check(c) {
    for (const scope of c.scopes('location')) {
      const [own] = openingPatterns(scope);
      if (scope.location?.kind !== 'regex' || own === undefined) continue;
      const groups = groupCount(own.text);
      if (groups > 0) new Walk(c, scope, groups).run();
    }
  },
});

/** Variables whose evaluation may search with the expressions of a `map`: its own, or one of a variable that it uses. */
const mapPatterns = oncePerConfig((c: LintContext): ReadonlySet<string> => {
  const found = new Set<string>();
  const usersOf = new Map<string, string[]>();
  for (const scope of c.scopes('entries')) {
    if (scope.directive !== 'map') continue;
    const { args = [] } = scope.opener ?? {};
    const variable = args.at(-1)?.text.slice(1).toLowerCase();
    if (variable === undefined) continue;
    if (patternsIn(scope).length > 0) found.add(variable);
    for (const word of [args[0], ...scope.statements.map((entry) => entry.args[0])]) {
      for (const used of word === undefined ? [] : variablesIn(word.text)) {
        const users = usersOf.get(used);
        if (users === undefined) usersOf.set(used, [variable]);
        else users.push(variable);
      }
    }
  }
  // A set yields what is added during the iteration as well.
  for (const variable of found) for (const user of usersOf.get(variable) ?? []) found.add(user);
  return found;
});

/** Follows the directives of a location in the order in which nginx evaluates them. */
class Walk {
  /** The first expression that may have overwritten the captures; null if there was none yet. */
  private overwritten: Span | null = null;
  /** Variables that have been evaluated already. */
  private readonly evaluated = new Set<string>();

  constructor(
    private readonly c: LintContext,
    private readonly scope: Scope,
    private readonly groups: number,
  ) {}

  run(): void {
    const { scope } = this;
    for (const statement of scope.statements) {
      const { name } = statement;
      if (!REWRITE.has(name.text)) continue;
      if (name.text === 'if') this.condition(statement);
      // A rewrite that matches sets its own captures; after it, the intended ones are unknown.
      else if (name.text === 'rewrite') return;
      else for (const word of statement.args) this.word(word);
    }
    for (const directive of LATER) {
      for (const { args } of scope.own(directive)) for (const word of args) this.word(word);
    }
  }

  private condition({ args, block }: Statement): void {
    const operator = args.findIndex(({ text }) => /^!?~\*?$/.test(text));
    for (const word of args.slice(0, operator < 0 ? args.length : operator)) this.word(word);
    const pattern = args[operator + 1];
    // After a block that ends the request, the captures of its expression are not used.
    if (operator < 0 || pattern === undefined || endsRequest(block?.items as readonly Statement[] | undefined)) return;
    this.overwritten ??= pattern;
  }

  private word(word: Word): void {
    let at = 0;
    for (const piece of piecesOf(word.text)) {
      if (typeof piece === 'string') {
        at += piece.length;
        continue;
      }
      const length = word.text.indexOf(piece.variable, at) + piece.variable.length - at;
      this.use(piece.variable, spanInWord(word, at, at + length), word);
      at += length;
      if (word.text[at] === '}') at++;
    }
  }

  private use(variable: string, at: Span, word: Word): void {
    if (/^[1-9]$/.test(variable)) {
      if (this.overwritten === null || Number(variable) > this.groups) return;
      this.c.report(at, `"$${variable}" may not hold the capture of the location`, {
        help: 'another expression is evaluated before, and overwrites the captures if it matches; give the group of the location a name: (?<name>...)',
        related: [{ at: this.overwritten, message: 'this expression may overwrite it' }],
      });
      return;
    }
    if (this.evaluated.has(variable)) return;
    this.evaluated.add(variable);
    if (mapPatterns(this.c).has(variable)) this.overwritten ??= word;
  }
}

/** Whether a block always ends the request or redirects it. */
function endsRequest(items: readonly Statement[] = []): boolean {
  return items.some(({ name, args }) => {
    if (name?.text === 'return') return true;
    return name?.text === 'rewrite' && /^(?:last|redirect|permanent)$/.test(args[2]?.text ?? '');
  });
}
