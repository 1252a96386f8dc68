/** Applies the fixes of findings to the source texts. */
import type { Source } from '../../grammar/syntax-tree.js';
import type { Finding, Fix } from './finding.js';

/** A text edit in one file. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Result of applying fixes. */
export interface FixedTexts {
  /** New texts of the changed files, by file name. */
  readonly texts: ReadonlyMap<string, string>;
  /** Findings whose fixes were applied. */
  readonly applied: readonly Finding[];
}

/** Findings whose fix can be applied without confirmation. */
export function fixable(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ fix }) => fix !== undefined && fix.guess !== true && fix.edits.length > 0);
}

/**
 * Applies all fixes that do not overlap; if two overlap, the first in the text. The rest can be applied by another run
 * over the new texts.
 *
 * @param fileOf maps a source to its file, so that a file with two names is edited once; null if it is not a file
 */
export function applyFixes(findings: readonly Finding[], fileOf: (source: Source) => string | null): FixedTexts {
  const edits = new Map<string, { readonly source: Source; readonly edits: Edit[] }>();
  const applied: Finding[] = [];
  for (const finding of fixable(findings)) {
    const required = editsOf(finding.fix, fileOf);
    if (required === null) continue;
    const fits = required.every(({ file, edit }) =>
      (edits.get(file)?.edits ?? []).every((other) => areCompatible(edit, other)),
    );
    if (!fits) continue;
    applied.push(finding);
    for (const { file, source, edit } of required) {
      const pending = edits.get(file) ?? { source, edits: [] };
      if (!pending.edits.some((other) => isSame(edit, other))) pending.edits.push(edit);
      edits.set(file, pending);
    }
  }
  return {
    texts: new Map([...edits].map(([file, { source, edits: own }]) => [file, edited(source.text, own)])),
    applied,
  };
}

/** Edits of a fix with their files; null if one of them has no file. */
function editsOf(
  fix: Fix | undefined,
  fileOf: (source: Source) => string | null,
): { readonly file: string; readonly source: Source; readonly edit: Edit }[] | null {
  const required = [];
  for (const { at, text } of fix?.edits ?? []) {
    const file = fileOf(at.source);
    if (file === null) return null;
    required.push({ file, source: at.source, edit: { start: at.start, end: at.end, text } });
  }
  return required;
}

/** Whether both edits can be applied: they are disjoint and not adjacent, or identical. */
function areCompatible(a: Edit, b: Edit): boolean {
  return a.end < b.start || b.end < a.start || isSame(a, b);
}

function isSame(a: Edit, b: Edit): boolean {
  return a.start === b.start && a.end === b.end && a.text === b.text;
}

function edited(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    parts.push(text.slice(at, edit.start), edit.text);
    at = edit.end;
  }
  return parts.join('') + text.slice(at);
}
