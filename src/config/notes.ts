/** What is noted down while a configuration is checked: findings, and the variables that it uses and defines. */
import type { Span } from '../../grammar/syntax-tree.js';
import type { Code } from '../diagnostics/codes.js';
import type { Finding } from '../diagnostics/finding.js';
import type { Remarks } from './directive.js';

/** A variable and where it is named. */
export interface Mention {
  readonly name: string;
  readonly at: Span;
}

/** Findings that are kept: who has more has given the wrong file, and each takes memory. */
const MOST_FINDINGS = 100_000;

/** Bytes of a sentence: nginx cuts its own at this length. A word can be as long as the file. */
const LONGEST_MESSAGE = 2048;

export class Notes {
  readonly findings: Finding[] = [];
  private failed = false;
  readonly uses: Mention[] = [];
  readonly defines: Mention[] = [];
  /** Names that a directive of nginx may define which tsproxy does not have; in lower case. */
  readonly mayDefine = new Set<string>();

  /** Adds a finding; an error unless the remarks say otherwise. */
  report(at: Span | null, code: Code, message: string, remarks: Remarks = {}): void {
    this.put({ severity: 'error', ...remarks, code, message, at });
  }

  /** Adds a finding, as long as there is room; the first error always has room. */
  put(finding: Finding): void {
    const isFirstError = finding.severity === 'error' && !this.hasErrors;
    if (isFirstError) this.failed = true;
    if (this.findings.length >= MOST_FINDINGS && !isFirstError) return;
    const { message } = finding;
    const cut = message.length > LONGEST_MESSAGE;
    this.findings.push(cut ? { ...finding, message: `${message.slice(0, LONGEST_MESSAGE)}...` } : finding);
  }

  /** Takes over what was noted apart. No spreads: a map of a million lines would not fit on the stack. */
  add(other: Notes): void {
    for (const finding of other.findings) {
      this.put(finding);
    }
    for (const mention of other.uses) {
      this.uses.push(mention);
    }
    for (const mention of other.defines) {
      this.defines.push(mention);
    }
    for (const name of other.mayDefine) {
      this.mayDefine.add(name);
    }
  }

  get hasErrors(): boolean {
    return this.failed;
  }
}
