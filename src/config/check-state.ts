/** What is noted down while a configuration is checked: findings, and the variables that it uses and defines. */
import type { Span } from '../../grammar/syntax-tree.js';
import type { Code } from '../diagnostics/codes.js';
import type { Finding } from '../diagnostics/finding.js';
import type { FindingOptions } from './directive.js';

/** A variable and where it is named. */
export interface Mention {
  readonly name: string;
  readonly at: Span;
}

/** Findings that are kept: who has more has given the wrong file, and each takes memory. */
const MOST_FINDINGS = 100_000;

/** Bytes of a sentence: nginx cuts its own at this length. A word can be as long as the file. */
const LONGEST_MESSAGE = 2048;

/** How much was noted. */
interface Mark {
  readonly errors: number;
  readonly findings: number;
  readonly uses: number;
  readonly defines: number;
}

export class CheckState {
  readonly findings: Finding[] = [];
  /** How many errors were reported, also those for which there was no room. */
  private errors = 0;
  readonly uses: Mention[] = [];
  readonly defines: Mention[] = [];
  /** Names that a directive of nginx may define which tsproxy does not have; in lower case. */
  readonly mayDefine = new Set<string>();

  /** Adds a finding; an error unless the remarks say otherwise. */
  report(at: Span | null, code: Code, message: string, remarks: FindingOptions = {}): void {
    this.put({ severity: 'error', ...remarks, code, message, at });
  }

  /** Adds a finding, as long as there is room; the first error always has room. */
  put(finding: Finding): void {
    const isFirstError = finding.severity === 'error' && this.errors++ === 0;
    if (this.findings.length >= MOST_FINDINGS && !isFirstError) return;
    const { message } = finding;
    const cut = message.length > LONGEST_MESSAGE;
    this.findings.push(cut ? { ...finding, message: `${message.slice(0, LONGEST_MESSAGE)}...` } : finding);
  }

  /** What there is, to come back to. */
  mark(): Mark {
    const { errors, findings, uses, defines } = this;
    return { errors, findings: findings.length, uses: uses.length, defines: defines.length };
  }

  hasErrorsSince({ errors }: Mark): boolean {
    return this.errors > errors;
  }

  /** Takes back what was noted since; names that may be defined stay. */
  forget({ errors, findings, uses, defines }: Mark): void {
    this.errors = errors;
    this.findings.length = findings;
    this.uses.length = uses;
    this.defines.length = defines;
  }

  get hasErrors(): boolean {
    return this.errors > 0;
  }
}
