/** Semantic tokens: directives, variables, parameters and literal words, for highlighting by meaning. */
import { SemanticTokensBuilder, type SemanticTokensLegend } from 'vscode-languageserver/node';
import { type Item, isStatement, type Statement, type Word } from '../../grammar/syntax-tree.js';
import { knownDirectives } from '../config/foreign/known-directives.js';
import { catalogue } from './analysis.js';
import type { OpenDocument } from './open-documents.js';
import { positionsOf } from './positions.js';
import { treeOf } from './syntax-tree.js';
import { syntaxWords } from './syntax-words.js';

const TYPES = [
  'keyword',
  'property',
  'variable',
  'string',
  'number',
  'regexp',
  'enumMember',
  'parameter',
  'comment',
] as const;
type TokenKind = (typeof TYPES)[number];

export const SEMANTIC_LEGEND: SemanticTokensLegend = { tokenTypes: [...TYPES], tokenModifiers: [] };

interface Token {
  readonly start: number;
  readonly end: number;
  readonly kind: TokenKind;
}

export function semanticTokens({ source }: OpenDocument): { data: number[] } {
  const positions = positionsOf(source);
  const builder = new SemanticTokensBuilder();
  for (const { start, end, kind } of tokensIn(treeOf(source).items)) {
    const from = positions.positionAt(start);
    const to = positions.positionAt(end);
    // A token must not span lines.
    if (from.line === to.line && to.character > from.character) {
      builder.push(from.line, from.character, to.character - from.character, TYPES.indexOf(kind), 0);
    }
  }
  return builder.build();
}

/** Tokens in the order of the text. The stack is explicit, because blocks may nest deeply. */
function* tokensIn(items: readonly Item[]): Generator<Token> {
  const open: { readonly items: readonly Item[]; readonly entries: boolean; next: number }[] = [
    { items, entries: false, next: 0 },
  ];
  for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
    const item = level.items[level.next++];
    if (item === undefined) {
      open.pop();
    } else if (!isStatement(item)) {
      yield { start: item.start, end: item.end, kind: 'comment' };
    } else {
      yield* level.entries ? wordTokens(item.name, null) : nameTokens(item);
      yield* item.args.flatMap((word) => [...wordTokens(word, item)]);
      if (item.block !== null) {
        open.push({ items: item.block.items, entries: level.entries || holdsEntries(item), next: 0 });
      }
    }
  }
}

function holdsEntries({ name }: Statement): boolean {
  const [declared] = catalogue.all(name.text);
  return declared?.spec.body !== undefined && 'entries' in declared.spec.body;
}

function* nameTokens({ name, block }: Statement): Generator<Token> {
  const isKnown =
    name.text === 'include' || catalogue.all(name.text).length > 0 || knownDirectives(name.text).length > 0;
  if (isKnown) yield { start: name.start, end: name.end, kind: block === null ? 'property' : 'keyword' };
}

const VARIABLE = /\$(?:\{\w+\}|[A-Za-z_]\w*|\d)/g;
const NUMBER = /^\d+(?:\.\d+)?(?:[smhdwMykKgG]|ms|r\/[sm])?$/;

/** @param statement statement that the word is an argument of; null for a key of `map` and similar blocks */
function* wordTokens(word: Word, statement: Statement | null): Generator<Token> {
  const base = kindOf(word, statement);
  const [, parameter] = base === null ? (/^([\w.-]+)=/.exec(word.text) ?? []) : [];
  if (
    parameter !== undefined &&
    statement !== null &&
    wordsOf(statement).parameters.has(parameter) &&
    word.quote === ''
  ) {
    yield { start: word.start, end: word.start + parameter.length, kind: 'parameter' };
  }
  const written = word.source.text.slice(word.start, word.end);
  let at = 0;
  for (const { 0: variable, index } of base === 'regexp' ? [] : written.matchAll(VARIABLE)) {
    if (base !== null && index > at) yield { start: word.start + at, end: word.start + index, kind: base };
    at = index + variable.length;
    yield { start: word.start + index, end: word.start + at, kind: 'variable' };
  }
  if (base !== null && at < written.length) yield { start: word.start + at, end: word.end, kind: base };
}

function kindOf(word: Word, statement: Statement | null): TokenKind | null {
  if (statement !== null && isExpression(word, statement)) return 'regexp';
  if (word.quote !== '') return 'string';
  if (NUMBER.test(word.text)) return 'number';
  if (statement === null) return null;
  return wordsOf(statement).flags.includes(word.text) ? 'enumMember' : null;
}

/** `location ~ expression`, `rewrite expression`, `server_name ~expression`, `if ($x ~ expression)`. */
function isExpression(word: Word, { name, args }: Statement): boolean {
  const i = args.indexOf(word);
  if (name.text === 'rewrite' && i === 0) return true;
  const before = args[i - 1]?.text ?? '';
  return /^!?~\*?$/.test(before) || (name.text === 'server_name' && word.text.startsWith('~'));
}

function wordsOf({ name }: Statement): ReturnType<typeof syntaxWords> {
  return syntaxWords(catalogue.all(name.text)[0]?.spec.takes.syntax ?? '');
}
