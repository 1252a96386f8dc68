/** The directives of a syntax tree in crossplane's form. */
import { positionOf } from '../../../grammar/positions.js';
import { type Comment, type Item, isStatement, type Span, type Statement } from '../../../grammar/syntax-tree.js';
import { argumentsOf, sameWords, wordsFor } from './head-words.js';
import type { Directive } from './payload.js';

/** Directives with their statements, for what is added later (`includes`). */
export type OnDirective = (statement: Statement, directive: Directive) => void;

export function directivesOf(items: readonly Item[], notice: OnDirective): Directive[] {
  return level(items, null, notice);
}

/** @param opener the directive whose block it is */
function level(items: readonly Item[], opener: Statement | null, notice: OnDirective): Directive[] {
  let furthest: Span | null = null;
  let head = opener;
  let lastLine = opener === null ? 0 : lineOf(opener);
  return items.map((item) => {
    const blank = furthest !== null && /\n[ \t\r]*\n/.test(between(furthest, item));
    if (furthest === null || item.end >= furthest.end) furthest = item;
    const line = lineOf(item);
    let directive: Directive;
    if (isStatement(item)) {
      head = item.block === null ? item : null;
      directive = statementOf(item, line, notice);
    } else {
      directive = commentOf(item, line, lastLine, head);
    }
    lastLine = line;
    return blank ? { ...directive, blank } : directive;
  });
}

function lineOf({ source, start }: Span): number {
  return positionOf(source, start).line;
}

function between(before: Span, after: Span): string {
  return before.source.text.slice(before.end, after.start);
}

function commentOf(comment: Comment, line: number, lastLine: number, head: Statement | null): Directive {
  const text = comment.text.replace(/[ \t\r\v\f]+$/, '').replaceAll('\n', ' ');
  const directive: Directive = { directive: '#', line, args: [], comment: text };
  if (comment.trailing !== (line === lastLine)) directive.trailing = comment.trailing;
  const end = head?.block?.start ?? head?.end ?? 0;
  if (head !== null && comment.start < end) {
    directive.before = head.args.filter(({ start }) => start < comment.start).length;
  }
  return directive;
}

function statementOf(statement: Statement, line: number, notice: OnDirective): Directive {
  const { name, args, block } = statement;
  const words = [name, ...args];
  const written = words.map(({ source, start, end }) => source.text.slice(start, end));
  // A word that is not one was reported as a mistake.
  const named = argumentsOf(written) ?? { directive: name.text, args: args.map(({ text }) => text) };
  const directive: Directive = { directive: named.directive, line, args: named.args };
  const breaks: number[] = [];
  const apart: number[] = [];
  args.forEach((word, index) => {
    const before = words[index];
    if (before === undefined) return;
    const gap = between(before, word);
    if (gap.includes('\n')) breaks.push(index);
    else if (gap !== '' && before.quote !== '' && word.text.startsWith(')')) apart.push(index);
  });
  if (breaks.length > 0) directive.breaks = breaks;
  if (apart.length > 0) directive.apart = apart;
  if (!sameWords(wordsFor(named.directive, named.args), written)) directive.written = written;
  if (block?.foreign !== undefined) directive.args.push(block.foreign);
  else if (block !== null) directive.block = level(block.items, statement, notice);
  notice(statement, directive);
  return directive;
}
