/** Code lenses at servers and locations: a sample request, and the location that answers it. */
import type { CodeLens, Command } from 'vscode-languageserver/node';
import { toText } from '../diagnostics/byte-string.js';
import type { Explanation } from '../explain/explanation.js';
import type { Analysis } from './analysis.js';
import { type Explanations, reasonOf } from './explanations.js';
import { pathOf } from './file-uri.js';
import type { OpenDocument } from './open-documents.js';
import { rangeOf } from './positions.js';
import { sampleRequest } from './sample-request.js';

/** Command that explains a request: `[uri, request]`. Editors ask for the request, with the given one as a proposal. */
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

/** The lens with its title, for which the request is explained. */
export async function resolvedLens(lens: CodeLens, analysis: Analysis, explanations: Explanations): Promise<CodeLens> {
  const { uri, request } = lens.data as LensData;
  let title: string;
  try {
    const { explanation } = await explanations.explain(analysis, request);
    title = titleOf(explanation, lens.data as LensData);
  } catch (error) {
    reasonOf(error);
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
