/** Completion at the cursor: directives, arguments, names, variables and files. */
import type { CompletionItem, Position } from 'vscode-languageserver/node';
import { MarkupKind } from 'vscode-languageserver/node';
import { type Analysis, catalogue, directiveIn } from '../analysis.js';
import { type BlockContent, type Cursor, contentAt, cursorAt } from '../cursor.js';
import { directiveMarkdown } from '../markdown.js';
import type { OpenDocument } from '../open-documents.js';
import { positionsOf } from '../positions.js';
import { builtInVariable, variableMarkdown } from '../variables.js';
import { argumentCandidates } from './argument-candidates.js';
import { type Candidate, itemOf, type Page } from './candidate.js';
import { directiveCandidates, entryCandidates } from './directive-candidates.js';
import { fileCandidates } from './file-candidates.js';
import { nameCandidates } from './name-candidates.js';
import { variableCandidates } from './variable-candidates.js';

/** @param usesSnippets whether the editor supports tab stops */
export function completionsAt(
  analysis: Analysis,
  { source }: OpenDocument,
  position: Position,
  usesSnippets: boolean,
): CompletionItem[] {
  const positions = positionsOf(source);
  const cursor = cursorAt(source, positions.offsetAt(position));
  if (cursor.inComment) return [];
  const end = wordEnd(cursor);
  return candidatesAt(analysis, cursor, usesSnippets).map((candidate) =>
    itemOf(candidate, positions.rangeOf({ start: candidate.from ?? cursor.start, end })),
  );
}

/** End of the word that a candidate replaces. */
function wordEnd({ source: { text }, offset, words }: Cursor): number {
  let end = offset;
  const inWord = words.length === 0 ? /[\w]/ : /[\w.:/@=-]/;
  while (inWord.test(text.charAt(end))) end++;
  return end;
}

function candidatesAt(analysis: Analysis, cursor: Cursor, usesSnippets: boolean): Candidate[] {
  const content = contentAt(analysis, cursor);
  if (content === null) return [];
  const variables = variableCandidates(analysis, cursor);
  if (variables !== null) return cursor.words.length > 0 || 'entriesOf' in content ? variables : [];
  const [name] = cursor.words;
  if (name === undefined) return namesAt(content, cursor, usesSnippets);
  if (name === 'include') return fileCandidates(analysis, cursor);
  if ('entriesOf' in content) return [];
  const spec = directiveIn(content.context, name)?.spec;
  const own = spec === undefined ? [] : argumentCandidates(spec, cursor.words.slice(1), cursor.prefix);
  const all = [...nameCandidates(analysis, cursor), ...own, ...fileCandidates(analysis, cursor)];
  const seen = new Set<string>();
  return all.filter(({ label }) => seen.size < seen.add(label).size);
}

function namesAt(content: BlockContent, cursor: Cursor, usesSnippets: boolean): Candidate[] {
  if ('entriesOf' in content) return entryCandidates(content.entriesOf);
  // If words follow, the name of an existing directive is being changed.
  const rest = cursor.source.text.slice(wordEnd(cursor)).split('\n', 1)[0] ?? '';
  const insertion = /^[ \t]*(?:$|[}#\r])/.test(rest) ? (usesSnippets ? 'snippet' : 'word') : 'name';
  return directiveCandidates(content.context, insertion);
}

/** Adds the documentation to an item. */
export function resolvedCompletion(item: CompletionItem): CompletionItem {
  const value = pageText(item.data as Page | undefined);
  return value === null ? item : { ...item, documentation: { kind: MarkupKind.Markdown, value } };
}

function pageText(page: Page | undefined): string | null {
  if (page === undefined) return null;
  if ('variable' in page) {
    const variable = builtInVariable(page.variable);
    return variable === undefined ? null : variableMarkdown(variable);
  }
  const declared = catalogue.all(page.directive).find(({ module }) => module.name === page.module);
  return declared === undefined ? null : directiveMarkdown(declared);
}
