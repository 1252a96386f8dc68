/** Edits of a workspace. */
import type { WorkspaceEdit } from 'vscode-languageserver/node';
import type { Span } from '../../grammar/syntax-tree.js';
import { toText } from '../diagnostics/byte-string.js';
import { rangeOf } from './positions.js';

/** Edits of one or several files, from byte spans and byte strings. */
export function workspaceEdit(
  edits: Iterable<{ readonly at: Span; readonly text: string }>,
  uriOf: (path: string) => string,
): WorkspaceEdit {
  const changes: NonNullable<WorkspaceEdit['changes']> = {};
  for (const { at, text } of edits) {
    const uri = uriOf(at.source.name);
    changes[uri] ??= [];
    changes[uri].push({ range: rangeOf(at), newText: toText(text) });
  }
  return { changes };
}
