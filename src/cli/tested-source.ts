/** The configuration that `-t` tests: a file, a part of a configuration such as a site, or a directory of either. */

import { existsSync, statSync } from 'node:fs';
import { parse } from '../../grammar/parser.js';
import { isStatement } from '../../grammar/syntax-tree.js';
import { diskReader } from '../config/reader.js';
import { toText } from '../diagnostics/byte-string.js';
import type { Finding } from '../diagnostics/finding.js';
import { nativePath } from '../files/native-path.js';
import type { ConfigSource } from '../process/configuration.js';
import type { Diagnosis } from './diagnosis.js';
import type { ConfigSelection } from './invocation.js';
import { enclosingOf, findingsOfParts, type Part, wrapped } from './part.js';
import { sourceOf } from './paths.js';

/** The text to diagnose, and its name in messages. */
export interface Tested {
  readonly source: ConfigSource;
  /** Name in messages: the file, or the directory. Bytes. */
  readonly name: string;
  /** Files that are tested as parts of a configuration; empty for a whole one. */
  readonly parts: readonly Part[];
}

/** File names of a whole configuration in a directory. */
const WHOLE = ['nginx.conf', 'conf/nginx.conf'];

/** Resolves a path of the command line; throws nginx's message if a directory has nothing to test. */
export async function testedSource(which: ConfigSelection): Promise<Tested> {
  const source = sourceOf(which);
  const { name } = source;
  if (!isDirectory(name)) {
    const parts = source.text === null ? await partsAmong([name]) : [];
    return { source: { ...source, ...(parts.length > 0 && { confDirectory: confDirectoryAbove(name) }) }, name, parts };
  }
  const directory = name.endsWith('/') ? name : `${name}/`;
  // As if nginx were started there with `-p`, unless a prefix is given.
  const prefix = which.prefix === undefined ? directory : source.prefix;
  const whole = WHOLE.map((file) => directory + file).find((path) => existsSync(nativePath(path)));
  if (whole !== undefined) return { source: { ...source, name: whole, prefix }, name: whole, parts: [] };
  const files = diskReader.expand(`${directory}*.conf`).filter((path) => !isDirectory(path));
  const parts = await partsAmong(files);
  if (parts.length === 0) throw new Error(`no configuration file "nginx.conf" or "*.conf" in "${directory}"`);
  return { source: { ...source, name: directory, confDirectory: confDirectoryAbove(directory), prefix }, name, parts };
}

/**
 * Diagnoses parts inside their enclosing blocks. Variables that they use without defining them are assumed to be defined in
 * the rest of the configuration, unless they are nginx's own.
 */
export async function diagnoseParts(
  tested: Tested,
  diagnose: (source: ConfigSource) => Promise<Diagnosis>,
): Promise<Diagnosis> {
  const first = await diagnose(wholeOf(tested));
  const elsewhere = new Set(first.findings.filter(mayBeDefinedElsewhere).map(variableOf));
  const second = elsewhere.size === 0 ? first : await diagnose(wholeOf(tested, elsewhere));
  return { ...second, findings: findingsOfParts(second.findings) };
}

/** The configuration itself, or one that encloses its parts. */
export function wholeOf({ source, parts }: Tested, variables: Iterable<string> = []): ConfigSource {
  if (parts.length === 0) return source;
  const whole = wrapped(source, parts, variables);
  if (whole === null) throw new Error(`"${source.name}" cannot be included: its name has a wildcard in it`);
  return whole;
}

function mayBeDefinedElsewhere({ code, fix }: Finding): boolean {
  return (code === 'unknown-variable' && fix === undefined) || code === 'connection-upgrade-undefined';
}

function variableOf({ message }: Finding): string {
  return /"([^"]*)"/.exec(message)?.[1] ?? '';
}

/** Blocks of a whole configuration: a line that begins with one shows that the file is no part, without loading any module. */
const SECTION = /^\s*(?:http|events|stream|mail)\s*\{/m;

/** Characters that are parsed to classify a file; the check itself refuses files that are too long. */
const MAX_PARSED = 200_000;

/** Files whose outermost directives belong into a block. Unreadable files are left to the check. */
async function partsAmong(files: readonly string[]): Promise<Part[]> {
  const texts = files.map((name) => ({ name, text: textOf(name) })).filter(({ text }) => !SECTION.test(text));
  if (texts.every(({ text }) => text === '')) return [];
  const { modules } = await import('../modules/index.js');
  return texts.flatMap(({ name, text }) => {
    const enclosing = enclosingOf(parse({ name, text: text.slice(0, MAX_PARSED) }).items.filter(isStatement), modules);
    return enclosing === null ? [] : [{ name, enclosing }];
  });
}

/** Text of the file; empty if it cannot be read. */
function textOf(name: string): string {
  try {
    return diskReader.read(name);
  } catch {
    return '';
  }
}

/** Directory for includes: the nearest one at or above a path with an `nginx.conf`, else the path's own. */
function confDirectoryAbove(path: string): string {
  const own = path.slice(0, path.lastIndexOf('/') + 1);
  for (let at = own; at.length > 1; at = at.slice(0, at.lastIndexOf('/', at.length - 2) + 1)) {
    if (existsSync(nativePath(`${at}nginx.conf`))) return at;
  }
  return own;
}

function isDirectory(path: string): boolean {
  return statSync(nativePath(path), { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Sentence about how parts were tested; null for a whole configuration. */
export function testedAs({ name, parts }: Tested): string | null {
  const [first] = parts;
  if (first === undefined) return null;
  if (parts.length === 1 && first.name === name) {
    return `${toText(name)} is a part of a configuration: tested as the content of "${first.enclosing}"`;
  }
  const files = parts.length === 1 ? '1 file in' : `${parts.length} files in`;
  return `${files} ${toText(name)}, tested as parts of a configuration`;
}
