/** Code lenses at servers and locations: a sample request, and the location that handles it. */
import type { CodeLens, Command } from 'vscode-languageserver/node';
import { toText } from '../diagnostics/byte-string.js';
import { CannotExplain } from '../explain/cannot-explain.js';
import type { Explanation } from '../explain/explanation.js';
import type { Analysis } from './analysis.js';
import type { Explanations } from './explanations.js';
import { pathOf } from './file-uri.js';
import type { OpenDocument } from './open-documents.js';
import { rangeOf } from './positions.js';
import { sampleRequest } from './sample-request.js';

/** Command that explains a request; its arguments are `[uri, request]`. Editors propose the request and let the user change it. */
export const EXPLAIN = 'tsproxy.explain';

/** Request of a lens, which is explained when the lens is shown. */
interface LensData {
  readonly uri: string;
  readonly request: string;
  /** Line of the block, from 1. */
  readonly line: number;
}

/** Maximum number of lenses of a document. */
const MAX_LENSES = 1000;

export function codeLenses(analysis: Analysis, { uri, source }: OpenDocument): CodeLens[] {
  const lenses: CodeLens[] = [];
  for (const scope of analysis.main?.all() ?? []) {
    const { opener, kind } = scope;
    if (opener?.source.name !== source.name || (kind !== 'server' && kind !== 'location')) continue;
    const request = sampleRequest(scope);
    if (request === null || lenses.length === MAX_LENSES) continue;
    const range = rangeOf(opener.name);
    lenses.push({ range, data: { uri, request: toText(request), line: range.start.line + 1 } satisfies LensData });
  }
  return lenses;
}

/** Explains the request of a lens and adds the title. */
export async function resolvedLens(lens: CodeLens, analysis: Analysis, explanations: Explanations): Promise<CodeLens> {
  const { uri, request } = lens.data as LensData;
  let title: string;
  try {
    const { explanation } = await explanations.explain(analysis, request);
    title = titleOf(explanation, lens.data as LensData);
  } catch (error) {
    if (!(error instanceof CannotExplain)) throw error;
    title = `explain ${request}`;
  }
  return { ...lens, command: { title, command: EXPLAIN, arguments: [uri, request] } satisfies Command };
}

function titleOf({ location, answer }: Explanation, { uri, request, line }: LensData): string {
  const status = answer.status === 0 ? '' : `, ${answer.status}`;
  const { text, at } = location;
  if (at === null) return `${request} → ${text}${status}`;
  const isSameFile = at.file === toText(pathOf(uri));
  if (isSameFile && at.line === line) return `${request} → here${status}`;
  const place = isSameFile ? `line ${at.line}` : `${at.file.slice(at.file.lastIndexOf('/') + 1)}:${at.line}`;
  return `${request} → ${text} (${place})${status}`;
}
