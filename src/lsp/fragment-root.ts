/**
 * Configurations for documents that no main file includes: the document in its block, in the nearest main file or together with
 * the files around it, so that the names that these define are known.
 */

import { parse } from '../../grammar/parser.js';
import { isStatement, type Source } from '../../grammar/syntax-tree.js';
import { writeValue } from '../../grammar/words.js';
import type { Finding } from '../diagnostics/finding.js';
import { ENCLOSING_TEXT, type Enclosing } from '../fragments/blocks.js';
import { EnclosingDetector, hasSection } from '../fragments/enclosing.js';
import { findingsOfParts } from '../fragments/outside.js';
import { type Part, WRAPPING, wrapped } from '../fragments/part.js';
import { modules } from '../modules/index.js';
import type { RootText } from './analysis.js';
import { directoryOfDocument } from './file-uri.js';
import type { TextReader } from './text-reader.js';

/** The text that stands for the main file of a document. */
export interface FragmentRoot {
  readonly root: Pick<RootText, 'source' | 'directory'>;
  readonly enclosing: Enclosing;
  /** Whether it is a main file with the document added. */
  readonly inMain: boolean;
}

const detector = new EnclosingDetector(modules);

/**
 * @param mainFiles configurations that do not include the document, the nearest first
 * @param around files beside the document
 */
export function fragmentRoot(
  { name, text }: Source,
  mainFiles: readonly string[],
  around: readonly string[],
  texts: TextReader,
): FragmentRoot {
  const enclosing = enclosingOf(name, text) ?? 'http';
  for (const main of mainFiles) {
    const source = withInclude(main, texts.textOf(main) ?? '', name, enclosing);
    if (source !== null) return { root: { source, directory: directoryOfDocument(main) }, enclosing, inMain: true };
  }
  const others = around.flatMap((path): Part[] => {
    const found = path === name ? null : enclosingOf(path, texts.textOf(path) ?? '');
    return found === null || found === 'main' ? [] : [{ name: path, enclosing: found }];
  });
  const directory = directoryOfDocument(mainFiles[0] ?? name);
  const parts = [...others, { name, enclosing }];
  const whole = wrapped({ name, text: null, prefix: directory, confDirectory: directory, reader: texts }, parts);
  const source = { name: whole?.name ?? directory + WRAPPING, text: whole?.text ?? '' };
  return { root: { source, directory }, enclosing, inMain: false };
}

/** The block that the outermost directives of a text belong into; null for a whole configuration, or if none of them is known. */
function enclosingOf(name: string, text: string): Enclosing | null {
  return hasSection(text) ? null : detector.enclosing(parse({ name, text }).items);
}

/** A main file in whose `http` block the document is included; null if there is no such block. */
function withInclude(main: string, text: string, path: string, enclosing: Enclosing): Source | null {
  const { inHttp, before, after } = ENCLOSING_TEXT[enclosing];
  const include = ` ${before} include ${writeValue(path, '"')}; ${after} `;
  const http = parse({ name: main, text })
    .items.filter(isStatement)
    .find(({ name }) => name.text === 'http');
  const { block } = http ?? {};
  if (block === null || block === undefined || text.charAt(block.end - 1) !== '}') return null;
  // Inserted at the end of the block, so that offsets of the text before it stay the same.
  const at = inHttp ? block.end - 1 : text.length;
  return { name: main, text: `${text.slice(0, at)}${inHttp ? '' : '\n'}${include}${text.slice(at)}` };
}

/** Codes of findings that may be due to files that were not found. */
const UNUSED: ReadonlySet<string> = new Set(['unused-upstream', 'named-location-unused', 'cannot-listen']);

/** Findings that hold for a document that no main file includes. */
export function findingsOfFragment(
  findings: readonly Finding[],
  { enclosing, inMain }: FragmentRoot,
): readonly Finding[] {
  // Definitions are visible as if the main file included the document; the server around a location is unknown.
  if (inMain && enclosing === 'http') return findings.filter(({ code }) => !UNUSED.has(code));
  return findingsOfParts(findings);
}
