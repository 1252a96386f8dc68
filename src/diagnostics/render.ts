/** Findings as human-readable text: nginx's message, then the position, the excerpt, and help. */

import type { Span } from '../../grammar/syntax-tree.js';
import { toText } from './byte-string.js';
import { codeFrame } from './code-frame.js';
import type { Finding, Severity } from './finding.js';
import { grouped } from './grouped.js';
import { sentence } from './log-message.js';
import { fileLineColumn, placesText } from './place.js';
import { COLOURED, PLAIN, type Style } from './style.js';

export interface RenderOptions {
  /** Use colours, for a terminal whose user has not set NO_COLOR. */
  readonly color?: boolean;
  /** Program name before the message. */
  readonly program?: string;
  /** Whether each finding is shown on its own, without grouping or a limit. */
  readonly all?: boolean;
}

/** Findings shown at most; more usually mean a wrong file or one error that causes many findings. */
const MAX_SHOWN = 1000;

/** nginx log level for each severity. */
const LEVELS: Readonly<Record<Severity, string>> = { error: 'emerg', warning: 'warn', hint: 'notice' };

/** Findings in the order given (at most 1,000) and a summary line; empty if there are none. Ends in a line break. */
export function renderFindings(findings: readonly Finding[], options: RenderOptions = {}): string {
  if (findings.length === 0) {
    return '';
  }
  const groups = options.all === true ? findings.map((finding) => ({ finding, others: [] })) : grouped(findings);
  const shown = options.all === true ? groups : groups.slice(0, MAX_SHOWN);
  const parts = shown.map((group) => renderFinding(group.finding, options, group.others));
  const more = groups.length > shown.length ? `the first ${MAX_SHOWN} of ` : '';
  return `${[...parts, `${more}${summary(findings)}\n`].join('\n')}`;
}

/** One finding, with further places of the same. Ends in a line break. */
export function renderFinding(
  finding: Finding,
  { color = false, program = 'tsproxy' }: RenderOptions = {},
  others: readonly Span[] = [],
): string {
  const style = color ? COLOURED : PLAIN;
  const { severity, code, at, help, related = [], includedFrom = [], fix } = finding;
  const paint = (text: string) => style[severity](text);
  const lines = [`${program}: ${paint(`[${LEVELS[severity]}]`)} ${style.strong(sentence(finding))}`];
  lines.push(`  ${style.faint('-->')} ${at === null ? '' : `${fileLineColumn(at)} `}${style.faint(`(${code})`)}`);
  if (at !== null) {
    lines.push(...codeFrame(at, style, paint));
  }
  if (help !== undefined) {
    lines.push(note(style, 'help', help));
  } else if (fix !== undefined) {
    lines.push(note(style, 'fix', fix.title));
  }
  if (others.length > 0) lines.push(note(style, 'also', placesText(others)));
  for (const { at: place, message } of related) {
    lines.push(note(style, 'see', `${message}: ${fileLineColumn(place)}`), ...codeFrame(place, style, style.hint));
  }
  for (const span of [...includedFrom].reverse()) {
    lines.push(note(style, 'included from', fileLineColumn(span)));
  }
  return `${lines.join('\n')}\n`;
}

/** `3 errors, 1 warning`. */
export function summary(findings: readonly Finding[]): string {
  const counts = (['error', 'warning', 'hint'] as const).map((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? '' : `${count} ${severity}${count === 1 ? '' : 's'}`;
  });
  return counts.filter((count) => count !== '').join(', ');
}

function note(style: Style, kind: string, text: string): string {
  return `  ${style.faint('=')} ${style.strong(`${kind}:`)} ${toText(text)}`;
}
