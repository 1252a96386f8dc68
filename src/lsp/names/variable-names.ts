/** Occurrences of variables. */
import type { Span, Statement, Word } from '../../../grammar/syntax-tree.js';
import type { Scope } from '../../lints/engine/scope.js';
import type { Mention } from './mention.js';

/** `$name`, `${name}`; and names of groups of regular expressions, which define variables. */
const WRITTEN = /\$(?:\{(\w+)\}|([A-Za-z_]\w*))|\(\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/g;

/** Blocks of entries whose last word is the variable that they define. */
const DEFINED_BY_BLOCKS: ReadonlySet<string> = new Set(['map', 'geo', 'split_clients']);

/** Variables in the words of a statement. */
export function* variablesOf(scope: Scope, statement: Statement): Generator<Mention> {
  const { name, args, block } = statement;
  // Keys of entries (`map`, `geo`) are names of their statements.
  if (scope.kind === 'entries') yield* variablesIn(name, statement, () => false);
  const defining = definedWord(statement, block !== null);
  for (const word of args) yield* variablesIn(word, statement, () => word === defining);
}

/** The word with the variable that a statement defines. */
function definedWord({ name: { text: name }, args }: Statement, isBlock: boolean): Word | undefined {
  if (isBlock) return DEFINED_BY_BLOCKS.has(name) ? args.at(-1) : undefined;
  if (name === 'keyval') return args[1];
  // `set`, and `auth_request_set`, `js_set`, `set_by_lua_block`, `perl_set`.
  return /^set(?:_|$)|_set$|_var$/.test(name) ? args[0] : undefined;
}

function* variablesIn(word: Word, statement: Statement, isDefined: () => boolean): Generator<Mention> {
  if (!word.text.includes('$') && !word.text.includes('(?')) return;
  const written = word.source.text.slice(word.start, word.end);
  for (const match of written.matchAll(WRITTEN)) {
    const [all, braced, plain, angled, quoted] = match;
    const name = braced ?? plain ?? angled ?? quoted ?? '';
    const isGroup = angled !== undefined || quoted !== undefined;
    const start = word.start + match.index + all.lastIndexOf(name);
    const at: Span = { source: word.source, start, end: start + name.length };
    const defines = isGroup || (isDefined() && all.length === word.text.length);
    yield { kind: 'variable', name: name.toLowerCase(), at, defines, server: null, statement };
  }
}
