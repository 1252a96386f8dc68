/** Configurations for documents that no main file includes. */
import type { Finding } from '../diagnostics/finding.js';
import type { RootText } from './analysis.js';
import { directoryOf } from './file-uri.js';
import type { TextReader } from './text-reader.js';

/** The text that stands for the main file of a document. */
export interface FragmentRoot {
  readonly root: RootText;
  readonly replaced: ReadonlyMap<string, string>;
}

/** Sections of a whole configuration. */
const SECTION = /^\s*(?:http|events|stream|mail)\s*\{/m;

/** Whether a text is a whole configuration. */
export function isWhole(text: string): boolean {
  return SECTION.test(text);
}

/** A document that no main file includes is checked as a whole configuration. */
export function fragmentRoot(
  path: string,
  text: string,
  _mainFiles: readonly string[],
  _texts: TextReader,
): FragmentRoot {
  return { root: { source: { name: path, text }, directory: directoryOf(path) }, replaced: new Map() };
}

/** Findings about a document that do not depend on the rest of its configuration. */
export function findingsOfFragment(findings: readonly Finding[]): readonly Finding[] {
  return findings;
}
