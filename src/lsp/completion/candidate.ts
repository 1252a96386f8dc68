/** Candidates of a completion, and their items of the protocol. Texts of candidates are bytes. */
import { type CompletionItem, type CompletionItemKind, InsertTextFormat, type Range } from 'vscode-languageserver/node';
import { toText } from '../../diagnostics/byte-string.js';

export interface Candidate {
  readonly label: string;
  readonly kind: CompletionItemKind;
  /** Inserted text; default: the label. */
  readonly insert?: string;
  /** Whether the inserted text has tab stops. */
  readonly isSnippet?: boolean;
  readonly detail?: string;
  /** Identifies the documentation, which is sent on request. */
  readonly page?: Page;
  /** Order among the others: smaller is first. */
  readonly rank?: number;
  /** Offset from which the text is replaced; default: the start of the current word. */
  readonly from?: number;
  /** Whether completion continues after the insertion, as after a directory or `zone=`. */
  readonly continues?: boolean;
}

/** Documentation of an item. */
export type Page = { readonly directive: string; readonly module: string } | { readonly variable: string };

/** Command that opens the completions again. */
const TRIGGER_SUGGEST = { title: 'Complete', command: 'editor.action.triggerSuggest' };

export function itemOf(candidate: Candidate, range: Range): CompletionItem {
  const { label, kind, insert = label, isSnippet = false, detail, page, rank, continues = false } = candidate;
  return {
    label: toText(label),
    kind,
    textEdit: { range, newText: toText(insert) },
    // Editors compare what is typed with this; a word may begin with a scheme or a `$`.
    filterText: toText(label),
    ...(isSnippet && { insertTextFormat: InsertTextFormat.Snippet }),
    ...(detail !== undefined && { detail: toText(detail) }),
    ...(page !== undefined && { data: page }),
    ...(rank !== undefined && { sortText: `${rank}${toText(label)}` }),
    ...(continues && { command: TRIGGER_SUGGEST }),
  };
}
