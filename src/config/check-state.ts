/** State collected while a configuration is checked: findings, and the variables that it uses and defines. */
import type { Span } from '../../grammar/syntax-tree.js';
import type { Code } from '../diagnostics/codes.js';
import type { Finding } from '../diagnostics/finding.js';
import type { FindingOptions } from './directive.js';
import type { Failure } from './failure.js';

/** A variable and the span in which it is named. */
export interface Mention {
  readonly name: string;
  readonly at: Span;
}

/** Maximum number of findings: with more, the file is most likely not a configuration, and each takes memory. */
const MAX_FINDINGS = 100_000;

/** Maximum message length in bytes, at which nginx truncates its own. A word can be as long as the file. */
const MAX_MESSAGE_LENGTH = 2048;

/** Lengths of the lists at one moment, for rolling back. */
interface Mark {
  readonly errors: number;
  readonly findings: number;
  readonly uses: number;
  readonly defines: number;
}

export class CheckState {
  /** @param allowsUnsupported whether features that tsproxy lacks are no errors (`allow_unsupported`) */
  constructor(readonly allowsUnsupported = false) {}

  readonly findings: Finding[] = [];
  /** Number of errors reported, including those above the limit. */
  private errors = 0;
  readonly uses: Mention[] = [];
  readonly defines: Mention[] = [];
  /** Lower-case names that may be defined by directives of nginx that tsproxy does not have. */
  readonly mayDefine = new Set<string>();

  /** Statements with an error in their own words. */
  readonly failures: Failure[] = [];

  /** Adds a finding; an error unless the options say otherwise. */
  report(at: Span | null, code: Code, message: string, options: FindingOptions = {}): void {
    this.add({ severity: 'error', ...options, code, message, at });
  }

  /** Adds a finding unless the limit is reached; the first error is always added. */
  add(finding: Finding): void {
    const isFirstError = finding.severity === 'error' && this.errors++ === 0;
    if (this.findings.length >= MAX_FINDINGS && !isFirstError) return;
    const { message } = finding;
    const cut = message.length > MAX_MESSAGE_LENGTH;
    this.findings.push(cut ? { ...finding, message: `${message.slice(0, MAX_MESSAGE_LENGTH)}...` } : finding);
  }

  /** Records the current state, for rolling back to it. */
  mark(): Mark {
    const { errors, findings, uses, defines } = this;
    return { errors, findings: findings.length, uses: uses.length, defines: defines.length };
  }

  hasErrorsSince({ errors }: Mark): boolean {
    return this.errors > errors;
  }

  /** Whether the errors since a mark are mistakes, and not merely about parts of nginx that tsproxy does not have. */
  hasMistakesSince(mark: Mark): boolean {
    return (
      this.hasErrorsSince(mark) &&
      !this.findings.slice(mark.findings).some(({ code }) => code.startsWith('nginx-only-'))
    );
  }

  /** Rolls back everything recorded since a mark, except names that may be defined. */
  rollBack({ errors, findings, uses, defines }: Mark): void {
    this.errors = errors;
    this.findings.length = findings;
    this.uses.length = uses;
    this.defines.length = defines;
  }

  get hasErrors(): boolean {
    return this.errors > 0;
  }
}
