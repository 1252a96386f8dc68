/** Applies the fixes of findings to the texts that they are about. */
import type { Source } from '../../grammar/syntax-tree.js';
import type { Finding, Fix } from './finding.js';

/** A text edit in one file. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What applying gave. */
export interface FixedTexts {
  /** The new texts by the file's name; those that are changed only. */
  readonly texts: ReadonlyMap<string, string>;
  /** The findings whose fixes are in them. */
  readonly applied: readonly Finding[];
}

/** The findings whose fix can be applied without asking. */
export function fixable(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ fix }) => fix !== undefined && fix.guess !== true && fix.edits.length > 0);
}

/**
 * Applies all fixes that do not overlap; of two that do, the one that stands first in the text. Another run over the
 * new texts finds what is left.
 *
 * @param fileOf the file that a source is of, so that two names of one file get their edits once; null for what is no file
 */
export function applyFixes(findings: readonly Finding[], fileOf: (source: Source) => string | null): FixedTexts {
  const edits = new Map<string, { readonly source: Source; readonly edits: Edit[] }>();
  const applied: Finding[] = [];
  for (const finding of fixable(findings)) {
    const wanted = wantedBy(finding.fix, fileOf);
    if (wanted === null) continue;
    const fits = wanted.every(({ file, edit }) => (edits.get(file)?.edits ?? []).every((other) => fit(edit, other)));
    if (!fits) continue;
    applied.push(finding);
    for (const { file, source, edit } of wanted) {
      const known = edits.get(file) ?? { source, edits: [] };
      if (!known.edits.some((other) => same(edit, other))) known.edits.push(edit);
      edits.set(file, known);
    }
  }
  return {
    texts: new Map([...edits].map(([file, { source, edits: own }]) => [file, edited(source.text, own)])),
    applied,
  };
}

/** The edits of a fix by file; null where one of them is in no file. */
function wantedBy(
  fix: Fix | undefined,
  fileOf: (source: Source) => string | null,
): { readonly file: string; readonly source: Source; readonly edit: Edit }[] | null {
  const wanted = [];
  for (const { at, text } of fix?.edits ?? []) {
    const file = fileOf(at.source);
    if (file === null) return null;
    wanted.push({ file, source: at.source, edit: { start: at.start, end: at.end, text } });
  }
  return wanted;
}

/** Whether both can be applied: they do not touch, or are the same. */
function fit(a: Edit, b: Edit): boolean {
  return a.end < b.start || b.end < a.start || same(a, b);
}

function same(a: Edit, b: Edit): boolean {
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
