/** Findings as diagnostics of the protocol. */
import {
  type Diagnostic,
  type DiagnosticRelatedInformation,
  DiagnosticSeverity,
  DiagnosticTag,
} from 'vscode-languageserver/node';
import { toText } from '../diagnostics/byte-string.js';
import { documentUrl } from '../diagnostics/documents.js';
import type { Finding, Severity } from '../diagnostics/finding.js';
import type { Analysis } from './analysis.js';
import { positionsOf, rangeOf } from './positions.js';

/** Source of the diagnostics, as editors show it. */
export const SOURCE_NAME = 'tsproxy';

const SEVERITIES: Readonly<Record<Severity, DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  hint: DiagnosticSeverity.Information,
};

/** Codes of findings about text that has no effect, which editors show faded. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'location-never-matches',
  'location-shadowed',
  'named-location-unused',
  'server-never-selected',
  'unreachable-after-return',
  'unused-ignore',
  'unused-upstream',
]);

/** Diagnostics of each file of a configuration, by path, including files without findings. */
export function diagnosticsOf(
  analysis: Analysis,
  findings: readonly Finding[],
  uriOf: (path: string) => string,
): Map<string, Diagnostic[]> {
  const byPath = new Map<string, Diagnostic[]>([...analysis.paths].map((path) => [path, []]));
  const root = analysis.root.source.name;
  for (const finding of findings) {
    byPath.get(finding.at?.source.name ?? root)?.push(diagnosticOf(finding, uriOf));
  }
  return byPath;
}

function diagnosticOf(finding: Finding, uriOf: (path: string) => string): Diagnostic {
  const { code, severity, message, at, help, related = [] } = finding;
  const start = { line: 0, character: 0 };
  return {
    range: at === null ? { start, end: start } : rangeOf(at),
    severity: SEVERITIES[severity],
    code,
    codeDescription: { href: documentUrl(`docs/codes.md#${code}`) },
    source: SOURCE_NAME,
    message: toText(help === undefined ? message : `${message}\n${help}`),
    ...(WITHOUT_EFFECT.has(code) && { tags: [DiagnosticTag.Unnecessary] }),
    ...(related.length > 0 && {
      relatedInformation: related.map(
        (each): DiagnosticRelatedInformation => ({
          location: { uri: uriOf(each.at.source.name), range: rangeOf(each.at) },
          message: toText(each.message),
        }),
      ),
    }),
  };
}

/** Findings of a file on lines that a range of offsets touches. */
export function findingsAt(
  findings: readonly Finding[],
  path: string,
  { start, end }: { readonly start: number; readonly end: number },
): Finding[] {
  return findings.filter(({ at }) => {
    if (at === null || at.source.name !== path) return false;
    const positions = positionsOf(at.source);
    // Fixes are offered anywhere on the lines of a finding.
    const first = positions.start(positions.positionAt(at.start).line);
    const last = positions.end(positions.positionAt(at.end).line);
    return first <= end && start <= last;
  });
}
