/** Findings as plain data for JSON. Lines and columns count from 1, columns in characters; `end` is exclusive. */

import { positionOf } from '../../grammar/positions.js';
import type { Span } from '../../grammar/syntax-tree.js';
import { toText } from './byte-string.js';
import type { Finding, Severity } from './finding.js';

export interface JsonPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

export interface JsonFinding {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly at: JsonPlace | null;
  readonly help?: string;
  readonly related?: readonly { readonly message: string; readonly at: JsonPlace }[];
  readonly fix?: {
    readonly title: string;
    /** True if the intention is guessed; `--fix` does not apply such a fix. */
    readonly guess?: boolean;
    readonly edits: readonly { readonly at: JsonPlace; readonly text: string }[];
  };
  readonly includedFrom?: readonly JsonPlace[];
}

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
