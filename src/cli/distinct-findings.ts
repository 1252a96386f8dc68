/** Findings of several configurations that share files. */
import type { Finding } from '../diagnostics/finding.js';

/** Each finding once: a file may be included by several configurations of a directory. */
export function distinctFindings(findings: readonly Finding[]): Finding[] {
  const byKey = new Map(
    findings.map((each) => [JSON.stringify([each.code, each.message, each.at?.source.name, each.at?.start]), each]),
  );
  return [...byKey.values()];
}
