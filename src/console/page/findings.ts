/** Findings of the check beside the lines that they are about. */
import type { JsonFinding, Severity } from '../../diagnostics/json-finding.js';
import { h } from './dom.js';
import { plural } from './numbers.js';
import { inlineCode } from './prose.js';
import { type Level, levelClass } from './tone.js';

const LEVELS: Readonly<Record<Severity, Level>> = { error: 'bad', warning: 'warning', hint: 'idle' };

export function findingBox({ severity, message, code, help, related }: JsonFinding): HTMLElement {
  return h(
    'div',
    { class: `finding is-${severity}` },
    h(
      'p',
      {},
      h('span', { class: levelClass(LEVELS[severity]) }, severity),
      ' ',
      h('b', {}, message),
      ' ',
      h('code', { class: 'faint' }, code),
    ),
    help !== undefined && h('p', { class: 'finding-help' }, inlineCode(help)),
    (related ?? []).map(({ message: text, at }) => h('p', { class: 'finding-help' }, `${text}: ${at.file}:${at.line}`)),
  );
}

/** 2 errors, 1 warning; empty if there are none. */
export function summaryOfFindings(findings: readonly JsonFinding[]): string {
  return (['error', 'warning', 'hint'] as const)
    .map((severity) => [severity, findings.filter((each) => each.severity === severity).length] as const)
    .filter(([, number]) => number > 0)
    .map(([severity, number]) => plural(number, severity))
    .join(', ');
}
