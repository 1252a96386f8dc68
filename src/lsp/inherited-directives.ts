/** Directives that a block inherits. */
import type { Statement } from '../../grammar/syntax-tree.js';
import { toText } from '../diagnostics/byte-string.js';
import { effectiveDirectives } from '../explain/effective-directives.js';
import type { Written } from '../explain/explanation.js';
import { WrittenBlocks } from '../explain/written-blocks.js';
import { type Analysis, catalogue } from './analysis.js';

/** Maximum number of statements that are listed. */
const MAX_LISTED = 30;

const cache = new WeakMap<Analysis, WrittenBlocks>();

/** List of the inherited directives of a block; null if there are none, or if it was not checked. */
export function inheritedMarkdown(analysis: Analysis, opener: Statement): string | null {
  const { records } = analysis.result;
  const record = records.find(
    (each) => each.opener?.source.name === opener.source.name && each.opener.start === opener.start,
  );
  if (record === undefined || record.around?.context === 'main') return null;
  let written = cache.get(analysis);
  if (written === undefined) cache.set(analysis, (written = new WrittenBlocks(records)));
  const inherited = effectiveDirectives(record.block, written, catalogue, () => null)
    .filter((each) => each.inherited)
    .flatMap(({ statements }) => statements);
  if (inherited.length === 0) return null;
  const listed = inherited.slice(0, MAX_LISTED).map(lineOf);
  const more = inherited.length > MAX_LISTED ? [`- and ${inherited.length - MAX_LISTED} more`] : [];
  return ['Inherited here:', ...listed, ...more].join('\n');
}

function lineOf({ text, at }: Written): string {
  const file = at === null ? '' : toText(at.file.slice(at.file.lastIndexOf('/') + 1));
  return `- \`${toText(text).replaceAll('`', "'")}\`${at === null ? '' : ` (${file}:${at.line})`}`;
}
