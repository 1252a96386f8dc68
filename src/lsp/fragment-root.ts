/**
 * Configurations for documents that no main file includes: the document in its block, within the nearest main file, or beside
 * the files around it, so that the names that these define are known.
 */

import { parse } from '../../grammar/parser.js';
import { type Item, isStatement, type Source, type Statement } from '../../grammar/syntax-tree.js';
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

/** The block that the outermost directives of a text belong into; null for a whole configuration or an unknown text. */
function enclosingOf(name: string, text: string): Enclosing | null {
  return hasSection(text) ? null : detector.enclosing(parse({ name, text }).items);
}

/** A main file in whose `http` block the document is included; null if there is no such block. */
function withInclude(main: string, text: string, path: string, enclosing: Enclosing): Source | null {
  const { inHttp, before, after } = ENCLOSING_TEXT[enclosing];
  const include = ` ${before} include ${writeValue(path, '"')}; ${after} `;
  const http = statementsIn(parse({ name: main, text }).items).find(({ name }) => name.text === 'http');
  const { block } = http ?? {};
  if (block === null || block === undefined || text.charAt(block.end - 1) !== '}') return null;
  // Text before the end of the block keeps its place.
  const at = inHttp ? block.end - 1 : text.length;
  return { name: main, text: `${text.slice(0, at)}${inHttp ? '' : '\n'}${include}${text.slice(at)}` };
}

function statementsIn(items: readonly Item[]): Statement[] {
  return items.filter(isStatement);
}

/** Findings that may be due to files that are not known. */
const UNUSED: ReadonlySet<string> = new Set(['unused-upstream', 'named-location-unused', 'cannot-listen']);

/** Findings about a document that hold although no main file includes it. */
export function findingsOfFragment(
  findings: readonly Finding[],
  { enclosing, inMain }: FragmentRoot,
): readonly Finding[] {
  // Its servers see the same definitions as if the main file included it; the server around a location is not known.
  if (inMain && enclosing === 'http') return findings.filter(({ code }) => !UNUSED.has(code));
  return findingsOfParts(findings);
}
