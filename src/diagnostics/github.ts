/**
 * Findings as workflow commands of GitHub Actions, which shows them beside the lines of a pull request
 * (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands).
 */

import { positionOf } from '../../grammar/positions.js';
import { toText } from './byte-string.js';
import { fileName } from './file-names.js';
import type { Finding, Severity } from './finding.js';

const COMMANDS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', hint: 'notice' };

/**
 * One line per finding, each with its line break.
 *
 * @param directory base of relative file names, with trailing slash: the checkout
 */
export function findingsToGithub(findings: readonly Finding[], directory: string): string {
  return findings.map((finding) => line(finding, directory)).join('');
}

function line({ severity, code, message, help, at }: Finding, directory: string): string {
  const properties: (readonly [string, string | number])[] = [];
  const file = at === null ? null : fileName(at.source, directory);
  if (at !== null && file !== null) {
    const from = positionOf(at.source, at.start);
    const to = positionOf(at.source, at.end);
    properties.push(['file', file], ['line', from.line]);
    // GitHub accepts columns only for a span on one line; `endColumn` is inclusive.
    if (to.line === from.line)
      properties.push(['col', from.column], ['endColumn', Math.max(from.column, to.column - 1)]);
    else properties.push(['endLine', to.line]);
  }
  properties.push(['title', code]);
  const list = properties.map(([name, value]) => `${name}=${escapedProperty(String(value))}`).join(',');
  return `::${COMMANDS[severity]} ${list}::${escaped(
    [message, help]
      .filter((text) => text !== undefined)
      .map(toText)
      .join('\n'),
  )}\n`;
}

/** Escapes the text after `::`. */
function escaped(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapedProperty(text: string): string {
  return escaped(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
