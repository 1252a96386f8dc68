/** Findings as plain data for JSON. */

import { positionOf } from '../../grammar/positions.js';
import type { Span } from '../../grammar/syntax-tree.js';
import { toText } from './byte-string.js';
import type { Finding } from './finding.js';
import type { JsonFinding, JsonPlace } from './json-finding.js';

export type { JsonFinding, JsonPlace } from './json-finding.js';

/** Findings as plain data, in the order given. */
export function findingsToJson(findings: readonly Finding[]): JsonFinding[] {
  return findings.map(({ code, severity, message, at, help, related, fix, includedFrom }) => ({
    code,
    severity,
    message: toText(message),
    at: at === null ? null : place(at),
    ...(help !== undefined && { help: toText(help) }),
    ...(related !== undefined && {
      related: related.map((one) => ({ message: toText(one.message), at: place(one.at) })),
    }),
    ...(fix !== undefined && {
      fix: {
        title: toText(fix.title),
        ...(fix.guess === true && { guess: true }),
        edits: fix.edits.map((edit) => ({ at: place(edit.at), text: toText(edit.text) })),
      },
    }),
    ...(includedFrom !== undefined && { includedFrom: includedFrom.map(place) }),
  }));
}

function place({ source, start, end }: Span): JsonPlace {
  const from = positionOf(source, start);
  const to = positionOf(source, end);
  return {
    file: toText(source.name),
    line: from.line,
    column: from.column,
    endLine: to.line,
    endColumn: to.column,
  };
}
