/** Every code of a finding with its story: those of the checker and those of the lints. */
import { codes } from '../diagnostics/codes.js';
import type { Severity } from '../diagnostics/finding.js';
import { nearest } from '../diagnostics/nearest.js';
import type { Lint } from '../lints/engine/lint.js';

export interface CodeStory {
  readonly code: string;
  /** One paragraph. */
  readonly story: string;
  /** The severity of a lint; null for codes of the checker, where it is the finding's: mostly an error. */
  readonly severity: Severity | null;
  /** Whether what it finds depends on the machine, not on the text alone. */
  readonly probes: boolean;
}

/** Sorted by code. */
export function codeStories(lints: readonly Lint[]): CodeStory[] {
  const own = Object.entries(codes).map(([code, story]) => ({ code, story, severity: null, probes: false }));
  const ofLints = lints.map(({ code, story, severity, probe }) => ({
    code,
    story,
    severity,
    probes: probe !== undefined,
  }));
  return [...own, ...ofLints].sort((a, b) => (a.code < b.code ? -1 : 1));
}

/** Those of all lints that there are; they are loaded only here, because most runs name no code. */
export async function allStories(): Promise<readonly CodeStory[]> {
  return codeStories((await import('../lints/index.js')).lints);
}

/** What a person is told who names a code that there is not. */
export function noSuchCode(word: string, stories: readonly CodeStory[]): string {
  const [meant] = nearest(
    word,
    stories.map(({ code }) => code),
  );
  const help = meant === undefined ? '"tsproxy code" lists them' : `did you mean "${meant}"?`;
  return `tsproxy: there is no code "${word}"; ${help}`;
}
