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

export class Notes {
  readonly findings: Finding[] = [];
  readonly uses: Mention[] = [];
  readonly defines: Mention[] = [];
  /** Names that a directive of nginx may define which tsproxy does not have; in lower case. */
  readonly mayDefine = new Set<string>();

  /** Adds a finding; an error unless the remarks say otherwise. */
  report(at: Span | null, code: Code, message: string, remarks: Remarks = {}): void {
    this.findings.push({ severity: 'error', ...remarks, code, message, at });
  }

  /** Takes over what was noted apart. No spreads: a map of a million lines would not fit on the stack. */
  add(other: Notes): void {
    for (const finding of other.findings) {
      this.findings.push(finding);
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
    return this.findings.some((finding) => finding.severity === 'error');
  }
}
