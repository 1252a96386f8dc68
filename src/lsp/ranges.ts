/** Folding of blocks and comments, and growing selections. */
import { type FoldingRange, FoldingRangeKind, type Position, type SelectionRange } from 'vscode-languageserver/node';
import { type Item, isStatement, type Span } from '../../grammar/syntax-tree.js';
import { headOf } from '../config/statement.js';
import { contentOf } from './names/mention.js';
import type { OpenDocument } from './open-documents.js';
import { positionsOf, rangeOf } from './positions.js';
import { statementsAt, treeOf, wordAt } from './syntax-tree.js';

export function foldingRanges({ source }: OpenDocument): FoldingRange[] {
  const found: FoldingRange[] = [];
  const open: (readonly Item[])[] = [treeOf(source).items];
  for (let items = open.pop(); items !== undefined; items = open.pop()) {
    for (const item of items) {
      if (!isStatement(item) || item.block === null) continue;
      const { start, end } = rangeOf(item.block);
      // The line with the `}` stays visible.
      if (end.line - 1 > start.line) found.push({ startLine: start.line, endLine: end.line - 1 });
      open.push(item.block.items);
    }
    found.push(...commentRuns(items));
  }
  return found;
}

/** Comments on consecutive lines of their own. */
function commentRuns(items: readonly Item[]): FoldingRange[] {
  const found: FoldingRange[] = [];
  let run: { startLine: number; endLine: number } | null = null;
  for (const item of items) {
    const line = isStatement(item) || item.trailing ? -1 : rangeOf(item).start.line;
    if (run !== null && line === run.endLine + 1) {
      run.endLine = line;
      continue;
    }
    if (run !== null && run.endLine > run.startLine) found.push({ ...run, kind: FoldingRangeKind.Comment });
    run = line < 0 ? null : { startLine: line, endLine: line };
  }
  if (run !== null && run.endLine > run.startLine) found.push({ ...run, kind: FoldingRangeKind.Comment });
  return found;
}

/** Nested ranges around each position: word, head of the statement, statement, content of the block, block, and so on. */
export function selectionRanges({ source }: OpenDocument, positions: readonly Position[]): SelectionRange[] {
  return positions.map((position) => {
    const offset = positionsOf(source).offsetAt(position);
    const spans: Span[] = [{ source, start: 0, end: source.text.length }];
    const statements = statementsAt(source, offset);
    for (const statement of statements) {
      spans.push(statement);
      const { block } = statement;
      if (block !== null && block.start < offset && offset < block.end) {
        spans.push(block, { source, start: block.start + 1, end: Math.max(block.start + 1, block.end - 1) });
      }
    }
    const last = statements.at(-1);
    const word = last === undefined ? undefined : wordAt(last, offset);
    if (last !== undefined && word !== undefined) spans.push(headOf(last), word, contentOf(word));
    let range: SelectionRange | undefined;
    for (const span of spans) {
      const isInside = range === undefined || (span.start <= offset && offset <= span.end);
      if (isInside) range = { range: rangeOf(span), ...(range !== undefined && { parent: range }) };
    }
    return range ?? { range: { start: position, end: position } };
  });
}
