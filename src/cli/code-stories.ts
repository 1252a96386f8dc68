/** Explanations of all finding codes, of the checker and of the lints. */
import { codes } from '../diagnostics/codes.js';
import type { Severity } from '../diagnostics/finding.js';
import { nearest } from '../diagnostics/nearest.js';
import type { Lint } from '../lints/engine/lint.js';

export interface CodeStory {
  readonly code: string;
  /** One paragraph. */
  readonly story: string;
  /** Severity of a lint; null for codes of the checker, whose findings set their own: mostly `error`. */
  readonly severity: Severity | null;
  /** Whether its findings depend on the machine as well as on the text. */
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

/** Explanations with those of all lints, which are loaded only here, because most runs name no code. */
export async function allStories(): Promise<readonly CodeStory[]> {
  return codeStories((await import('../lints/index.js')).lints);
}

/** Error message for a code that does not exist. */
export function noSuchCode(word: string, stories: readonly CodeStory[]): string {
  const [meant] = nearest(
    word,
    stories.map(({ code }) => code),
  );
  const help = meant === undefined ? '"tsproxy code" lists them' : `did you mean "${meant}"?`;
  return `tsproxy: there is no code "${word}"; ${help}`;
}
