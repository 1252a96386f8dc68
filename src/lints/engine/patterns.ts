/** All regular expressions of a configuration. */
import type { Span, Statement, Word } from '../../../grammar/syntax-tree.js';
import { spanInWord } from '../../config/template-parser.js';
import type { LintContext } from './lint.js';
import { oncePerConfig } from './once-per-config.js';
import type { Scope } from './scope.js';

export class WrittenPattern {
  constructor(
    /** The directive: `location`, `if`, `map`, `rewrite`, `server_name` … */
    readonly directive: string,
    /** The block with the statement; for a `location` the location itself, for an `if` the `if`. */
    readonly scope: Scope,
    readonly statement: Statement,
    readonly text: string,
    readonly caseless: boolean,
    /** The word that contains it. */
    private readonly word: Word,
    private readonly from: number,
  ) {}

  /** Computed on demand, because few expressions are reported. */
  get at(): Span {
    return spanInWord(this.word, this.from, this.from + this.text.length);
  }
}

/** Directives whose arguments are expressions if they begin with `~`. */
const WITH_TILDE = ['server_name', 'valid_referers', 'proxy_redirect', 'proxy_cookie_domain', 'proxy_cookie_path'];

export const patternsOf = oncePerConfig((c: LintContext): readonly WrittenPattern[] => {
  const found: WrittenPattern[] = [];
  for (const scope of c.scopes('location')) addOpener(found, scope);
  for (const scope of c.scopes('if')) addOpener(found, scope);
  for (const scope of c.scopes('entries')) addKeys(found, scope);
  for (const { scope, statement } of c.written('rewrite')) addRewrite(found, scope, statement);
  for (const directive of WITH_TILDE) {
    for (const { scope, statement } of c.written(directive)) {
      for (const word of statement.args) addTilde(found, scope, statement, word);
    }
  }
  return found;
});

/** Expressions of one block, including the one that opens it, without nested blocks. */
export function patternsIn(scope: Scope): readonly WrittenPattern[] {
  const found = openingPatterns(scope);
  for (const statement of scope.own('rewrite')) addRewrite(found, scope, statement);
  for (const directive of WITH_TILDE) {
    for (const statement of scope.own(directive)) {
      for (const word of statement.args) addTilde(found, scope, statement, word);
    }
  }
  return found;
}

/** The expression that opens a block, and the keys of a `map`. */
export function openingPatterns(scope: Scope): WrittenPattern[] {
  const found: WrittenPattern[] = [];
  addOpener(found, scope);
  addKeys(found, scope);
  return found;
}

/** Adds the expression in the arguments of a `location` or an `if`. */
function addOpener(found: WrittenPattern[], scope: Scope): void {
  const { opener } = scope;
  if (opener === null) return;
  if (scope.kind === 'location') {
    const location = scope.location;
    if (location?.kind !== 'regex') return;
    const { at, caseless, name } = location;
    found.push(create(scope, opener, at, at.text.length - name.length, name.length, caseless));
  } else if (scope.kind === 'if') {
    const { args } = opener;
    const operator = args.findIndex(({ text }) => text.includes('~') && /^!?~\*?$/.test(text));
    const operand = operator < 0 ? undefined : args[operator + 1];
    if (operand === undefined) return;
    const last = operand === args.at(-1) && operand.text.endsWith(')');
    const caseless = args[operator]?.text.endsWith('*') === true;
    found.push(create(scope, opener, operand, 0, operand.text.length - (last ? 1 : 0), caseless));
  }
}

function addKeys(found: WrittenPattern[], scope: Scope): void {
  if (scope.directive !== 'map') return;
  for (const statement of scope.statements) addTilde(found, scope, statement, statement.name);
}

function addRewrite(found: WrittenPattern[], scope: Scope, statement: Statement): void {
  const [word] = statement.args;
  if (word !== undefined) found.push(create(scope, statement, word, 0, word.text.length, false));
}

function addTilde(found: WrittenPattern[], scope: Scope, statement: Statement, word: Word): void {
  if (!word.text.startsWith('~')) return;
  // Server names and referers are compared case-insensitively.
  const always = /^(?:server_name|valid_referers)$/.test(statement.name.text);
  const caseless = word.text.startsWith('~*');
  const from = caseless && !always ? 2 : 1;
  found.push(create(scope, statement, word, from, word.text.length - from, caseless || always));
}

function create(
  scope: Scope,
  statement: Statement,
  word: Word,
  from: number,
  length: number,
  caseless: boolean,
): WrittenPattern {
  const directive = scope.kind === 'entries' ? scope.directive : statement.name.text;
  const text = word.text.slice(from, from + length);
  return new WrittenPattern(directive, scope, statement, text, caseless, word, from);
}
