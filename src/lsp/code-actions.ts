/** Quick fixes: the fixes of findings, comments that silence them, and all unambiguous fixes at once. */
import { type CodeAction, CodeActionKind, type Diagnostic, type Range } from 'vscode-languageserver/node';
import { toText } from '../diagnostics/byte-string.js';
import type { Finding } from '../diagnostics/finding.js';
import { applyFixes } from '../diagnostics/fixes.js';
import { findingsAt, SOURCE_NAME } from './diagnostics.js';
import { workspaceEdit } from './edits.js';
import type { OpenDocument } from './open-documents.js';
import { positionsOf, rangeOf } from './positions.js';

/** Kind of the action that applies all unambiguous fixes, also when a document is saved. */
export const FIX_ALL = `${CodeActionKind.SourceFixAll}.tsproxy`;

export interface ActionRequest {
  readonly range: Range;
  /** Diagnostics that the editor shows in the range. */
  readonly diagnostics: readonly Diagnostic[];
  /** Kinds that the editor asks for; undefined: all. */
  readonly only: readonly string[] | undefined;
}

export function codeActions(
  findings: readonly Finding[],
  document: OpenDocument,
  request: ActionRequest,
  uriOf: (path: string) => string,
): CodeAction[] {
  const { source } = document;
  const wants = (kind: string) => request.only?.some((each) => kind === each || kind.startsWith(`${each}.`)) ?? true;
  const actions: CodeAction[] = [];
  if (wants(CodeActionKind.QuickFix)) {
    const positions = positionsOf(source);
    const span = { start: positions.offsetAt(request.range.start), end: positions.offsetAt(request.range.end) };
    const near = findingsAt(findings, source.name, span);
    for (const finding of near) actions.push(...fixActions(finding, request, uriOf));
    const silenced = new Set<string>();
    for (const finding of near) {
      const line = finding.at === null ? -1 : rangeOf(finding.at).start.line;
      if (finding.severity === 'error' || silenced.size === silenced.add(`${line} ${finding.code}`).size) continue;
      actions.push(ignoreAction(finding, document, line, request));
    }
  }
  if (wants(FIX_ALL)) actions.push(...fixAll(findings, document));
  return actions;
}

function fixActions(finding: Finding, request: ActionRequest, uriOf: (path: string) => string): CodeAction[] {
  const { fix } = finding;
  if (fix === undefined || fix.edits.length === 0) return [];
  return [
    {
      title: capitalized(toText(fix.title)),
      kind: CodeActionKind.QuickFix,
      diagnostics: shownFor(finding, request),
      isPreferred: fix.guess !== true,
      edit: workspaceEdit(fix.edits, uriOf),
    },
  ];
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Action that writes a `tsproxy-ignore` comment above the finding, or adds the code to an existing one. */
function ignoreAction(
  finding: Finding,
  { uri, source }: OpenDocument,
  line: number,
  request: ActionRequest,
): CodeAction {
  const positions = positionsOf(source);
  const start = positions.start(line);
  const indentation = /^[ \t]*/.exec(source.text.slice(start, positions.end(line)))?.[0] ?? '';
  const above = source.text.slice(positions.start(line - 1), positions.end(line - 1));
  const existing = line > 0 ? /^\s*#\s*tsproxy-ignore:\s*[\w-]+(?:\s*,\s*[\w-]+)*/.exec(above)?.[0] : undefined;
  const offset = existing === undefined ? start : positions.start(line - 1) + existing.length;
  const newText = existing === undefined ? `${indentation}# tsproxy-ignore: ${finding.code}\n` : `, ${finding.code}`;
  return {
    title: `Silence ${finding.code} here`,
    kind: CodeActionKind.QuickFix,
    diagnostics: shownFor(finding, request),
    edit: { changes: { [uri]: [{ range: positions.rangeOf({ start: offset, end: offset }), newText }] } },
  };
}

/** Diagnostics in the editor that show the finding. */
function shownFor({ code, at }: Finding, { diagnostics }: ActionRequest): Diagnostic[] {
  if (at === null) return [];
  const { start } = rangeOf(at);
  return diagnostics.filter(
    ({ source, code: shown, range }) =>
      source === SOURCE_NAME &&
      shown === code &&
      range.start.line === start.line &&
      range.start.character === start.character,
  );
}

function fixAll(findings: readonly Finding[], { uri, source }: OpenDocument): CodeAction[] {
  const own = findings.filter(({ fix }) => fix?.edits.every(({ at }) => at.source.name === source.name));
  const { texts, applied } = applyFixes(own, ({ name }) => name);
  const text = texts.get(source.name);
  if (text === undefined) return [];
  const range = positionsOf(source).rangeOf({ start: 0, end: source.text.length });
  return [
    {
      title: `Apply all unambiguous fixes (${applied.length})`,
      kind: FIX_ALL,
      edit: { changes: { [uri]: [{ range, newText: toText(text) }] } },
    },
  ];
}
