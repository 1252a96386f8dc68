/** HTML or XML in place of a configuration: most likely an error page saved by a download. */
import type { Source, SyntaxTree } from './syntax-tree.js';

const BEGIN = /^(?:\xEF\xBB\xBF)?\s*(<(?:!doctype|html|head|\?xml)\b[^\s;{]*)/i;

/** Whether a text begins like an HTML page or an XML document. */
export function isMarkup(text: string): boolean {
  return BEGIN.test(text.slice(0, 200));
}

/** The tree of such a text: no statements, and one mistake in nginx's words. */
export function markupTree(source: Source): SyntaxTree {
  const [, first = ''] = BEGIN.exec(source.text.slice(0, 200)) ?? [];
  const start = source.text.indexOf(first);
  const at = { source, start, end: start + first.length };
  const help =
    'this file is an HTML or XML document, not a configuration; it may be the error page of a failed download';
  return { source, items: [], mistakes: [{ at, message: `unknown directive "${first}"`, help }] };
}
